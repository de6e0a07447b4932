"""Makes orders in a closed loop at the HTTP ingress of Restate; each request waits for the end of its workflow.

Run as `python -m benchmarks.contestants.restate_load`; a line `first end outstanding` on its standard input starts it.
"""

import json
import sys
from itertools import islice

from benchmarks.contestant import lines
from benchmarks.contestants.restate_settings import Settings
from benchmarks.load import Place


def request(number: int) -> bytes:
    content = json.dumps(lines(number)).encode()
    return (
        b"POST /Order/order-%d/run HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (number, len(content), content)
    )


def make(place: Place, first: int, end: int, outstanding: int) -> None:
    """So many customers at once, each with its next order when the last has ended."""
    following = iter(range(first, end))
    for number in islice(following, outstanding):
        place.customer().order(number, 0, request(number))
    left = end - first
    while left:
        for customer, status in place.answers(None):
            if status != 200:
                raise RuntimeError(f"expected 200 for order {customer.number}, found {status}")
            left -= 1
            if (number := next(following, end)) < end:
                customer.order(number, 0, request(number))
            else:
                place.leave(customer)


def main() -> None:
    """Says `ready`, obeys one line after the other."""
    place = Place(Settings.from_environment().ingress)
    print("ready", flush=True)
    for line in sys.stdin:
        make(place, *map(int, line.split()))


if __name__ == "__main__":
    main()
