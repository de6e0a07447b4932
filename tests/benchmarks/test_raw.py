"""What the raw limit moves is what Farandole would say: the ratio to it compares like with like."""

from collections import Counter, deque
from collections.abc import Iterator

import msgspec
import pytest

from benchmarks.contestant import KINDS, SKUS
from benchmarks.contestants.raw_service import KEY, VARIANTS, Batch, Record, lanes
from benchmarks.contestants.raw_steps import OUTBOX, SERVICES
from benchmarks.contestants.settings import RawSettings
from farandole.messaging import envelope
from farandole.runtime.settings import load
from farandole.runtime.wiring import STEPS_TOPIC, services

DECODERS = {topic: decoder for service in services(load({})).values() for topic, decoder in service.decoders.items()}


def dance(variant: str, numbers: Iterator[int] | range) -> Batch:
    """All that the processes of the raw limit move for some orders."""
    settings = RawSettings("", "", variant, 6, {})
    roles = [lanes(role, settings) for role in SERVICES]
    batch, due = Batch(), deque[tuple[str, bytes, bytes]](("", KEY % number, b"") for number in numbers)
    while due:
        topic, key, cause = due.popleft()
        said = len(batch.said)
        for hearing in roles:
            if topic in hearing:
                hearing[topic][key[-2:]].move(key, cause, batch)
        due += [(record[0], record[1], record[3][0][1]) for record in batch.said[said:]]
    return batch


def heard(record: Record) -> envelope.Heard[envelope.Event]:
    topic, key, value, headers = record
    return envelope.unseal(envelope.Record(topic, 0, 0, key, value, tuple(headers), 0), DECODERS[topic], 0)


def test_every_record_is_an_event_of_farandole_to_the_byte() -> None:
    for record in dance("copy", range(4_000, 4_000 + SKUS)).said:
        event = heard(record).event
        assert msgspec.json.encode(event) == record[2]
        assert envelope.seal(event, envelope.Said("", "", 0, None)).topic == record[0]


def test_headers_are_those_of_farandole() -> None:
    for record in dance("copy", range(len(KINDS))).said:
        event, headers = heard(record), dict(record[3])
        said = envelope.Said(
            headers["ce_id"].decode(), event.source.removeprefix("/farandole/"), event.said_at, event.causation
        )
        assert headers == dict(envelope.seal(event.event, said).headers)


def test_every_record_has_an_id_of_its_own_and_names_its_cause() -> None:
    said = [heard(record) for record in dance("copy", range(SKUS)).said]
    ids = {event.cause.id for event in said}
    assert len(ids) == len(said)
    assert {event.causation for event in said} - {None} < ids
    assert sum(event.causation is None for event in said) == SKUS


def test_the_mix_says_what_it_must() -> None:
    topics = Counter(record[0] for record in dance("copy", range(SKUS)).said)
    assert topics == {
        "order.placed": 100,
        "order.validated": 90,
        "order.failed": 10,
        "order.paid": 80,
        "payment.failed": 10,
        "order.completed": 80,
        STEPS_TOPIC: 80 + 3 * 10 + 2 * 10,
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_outbox_row_is_written_for_every_record_where_there_is_an_outbox(variant: str) -> None:
    batch = dance(variant, range(len(KINDS)))
    assert len(batch.rows.pop(OUTBOX, [])) == (len(batch.said) if variant == "outbox" else 0)
    tables = {table: len(rows) for table, rows in batch.rows.items()}
    silent = {"reservations": 10, "payments": 9, "outcomes": 10, "releases": 1}
    assert tables == {"orders": 10, "notices": 10, "messages": 10, **silent}
    assert set(batch.moves.values()) <= {0, 1, 2, 3}
