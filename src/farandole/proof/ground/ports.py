"""Loopback ports that no outgoing connection can take while a server is down."""

import random
import socket

BELOW_EPHEMERAL = range(15_000, 32_000)
ATTEMPTS = 200


def free_port() -> int:
    """Returns a free loopback port outside the ephemeral ranges of Linux and macOS.

    A client that keeps dialling a stopped server on an ephemeral port may connect to itself and keep the port.
    """
    candidates = random.SystemRandom().sample(BELOW_EPHEMERAL, ATTEMPTS)
    for port in candidates:
        if _can_listen(port):
            return port
    raise RuntimeError(f"expected a free loopback port among {ATTEMPTS} candidates, found none")


def accepts_connections(port: int) -> bool:
    """Tells whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
