"""Makes orders in a closed loop at the HTTP ingress of Restate; each request waits for the end of its workflow.

Run as `python -m benchmarks.contestants.restate_load`; a line `first step end outstanding` on its standard input starts it.
"""

import json
import sys
from itertools import islice

from benchmarks.contestant import lines
from benchmarks.contestants.settings import RestateSettings
from benchmarks.load import Place


def request(number: int) -> bytes:
    content = json.dumps(lines(number)).encode()
    return (
        b"POST /Order/order-%d/run HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (number, len(content), content)
    )


def make(place: Place, share: range, outstanding: int) -> None:
    """So many customers at once, each with its next order when the last has ended."""
    following = iter(share)
    for number in islice(following, outstanding):
        place.customer().order(number, 0, request(number))
    left = len(share)
    while left:
        for customer, status in place.answers(None):
            if status != 200:
                raise RuntimeError(f"expected 200 for order {customer.number}, found {status}")
            left -= 1
            later = next(following, None)
            if later is None:
                place.leave(customer)
            else:
                customer.order(later, 0, request(later))


def main() -> None:
    """Says `ready`, obeys one line after the other."""
    place = Place(RestateSettings.from_environment().ingress)
    print("ready", flush=True)
    for line in sys.stdin:
        first, step, end, outstanding = map(int, line.split())
        make(place, range(first, end, step), outstanding)


if __name__ == "__main__":
    main()
