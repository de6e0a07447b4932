"""Holds stock for orders, and gives it back."""
