"""Real records against the AsyncAPI document, read once more by the official CloudEvents SDK; golden records for ever."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator, FormatChecker

from farandole.contract.choreography import CHOREOGRAPHY
from farandole.http.asyncapi import asyncapi
from farandole.messaging.envelope import Heard, Record, Said, seal, unseal
from farandole.runtime.settings import load
from farandole.runtime.wiring import MONITOR, TOPICS, services
from tests.behaviour.conftest import ground
from tests.behaviour.grounds import Ground
from tests.behaviour.house import House

__all__ = ["ground", "records"]
GOLDEN = Path(__file__).parent / "golden" / "v1"
DOCUMENT = asyncapi()
DECODERS = services(load({}))[MONITOR].decoders
SPEAKERS = {(step.says.topic, f"/farandole/{step.service}") for step in CHOREOGRAPHY if step.says}
NOON = 1_767_268_800_000_000


@pytest.fixture
def records(ground: Ground) -> Iterator[list[Record]]:
    """What the three flows and a goods receipt leave in the log."""
    house = House(ground)
    house.flows()
    yield [record for topic in TOPICS for record in ground.records(topic)]
    house.close()


def heard(record: Record) -> Heard[Any]:
    return unseal(record, DECODERS[record.topic], NOON)


def text(record: Record) -> dict[str, str]:
    return {name: (content or b"").decode() for name, content in record.headers}


def validate(record: Record) -> None:
    """Check headers, key and value against the message of that name in the document."""
    message = DOCUMENT["components"]["messages"][type(heard(record).event).__name__]
    parts = ((message["headers"], text(record)), (message["payload"], json.loads(record.value or b"")))
    for schema, instance in (*parts, (message["bindings"]["kafka"]["key"], (record.key or b"").decode())):
        whole = {**schema, "components": DOCUMENT["components"]}
        Draft202012Validator(whole, format_checker=FormatChecker()).validate(instance)
    topic, _, name = text(record)["ce_dataschema"].removeprefix("/asyncapi.json#/components/schemas/").partition("/")
    pointed = DOCUMENT["components"]["schemas"][topic][name]
    Draft202012Validator({**pointed, "components": DOCUMENT["components"]}).validate(json.loads(record.value or b""))


def agree_with_the_sdk(record: Record) -> None:
    """Check that the official SDK reads what today's decoder reads."""
    ours, headers = heard(record), {name: content or b"" for name, content in record.headers}
    theirs = from_binary(KafkaMessage(headers, record.key, record.value or b""), JSONFormat())
    assert theirs.get_specversion() == "1.0"
    assert (theirs.get_id(), theirs.get_source(), theirs.get_type()) == (ours.cause.id, ours.source, record.topic)
    assert (theirs.get_subject(), theirs.get_datacontenttype()) == (ours.event.key, "application/json")
    said_at = theirs.get_time()
    assert isinstance(said_at, datetime)
    assert round(said_at.timestamp() * 1_000_000) == ours.said_at
    assert theirs.get_extension("causationid") == ours.causation
    assert theirs.get_data() == json.loads(record.value or b"")


def kinds(records: Sequence[Record]) -> set[str]:
    return {type(heard(record).event).__name__ for record in records}


def test_every_record_is_as_the_asyncapi_document_says(records: list[Record]) -> None:
    for record in records:
        validate(record)
    assert kinds(records) == set(DOCUMENT["components"]["messages"])


def test_the_official_sdk_reads_the_same_from_every_record(records: list[Record]) -> None:
    for record in records:
        agree_with_the_sdk(record)
        assert text(record)["content-type"] == "application/json"


def test_ids_are_derived_and_every_cause_is_in_the_log(records: list[Record]) -> None:
    said = {heard(record).cause.id: record for record in records}
    assert len(said) == len(records)
    for event_id, record in said.items():
        event = heard(record).event
        assert UUID(event_id).version == 5
        assert UUID(getattr(event, "order_id", None) or event.receipt_id).version == 7
        cause = heard(record).causation
        begins = type(event).__name__ in {"OrderPlaced", "StockReceived"}
        assert begins == (cause is None)
        if cause is not None:
            assert said[cause].key == record.key
            assert heard(said[cause]).said_at <= heard(record).said_at


def test_each_topic_has_the_speakers_of_the_choreography(records: list[Record]) -> None:
    assert {(r.topic, heard(r).source) for r in records if r.topic in dict(SPEAKERS)} == SPEAKERS


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_what_version_1_once_said_is_read_today(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    headers = tuple((name, content.encode()) for name, content in golden["headers"].items())
    record = Record(golden["topic"], 0, 0, golden["key"].encode(), golden["value"].encode(), headers, NOON)
    read = heard(record)
    assert type(read.event).__name__ == path.stem
    validate(record)
    agree_with_the_sdk(record)
    again = seal(read.event, Said(read.cause.id, read.source.removeprefix("/farandole/"), read.said_at, read.causation))
    assert json.loads(again.value) == json.loads(golden["value"])
    assert {n: c.decode() for n, c in again.headers} == golden["headers"]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_fields_of_a_later_version_are_overlooked(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    headers = tuple((name, content.encode()) for name, content in golden["headers"].items())
    record = Record(golden["topic"], 0, 0, golden["key"].encode(), golden["value"].encode(), headers, NOON)
    later = json.dumps(_with_more(json.loads(golden["value"]))).encode()
    assert b"later" in later
    assert heard(record._replace(value=later)) == heard(record)


def _with_more(value: object) -> object:
    """The value as a later version may say it: every object in it has one field more."""
    if isinstance(value, dict):
        return {name: _with_more(inner) for name, inner in value.items()} | {"later": {"field": [1]}}
    return [_with_more(inner) for inner in value] if isinstance(value, list) else value


def test_every_message_has_a_golden_record() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(DOCUMENT["components"]["messages"])
