"""The saga kernel: batches, outbox, offsets, dead letters and transports. It has never heard of an order."""
