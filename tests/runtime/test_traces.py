"""An order is one trace, told from its events alone; nothing of it is there unless it is wanted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.semconv._incubating.attributes import messaging_attributes as names
from uuid_utils import uuid7

from farandole.contract import choreography
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard, Record
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime import settings
from farandole.runtime.embedded import Embedded
from farandole.runtime.otel import AGAIN, Traces, sampled
from farandole.runtime.wiring import services
from tests.http.conftest import Client
from tests.support.collector import collecting

KINDS = {"happy": ("tea", "10.00"), "payment-failure": ("tea", "10000.01"), "stock-failure": ("unicorn", "1.00")}
Spans = dict[int, ReadableSpan]


def place(client: Client, kind: str, key: str | None = None) -> str:
    sku, price = KINDS[kind]
    wish = {
        "customer": {"id": "c-1", "email": "ada@example.com"},
        "currency": "USD",
        "lines": [{"sku": sku, "quantity": 1, "unit_price": price}],
    }
    answer = client.post("/api/orders", json=wish, headers={"Idempotency-Key": key or str(uuid4())})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


class Danced:
    """The embedded system with its spans kept."""

    def __init__(self, running: Embedded) -> None:
        self.kept = InMemorySpanExporter()
        traces, values = Traces("farandole", processor=SimpleSpanProcessor(self.kept)), services(settings.load({}))
        for name, worker in running.workers.items():
            traces.follow(worker, values[name])
        self.payment, self._transport = running.workers["payment"], running.transport
        self.client = Client(running.app)

    def place(self, kind: str, key: str | None = None) -> str:
        return place(self.client, kind, key)

    def trace(self, order_id: str, spans: int) -> Spans:
        """The spans of an order by their ids, as soon as there are that many."""
        drive_until(lambda: len(self.of(order_id)) >= spans, pause)
        found = self.of(order_id)
        by_id = {span.context.span_id: span for span in found}
        assert len(by_id) == len(found) == spans, [span.name for span in found]
        return by_id

    def records(self) -> list[Record]:
        return [record for topic in self._transport.topic_ids for record in self._transport.read(topic, 0, 1000)]

    def over(self, order_id: str) -> bool:
        answer = self.client.get(f"/api/orders/{order_id}/timeline")
        return answer.is_success and not answer.json()["expected"]

    def of(self, order_id: str) -> list[ReadableSpan]:
        trace = int(order_id.replace("-", ""), 16)
        return [span for span in self.kept.get_finished_spans() if span.context and span.context.trace_id == trace]


@pytest.fixture
def danced(tmp_path: Path) -> Iterator[Danced]:
    running = Embedded(settings.load({}), tmp_path / "data")
    danced = Danced(running)
    with running:
        assert danced.client.post("/api/stock/tea/receipts", json={"quantity": 100}).status_code == 201
        yield danced


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_is_one_trace_in_the_words_of_the_specification(danced: Danced, kind: str) -> None:
    steps = choreography.flow(kind)
    order_id = danced.place(kind)
    spans = danced.trace(order_id, len(steps))
    assert sorted(_told(spans)) == sorted(
        (step.service, step.words, next((s.words for s in steps if s.says is step.hears), None)) for step in steps
    )
    for span in spans.values():
        attributes = span.attributes or {}
        assert attributes["farandole.order.id"] == order_id
        assert (span.start_time or 0) <= (span.end_time or 0)


def _told(spans: Spans) -> list[tuple[Any, str, str | None]]:
    """Service, words, and the words of the parent; a parent that is missing is a KeyError."""
    return [
        (span.resource.attributes["service.name"], span.name, spans[span.parent.span_id].name if span.parent else None)
        for span in spans.values()
    ]


def test_orders_are_traces_of_their_own_and_goods_received_are_none(danced: Danced) -> None:
    ids = [danced.place(kind) for kind in KINDS]
    for order_id, kind in zip(ids, KINDS, strict=True):
        danced.trace(order_id, len(choreography.flow(kind)))
    every = danced.kept.get_finished_spans()
    assert len({span.context.trace_id for span in every if span.context}) == len(KINDS)


def test_an_order_placed_again_makes_no_second_span(danced: Danced) -> None:
    key = str(uuid4())
    order_id = danced.place("happy", key)
    steps = len(choreography.flow("happy"))
    danced.trace(order_id, steps)
    assert danced.place("happy", key) == order_id
    other = danced.place("happy")
    danced.trace(other, steps)
    assert len(danced.kept.get_finished_spans()) == 2 * steps


def test_what_is_heard_again_is_the_same_span_told_once(danced: Danced) -> None:
    paid: list[tuple[Heard[Any], Decision]] = []
    danced.payment.noticed.append(paid.extend)
    told, steps = danced.payment.noticed[0], len(choreography.flow("happy"))
    spans = danced.trace(danced.place("happy"), steps)
    drive_until(lambda: bool(paid), pause)
    [(heard, decision)] = paid
    again = heard._replace(at=heard.at + AGAIN)
    told([(heard, decision), (again, decision)])
    assert len(danced.kept.get_finished_spans()) == steps

    kept = InMemorySpanExporter()
    Traces("farandole", processor=SimpleSpanProcessor(kept)).follow(
        danced.payment, services(settings.load({}))["payment"]
    )
    restarted = danced.payment.noticed[-1]
    restarted([(again._replace(at=again.at + 1), decision)])
    assert not kept.get_finished_spans()
    restarted([(again, decision), (again, decision)])
    [span] = kept.get_finished_spans()
    first = spans[span.context.span_id] if span.context else None
    assert first
    assert (span.name, span.parent, span.start_time) == (first.name, first.parent, first.start_time)


def test_what_is_wanted_reaches_the_collector_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        for name, value in collector.env.items():
            monkeypatch.setenv(name, value)
        with Embedded(settings.load(os.environ), tmp_path / "data") as running:
            order_id = place(Client(running.app), "stock-failure")
    first = next(span for span in collector.spans() if span.name == "Save order (PENDING)")
    assert (first.service, first.trace, first.parent) == ("order", order_id.replace("-", ""), "")


def test_a_step_tells_where_the_record_was_that_it_heard(danced: Danced) -> None:
    spans = danced.trace(danced.place("happy"), len(choreography.flow("happy")))
    told = {}
    for span in spans.values():
        of = span.attributes or {}
        if span.parent:
            place = of[names.MESSAGING_DESTINATION_PARTITION_ID], of[names.MESSAGING_KAFKA_OFFSET]
            told[of[names.MESSAGING_MESSAGE_ID]] = (of[names.MESSAGING_DESTINATION_NAME], *place)
    assert len(told) == len(spans) - 1
    records = {
        (dict(r.headers)["ce_id"] or b"").decode(): (r.topic, str(r.partition), r.offset) for r in danced.records()
    }
    assert told == {event: records[str(event)] for event in told}


@pytest.mark.parametrize("sampler", ["traceidratio", "parentbased_traceidratio"])
def test_a_share_of_the_orders_is_traced_each_of_them_whole(
    sampler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    steps, running = len(choreography.flow("happy")), Embedded(settings.load({}), tmp_path / "data")
    danced = Danced(running)
    with running:
        assert danced.client.post("/api/stock/tea/receipts", json={"quantity": 100}).status_code == 201
        orders = [danced.place("happy") for _ in range(40)]
        drive_until(lambda: all(danced.over(order_id) for order_id in orders), pause)
    assert {len(danced.of(order_id)) for order_id in orders} == {0, steps}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.75])
def test_a_sampler_by_ratio_keeps_its_share_of_orders_placed_in_one_moment(share: float) -> None:
    kept = sum(sampled(TraceIdRatioBased(share), str(uuid7())) for _ in range(20_000))
    assert abs(kept / 20_000 - share) < 0.03


def test_nothing_of_it_is_imported_unless_it_is_wanted() -> None:
    seen = _python(
        "import sys, farandole.cli, farandole.runtime.embedded, farandole.runtime.distributed\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert seen == "[]"


def test_a_missing_package_is_named() -> None:
    said = _python(
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from farandole.runtime import settings, traces\n"
        "try:\n"
        "    traces.follow(settings.load({}, {'traces': 'otlp'}), [])\n"
        "except settings.InvalidSetting as error:\n"
        "    print(error)"
    )
    assert "FARANDOLE_TRACES: expected the package opentelemetry" in said
    assert "pip install 'farandole[otel]'" in said


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
