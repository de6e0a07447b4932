"""Whatever is written is written in key order, so that no two batches wait for each other."""

from collections.abc import Sequence
from typing import Any

import pytest

from farandole.messaging.database import Relation
from farandole.messaging.database.postgres import PostgresTransaction
from farandole.messaging.database.sqlite import SqliteTransaction
from farandole.messaging.decision import Row
from farandole.messaging.envelope import Message
from tests.behaviour.house import House


@pytest.fixture
def disorder(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables that were written in another order than their keys'."""
    found: list[str] = []
    for kind in (SqliteTransaction, PostgresTransaction):
        for name in ("insert", "update", "advance"):
            _watch(monkeypatch, kind, name, found)
    return found


def _watch(monkeypatch: pytest.MonkeyPatch, kind: type[Any], name: str, found: list[str]) -> None:
    honest = getattr(kind, name)

    def watched(self: Any, relation: Relation[Any], rows: Sequence[Row]) -> None:
        keys: list[Any] = [row.key for row in rows]
        if keys != sorted(keys):
            found.append(f"{name} {relation.name}")
        honest(self, relation, rows)

    monkeypatch.setattr(kind, name, watched)


def test_rows_are_written_in_key_order(house: House, disorder: list[str]) -> None:
    skus = ["wool", "milk", "tea", "apples", "zinc", "bread"]
    for sku in skus:
        house.receive(10, sku)
    house.say(*(Message("order.placed", f"nobody-{number}", b"{", ()) for number in range(8)))
    for number in range(30):
        house.place(sku=skus[number % len(skus)], price="10000.01" if number % 3 else "1.00")
    house.settle()
    assert len(house.dead("inventory")) == 8
    house.restart("monitor")
    house.say_again(*house.everything())
    house.settle()
    assert disorder == []
