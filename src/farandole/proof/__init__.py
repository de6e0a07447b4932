"""Everything that can go wrong, made to go wrong: the proofs of what the README promises."""
