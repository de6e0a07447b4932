"""Bugs put in on purpose: each breaks one mechanism, and the suite must notice. `python -m tests.mutants` tries them all."""
