"""What strangers with write access to the topics may put there, at volume, and what must become of it."""
