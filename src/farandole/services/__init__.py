"""Four services that share events, never rows."""
