"""A batch waits for company only as long as the last one shows that company comes: not at rest, briefly at load."""

from typing import Final

MOST: Final = 2000
"""Records or commands decided in one transaction at most."""


def patience(last: int, each: float, longest: float) -> float:
    """Seconds to wait for more, after a batch of `last`: at low rates close to nothing, for it is a share of the time
    between two batches; at high rates each wait makes the next batch larger, up to `longest` seconds."""
    return min(longest, each * last)
