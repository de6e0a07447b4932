"""Spans of time as people read them."""

from typing import Final

_MILLI: Final = 1000
_SECOND: Final = 1_000_000
_LARGE: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(micros: int) -> str:
    """Microseconds as `0.4 ms`, `12 ms`, `3.21 s` or `3 min 12 s`; below zero where clocks disagree."""
    if micros < 0:
        return f"\N{MINUS SIGN}{span(-micros)}"
    if micros < _SECOND:
        return f"{micros / _MILLI:.{1 if micros < 10 * _MILLI else 0}f} ms"
    if micros < 60 * _SECOND:
        return f"{micros / _SECOND:.2f} s"
    seconds = micros // _SECOND
    whole, unit = next((whole, unit) for whole, unit in _LARGE if seconds >= whole)
    smaller, smaller_unit = {"d": (3_600, "h"), "h": (60, "min"), "min": (1, "s")}[unit]
    return f"{seconds // whole} {unit} {seconds % whole // smaller} {smaller_unit}"
