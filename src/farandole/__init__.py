"""Farandole: order fulfilment as a choreographed saga, a chain dance without a leader."""

__version__ = "0.1.0"
