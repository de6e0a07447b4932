"""The model checker: the real handlers, every interleaving of deliveries, duplicates and crashes in worlds small enough."""

from farandole.proof.verify.checker import Result, run, verify
from farandole.proof.verify.worlds import WORLDS, World, chosen

__all__ = ["WORLDS", "Result", "World", "chosen", "run", "verify"]
