"""Waiting until nothing is in flight: everybody ready, outbox empty, every group at the end of its topics."""

import time
from collections.abc import Callable, Iterator
from typing import Final

import httpx
import psycopg
from confluent_kafka import KafkaException

from farandole.proof.ground.cluster import SAGA
from farandole.proof.ground.waiting import pause
from farandole.proof.torture.reading import Place
from farandole.proof.torture.stage import Stage, client
from farandole.runtime.settings import load
from farandole.runtime.wiring import services

BOUND: Final = 120.0
HEARS: Final = {name: frozenset(service.topics) for name, service in services(load({})).items()}
"""The topics that each service hears."""


def await_quiet(stage: Stage) -> list[str]:
    """Nothing when the system came to rest within the bound, else what was still under way."""
    deadline = time.monotonic() + BOUND
    while left := _under_way(stage):
        if time.monotonic() > deadline:
            return [f"not at rest {BOUND:.0f} s after the last fault: {what}" for what in left]
        pause()
    return []


def _under_way(stage: Stage) -> list[str]:
    try:
        ends = stage.topics.ends()
        found = [*_unready(stage), *_waiting(stage), *_unheard(stage, ends)]
        return found or ([] if stage.topics.ends() == ends else ["records are still being said"])
    except (psycopg.Error, KafkaException, httpx.HTTPError) as error:
        return [f"{type(error).__name__}: {error}"]


def _unready(stage: Stage) -> Iterator[str]:
    for slot, member in stage.members.items():
        if member.process.poll() is not None:
            yield f"{client(slot)} has ended"
        elif not (answer := httpx.get(f"{member.url}/health/ready", timeout=10)).is_success:
            yield f"{client(slot)} is not ready: {answer.text}"


def _waiting(stage: Stage) -> Iterator[str]:
    for service in SAGA:
        if (rows := stage.watch.ask(service, "SELECT count(*) FROM outbox")[0][0]) > 0:
            yield f"{rows} outbox rows of {service}"


def _unheard(stage: Stage, ends: dict[Place, int]) -> Iterator[str]:
    for service in SAGA:
        decided = stage.watch.decided(service)
        for place, end in ends.items():
            if place[0] in HEARS[service] and decided.get(place, 0) < end:
                yield f"{service} heard {place[0]}/{place[1]} up to {decided.get(place, 0)} of {end}"


def await_that(condition: Callable[[], object], seconds: float) -> bool:
    """Whether something became true within a bound."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause()
    return True
