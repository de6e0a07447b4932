"""What a page costs as the store grows: every page, and what pages ask again and again, over HTTP."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import httpx

from benchmarks.addresses import Address, addresses, known
from benchmarks.contestant import Play
from benchmarks.contestants.embedded import FarandoleEmbedded
from benchmarks.contestants.farandole import Farandole, receive
from benchmarks.ground import Servers
from benchmarks.sizes import Sizes
from benchmarks.stores import Store
from benchmarks.throughput import judged

Tell = Callable[[str], None]
SKUS: Final = 1_000
EVERY_SECONDS: Final = 2.0
"""Pages ask again every two seconds."""
CHECKED: Final = 200_000
"""Orders up to which every invariant is held against every row; of more only what the ledger and the doctor say is asked."""
PATIENCE: Final = 120.0


class Half(Protocol):
    """A system of either kind: `url` answers for all of it, `databases` are its services' while it rests."""

    @property
    def url(self) -> str: ...
    @property
    def databases(self) -> dict[str, str]: ...
    def play(self, orders: int) -> Play: ...
    def rest(self) -> None: ...
    def work(self) -> None: ...


def pages(servers: Servers, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """By half and number of orders: milliseconds of every address, all being well and with many orders waiting."""
    halves: dict[str, Callable[[], AbstractContextManager[Half]]] = {
        "embedded": FarandoleEmbedded,
        "distributed": lambda: Farandole(servers, monitor=True),
    }
    found = {}
    for orders in sizes.pages:
        for name, enter in halves.items():
            with enter() as half:
                found[f"{name}, {orders:,} orders"] = _grown(half, orders, sizes, tell)
            servers.tidy()
    return found


def _grown(half: Half, orders: int, sizes: Sizes, tell: Tell) -> dict[str, Any]:
    """What a half answers with so many orders, and with a tenth more that wait for their payment."""
    real = min(sizes.real, orders // 5)
    unheard = _played(half, real)
    store, began = Store(half.databases), time.perf_counter()
    store.multiply(orders // real)
    wrong = [*unheard, *(store.violations() if orders <= CHECKED else [])]
    tell(f"{orders:,} orders of {real:,} in {time.perf_counter() - began:.0f} s {wrong or ''}")
    well = _asked(half, sizes.asked, {"placed": orders, "late": 0})
    late = store.delay(max(1, orders // real // 8))
    store.park(sizes.parked)
    waiting = _asked(half, sizes.asked, {"placed": orders + late, "late": late})
    figures = {"orders": orders, "late": late, "parked": sizes.parked, "well": well[0], "waiting": waiting[0]}
    tell(", ".join(f"{name}: {_slowest(rows)}" for name, rows in (("well", well[0]), ("waiting", waiting[0]))))
    return judged(figures, [*wrong, *well[1], *waiting[1]])


def _played(half: Half, orders: int) -> list[str]:
    """Orders are placed and a half rests once its monitor has heard all of them; what was wrong."""
    receive(half.url, SKUS)
    half.play(orders)
    with httpx.Client(base_url=half.url, timeout=PATIENCE) as client:
        wrong = _violations(client, {"placed": orders, "late": 0})
    half.rest()
    return wrong


def _asked(half: Half, rounds: int, expected: dict[str, int]) -> tuple[dict[str, Any], list[str]]:
    """A half works, is asked for everything so many times, and rests; milliseconds by address, and what was wrong."""
    half.work()
    with httpx.Client(base_url=half.url, timeout=PATIENCE) as client:
        wrong = _violations(client, expected)
        found = _rounds(client, addresses(known(client, "PENDING" if expected["late"] else "COMPLETED")), rounds)
        wrong += _violations(client, expected)
    half.rest()
    return found, wrong


def _rounds(client: httpx.Client, wanted: Sequence[Address], rounds: int) -> dict[str, Any]:
    """The first answer stands apart: templates and statements are prepared for it."""
    first = {one.name: _millis(client, one) for one in wanted}
    later: dict[str, list[float]] = {one.name: [] for one in wanted}
    for _ in range(rounds):
        began = time.perf_counter()
        for one in wanted:
            later[one.name].append(_millis(client, one))
        time.sleep(max(0.0, EVERY_SECONDS - (time.perf_counter() - began)))
    return {
        name: {"first": first[name], "least": min(taken), "median": statistics.median(taken), "worst": max(taken)}
        for name, taken in later.items()
    }


def _millis(client: httpx.Client, one: Address) -> float:
    began = time.perf_counter()
    answer = client.get(one.path, headers={"HX-Request": "true"} if one.piece else {})
    taken = (time.perf_counter() - began) * 1000
    if answer.is_error:
        raise RuntimeError(f"{one.path}: expected an answer, found {answer.status_code}: {answer.text[:300]}")
    return taken


def _violations(client: httpx.Client, expected: dict[str, int]) -> list[str]:
    """Whether the ledger agrees with the services, and the doctor counts as many late orders as there are."""
    deadline = time.monotonic() + PATIENCE
    while True:
        wrong = _wrong(client, expected)
        if not wrong or time.monotonic() > deadline:
            return wrong
        time.sleep(EVERY_SECONDS)


def _wrong(client: httpx.Client, expected: dict[str, int]) -> list[str]:
    answers = [client.get(path) for path in ("/api/ledger", "/api/diagnosis")]
    if any(answer.is_error for answer in answers):
        return [answer.text for answer in answers if answer.is_error]
    ledger, doctor = (answer.json() for answer in answers)
    found = {"placed": ledger["orders"]["placed"], "late": doctor["late"]}
    wrong = [f"expected {expected}, found {found}"] if found != expected else []
    if ledger["state"] != "agrees":
        wrong.append(f"the ledger says {ledger['state']}: {ledger['unseen'] or ledger['findings'][:3]}")
    if not expected["late"] and not doctor["well"]:
        wrong.append(f"the doctor says: {doctor['groups'] or doctor['troubles']}")
    return wrong


def _slowest(rows: dict[str, Any]) -> str:
    name = max(rows, key=lambda name: rows[name]["median"])
    return f"slowest {name}, {rows[name]['median']:.0f} ms"
