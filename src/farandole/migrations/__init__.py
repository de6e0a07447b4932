"""Schema histories, one per service: expand first, contract a release later, so that two versions run side by side."""
