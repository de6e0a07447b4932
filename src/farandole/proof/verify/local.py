"""One order as far as the rest of the world is concerned: numbers for its rows and records; ids have no part in it."""

from collections.abc import Sequence
from typing import NamedTuple

from farandole.contract.invariants import Finding
from farandole.proof.verify.deciding import Part
from farandole.proof.verify.protocol import Label, Phase

Outbox = tuple[tuple[int, int], ...]
"""What each outbox row says, and its phase."""


class Hearing(NamedTuple):
    """One service, by its place in SAGA, and one record it subscribes to: how far it is, and what it last said."""

    service: int
    heard: int
    phase: int
    said: int


class Local(NamedTuple):
    """One order: which of its commands were given, its rows at each service, its records in the topics, who has heard
    them, its outbox rows."""

    actor: int
    posted: int
    rows: tuple[int, ...]
    topics: frozenset[int]
    hearings: tuple[Hearing, ...]
    outbox: Outbox

    @property
    def quiet(self) -> bool:
        """Nothing is in flight."""
        return not self.outbox and all(hearing.phase == Phase.DONE for hearing in self.hearings)

    def with_rows(self, service: int, rows: int) -> "Local":
        return self._replace(rows=(*self.rows[:service], rows, *self.rows[service + 1 :]))

    def with_hearing(self, place: int, hearing: Hearing) -> "Local":
        return self._replace(hearings=(*self.hearings[:place], hearing, *self.hearings[place + 1 :]))

    def with_outbox(self, place: int, phase: int | None) -> "Local":
        """With one outbox row in another phase, or (None) gone."""
        row = () if phase is None else ((self.outbox[place][0], phase),)
        return self._replace(outbox=(*self.outbox[:place], *row, *self.outbox[place + 1 :]))

    def with_record(self, said: int, hearings: Sequence[Hearing]) -> "Local":
        """With one more record in its topic, due at those who subscribe to it."""
        inordered = tuple(sorted((*self.hearings, *hearings), key=lambda hearing: hearing[:2]))
        return self._replace(topics=self.topics | {said}, hearings=inordered)


class Move(NamedTuple):
    """A transition: the order and the stock after it, whether it is a step ahead, and what it violates."""

    local: int
    stock: int
    label: Label
    ahead: bool = True
    broken: tuple[Finding, ...] = ()


class Due(NamedTuple):
    """What a service may take into a batch: a record or a command, by its place among the hearings or the commands."""

    service: str
    commanded: bool
    place: int
    part: Part
