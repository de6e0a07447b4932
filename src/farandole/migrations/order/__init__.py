"""The history of the order service's tables."""
