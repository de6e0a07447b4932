"""Drawings as they were looked at once."""
