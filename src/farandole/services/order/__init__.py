"""Takes orders and learns how they end."""
