"""The front door: one address for all services, and the first page."""
