"""The model checker's database of dictionaries decides as SQLite does, and is a database where SQLite cannot show it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pytest

from farandole.messaging.batch import decide
from farandole.messaging.database import Database, open_database
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Conflict
from farandole.messaging.service import Service
from farandole.proof.verify import WORLDS, checker
from farandole.proof.verify.deciding import Seen, in_memory
from farandole.proof.verify.explore import explore
from farandole.proof.verify.memory import Kept, Memory
from farandole.runtime.wiring import STORAGES
from farandole.services.inventory.domain import Stock
from farandole.services.inventory.storage import STOCK
from farandole.services.notification.domain import Message
from farandole.services.notification.storage import MESSAGES
from tests.proof.verify_bugs import SOUND

NAMED: Final = {world.name: world for world in WORLDS}
TEA: Final = Stock("tea", 3, 0)
FIRST: Final = Message("1", "order", "completed", "email", "ada@example.com", "subject", "body", 0)
LONG: Final = [pytest.param(name, marks=pytest.mark.proof) for name in ("forged", "posted-twice")]


@pytest.mark.parametrize("name", [*LONG, "last-unit", "opposite-lines", "receipt"])
def test_a_world_on_sqlite_is_the_world_in_memory(name: str) -> None:
    space, checks, start = checker.opened(NAMED[name], SOUND)
    real, real_checks, real_start = checker.opened(NAMED[name], SOUND, transact=_on_sqlite)
    modelled, found = explore(space, checks, start), explore(real, real_checks, real_start)
    assert (found.states, found.transitions, found.violation) == (modelled.states, modelled.transitions, None)
    assert real.deciders.rows.values == space.deciders.rows.values
    assert real.deciders.heard.values == space.deciders.heard.values


def test_what_is_locked_is_seen_as_it_is_and_what_is_not_as_it_was() -> None:
    now, then = _kept(Stock("tea", 2, 1)), _kept(TEA)
    transaction = Memory([STOCK], [now], [then])
    assert transaction.select(STOCK, ["tea"]) == [TEA]
    assert transaction.select(STOCK, ["tea"], lock=True) == [Stock("tea", 2, 1)]


def test_a_key_that_exists_is_a_conflict_whether_it_was_seen_or_not() -> None:
    with pytest.raises(Conflict):
        Memory([STOCK], [_kept(TEA)], []).insert(STOCK, [TEA])


def test_every_unique_constraint_counts() -> None:
    transaction = Memory([MESSAGES], [])
    transaction.insert(MESSAGES, [FIRST])
    with pytest.raises(Conflict):
        transaction.insert(
            MESSAGES, [Message("2", *tuple(getattr(FIRST, name) for name in FIRST.__struct_fields__[1:]))]
        )


def test_greater_values_stay_and_deleted_rows_go() -> None:
    transaction = Memory([STOCK], [_kept(TEA)])
    transaction.advance(STOCK, [Stock("tea", 2, 5), Stock("milk", 1, 1)])
    assert transaction.all(STOCK) == [Stock("milk", 1, 1), Stock("tea", 3, 5)]
    transaction.delete(STOCK, ["tea"])
    assert transaction.all(STOCK) == [Stock("milk", 1, 1)]


def _kept(row: Stock) -> Kept:
    return STOCK.name, STOCK.values(row)


def _on_sqlite(
    service: Service, batch: Sequence[Heard[Any]], kept: frozenset[Kept], seen: Seen
) -> tuple[list[Any], frozenset[Kept]]:
    """The same transaction on a real database; one writer at a time, so none sees what was before."""
    if seen is not None:
        return in_memory(service, batch, kept, seen)
    database = open_database("sqlite://")
    STORAGES[service.name].METADATA.create_all(database.engine)
    relations = {relation.name: relation for relation in service.relations}
    try:
        _write(database, relations, kept)
        with database.writing() as transaction:
            verdicts = decide(service, transaction, batch)
        with database.reading() as transaction:
            rows = ((name, r.values(row)) for name, r in relations.items() for row in transaction.all(r))
            return list(verdicts), frozenset(rows)
    finally:
        database.close()


def _write(database: Database, relations: dict[str, Any], kept: Iterable[Kept]) -> None:
    with database.writing() as transaction:
        for name, values in sorted(kept):
            transaction.insert(relations[name], [relations[name].row(values)])
