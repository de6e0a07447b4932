"""The history of the monitor's tables."""
