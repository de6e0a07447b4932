"""Parked records are told in the log, however many, without filling it."""

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
    assert {line["error"] for line in said} == {"'expected JSON'"}
