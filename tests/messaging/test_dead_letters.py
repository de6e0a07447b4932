"""Parked records are told in the log, however many, without filling it."""

import pytest
from structlog.testing import capture_logs

from farandole.messaging.dead_letters import ANNOUNCE_EVERY, ANNOUNCED, Announcer, letter
from farandole.messaging.envelope import Record
from farandole.messaging.failure import Poison
from farandole.messaging.kernel_tables import DeadLetter


def letters(count: int) -> list[DeadLetter]:
    record = Record("order.placed", 0, 0, b"key", b"{", (), 0)
    return [
        letter("order", ("topic", record._replace(offset=offset)), Poison("expected JSON"), 0)
        for offset in range(count)
    ]


def test_few_parked_records_are_told_one_by_one_and_many_by_their_number() -> None:
    now = 0
    announce = Announcer("order", lambda: now)
    with capture_logs() as said:
        for _ in range(100):
            announce(letters(50))
        now += ANNOUNCE_EVERY
        announce(letters(1))
    assert [line["event"] for line in said] == ["parked"] * ANNOUNCED + ["parked many", "parked"]
    assert said[ANNOUNCED]["records"] == 100 * 50 - ANNOUNCED


def test_a_rare_parked_record_is_always_told_with_its_id_and_error() -> None:
    now = 0
    announce = Announcer("order", lambda: now)
    with capture_logs() as said:
        for _ in range(3 * ANNOUNCED):
            announce(letters(1))
            now += ANNOUNCE_EVERY
    assert [line["dead_letter"] for line in said] == [letters(1)[0].id] * 3 * ANNOUNCED
    assert {line["error"] for line in said} == {"expected JSON"}


ORDER, EVENT, CAUSE = (f"01a2083b-9939-7622-b5f7-4da344e11fc{n}" for n in range(3))


@pytest.mark.parametrize(
    ("key", "headers", "told"),
    [
        (
            ORDER,
            {"ce_id": EVENT, "ce_causationid": CAUSE},
            {"order_id": ORDER, "event_id": EVENT, "causation_id": CAUSE},
        ),
        (ORDER, {"ce_id": EVENT}, {"order_id": ORDER, "event_id": EVENT}),
        ("ada@example.com", {"ce_id": "ada@example.com", "ce_causationid": EVENT + "\n"}, {}),
    ],
)
def test_a_parked_record_is_told_with_the_ids_it_has_and_nothing_a_stranger_wrote_in_their_place(
    key: str, headers: dict[str, str], told: dict[str, str]
) -> None:
    fields = tuple((name, value.encode()) for name, value in headers.items())
    record = Record("order.placed", 0, 0, key.encode(), b"{", fields, 0)
    with capture_logs() as said:
        Announcer("inventory", lambda: 0)([letter("inventory", ("topic", record), Poison("expected JSON"), 0)])
    assert {name: value for name, value in said[0].items() if name.endswith("_id")} == told
