"""Schema histories, one per service: a change expands first and contracts a release later, so that two versions run side by side."""
