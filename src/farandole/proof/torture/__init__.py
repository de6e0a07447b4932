"""Real faults: real servers and processes under load, killed, frozen, cut off and filled up, and afterwards held against the invariants."""
