"""The invariants of one service's own facts, computed on request, at most a tenth of the time."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from farandole.contract.facts import Facts
from farandole.contract.invariants import findings
from farandole.http.desk import Desk
from farandole.http.routes import Route, get, json
from farandole.messaging.database import Transaction
from farandole.messaging.envelope import rfc3339

REST: Final = 9
"""An answer is given again for as many times as long as computing it took."""


class InvariantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`violations` is null where the invariant cannot be computed from what is observed here."""

    id: str
    title: str
    violations: int | None
    checked_at: str
    examples: tuple[str, ...]


def routes(desk: Desk, facts: Callable[[Transaction], Facts]) -> tuple[Route, ...]:
    kept: list[InvariantAnswer] = []
    fresh_until = 0
    one_at_a_time = asyncio.Lock()

    async def checked(_: Request) -> Response:
        nonlocal kept, fresh_until
        async with one_at_a_time:
            if desk.now() >= fresh_until:
                began = desk.now()
                kept = await desk.read(lambda transaction: _answers(facts(transaction), began))
                fresh_until = desk.now() + REST * (desk.now() - began)
        return json(kept)

    return (get("/api/invariants", checked, "What must always hold", tag="operations", answer=list[InvariantAnswer]),)


def _answers(facts: Facts, now: int) -> list[InvariantAnswer]:
    return [
        InvariantAnswer(
            id=found.id,
            title=found.title,
            violations=found.violations,
            checked_at=rfc3339(now),
            examples=found.examples,
        )
        for found in findings(facts)
    ]
