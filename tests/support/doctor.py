"""A running system and its doctor: orders are placed, processes die and are started again, and what is said of it is read."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from farandole.cli import farandole as command
from farandole.proof.ground.cluster import SAGA, Cluster, Member
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.embedded import Embedded
from farandole.runtime.server import Server, address, listen
from farandole.runtime.settings import load
from tests.support.customers import receive, wish
from tests.support.serving import served

LATE_AFTER = "2"


def place(url: str, price: str = "10.00") -> str:
    answer = httpx.post(f"{url}/api/orders", json=wish("happy", price), timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def diagnosis(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/api/diagnosis", timeout=30).raise_for_status().json()
    return found


def of_order(url: str, order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/api/orders/{order_id}/diagnosis", timeout=30).raise_for_status().json()
    return found


def sentences(found: dict[str, Any]) -> str:
    """Everything that a diagnosis says."""
    causes = [*(group["cause"] for group in found["groups"]), *found["troubles"]]
    told = [group["summary"] for group in found["groups"]] + [cause["sentence"] for cause in found["troubles"]]
    return "\n".join([*told, *(evidence for cause in causes for evidence in cause["evidence"])])


def await_words(
    url: str, *words: str | re.Pattern[str], seconds: float = 90, meanwhile: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    """The first diagnosis that says all of these words."""
    last: dict[str, Any] = {}

    def said() -> bool:
        meanwhile()
        last.update(diagnosis(url))
        return all(re.search(re.escape(w) if isinstance(w, str) else w, sentences(last)) for w in words)

    try:
        drive_until(said, pause, seconds)
    except AssertionError:
        raise AssertionError(f"expected {words}, found: {sentences(last)}") from None
    return last


def await_well(url: str) -> None:
    try:
        drive_until(lambda: diagnosis(url)["well"], pause)
    except AssertionError:
        raise AssertionError(f"expected all to be well, found: {sentences(diagnosis(url))}") from None


def doctor(url: str) -> tuple[int, str]:
    """Exit code and words of the command."""
    from farandole.cli import exits

    result = CliRunner().invoke(command, ["doctor", "--url", url], standalone_mode=False)
    if isinstance(result.exception, exits.Unreachable):
        return exits.WRONG, str(result.exception)
    assert result.exception is None, result.exception
    return int(result.return_value), result.output


@contextmanager
def embedded(folder: Path, **settings: object) -> Iterator[str]:
    """The system in one process, and its address."""
    chosen = load({}, {"port": 0, **settings})
    bound = listen(chosen)
    with Embedded(chosen, folder) as system, served(Server(system.app), bound):
        yield address(bound)


def start_all(cluster: Cluster) -> dict[str, Member]:
    """Every service, and a monitor that knows where they are."""
    members = {name: cluster.start(name) for name in SAGA}
    start_monitor(cluster, members)
    cluster.all_ready(list(members.values()))
    receive(members["inventory"].url)
    await_well(members["monitor"].url)
    return members


def start_monitor(cluster: Cluster, members: dict[str, Member]) -> None:
    urls = {f"FARANDOLE_{name.upper()}_URL": members[name].url for name in SAGA}
    members["monitor"] = cluster.start("monitor", FARANDOLE_LATE_AFTER=LATE_AFTER, **urls)


def start_again(cluster: Cluster, members: dict[str, Member], name: str, **env: str) -> None:
    """A new process of a service where the old one listened."""
    members[name] = cluster.start(name, FARANDOLE_PORT=members[name].url.rpartition(":")[2], **env)
