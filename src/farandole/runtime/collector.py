"""The cycle collector of a server: a batch makes thousands of objects and drops them all, with hardly a cycle among them."""

import gc


def collect_rarely() -> None:
    """Look for cycles after 50,000 objects instead of 700, never again among the modules that are loaded now."""
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
