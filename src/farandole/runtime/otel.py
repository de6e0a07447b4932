"""Spans of OpenTelemetry: a decision that was made is one span of its order's trace.

No context travels along: the order's id is the trace's, and the event a step answers with names the step's span, so whoever hears
that event knows the parent. What is decided again, found in the rows, makes no second span; told by another process after a crash,
it is the same span."""

import threading
from collections.abc import Callable, Sequence
from time import time_ns
from typing import Any, Final, NamedTuple

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision as Sampled
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard, event_id
from farandole.messaging.service import Service
from farandole.messaging.step import Step
from farandole.messaging.surroundings import Noticed
from farandole.runtime.worker import STOP_SECONDS, Worker

Decided = Sequence[tuple[Heard[Any], Decision]]
KEPT: Final = 10_000
"""Spans remembered of each service, so that duplicates are not told again."""
RANDOM: Final = 8
"""Hexadecimal digits of an order's id, the last ones, that no other id has to do with."""
AGAIN: Final = 600_000_000
"""Microseconds in which a decision that is found, not made, is still told: a replayed topic is not."""


class Traces:
    """Gives the spans of this process's workers to a processor, by default the one that OTEL_EXPORTER_OTLP_* describe.

    Of every order either all spans or none, as the sampler decides that OTEL_TRACES_SAMPLER names.
    `system` carries the events, and only it sees `prefix` on topics."""

    def __init__(self, system: str, prefix: str = "", processor: SpanProcessor | None = None) -> None:
        self._system, self._prefix = system, prefix
        self._processor = processor or BatchSpanProcessor(OTLPSpanExporter())
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler

    def follow(self, worker: Worker, service: Service) -> None:
        """Make a span of every step this worker takes from now on."""
        if service.steps:
            worker.noticed.append(self._teller(service))
            worker.intake.answered = self._teller(service)

    def _teller(self, service: Service) -> Noticed:
        resource = Resource.create({"service.name": service.name, "service.namespace": "farandole"})
        spans = _spans([_Known(step, resource, self._carried(step)) for step in service.steps], self._sampler)

        def tell(decisions: Decided) -> None:
            for span in spans(decisions):
                self._processor.on_end(span)

        return tell

    def _carried(self, step: Step) -> dict[str, str]:
        topic = step.hears.topic
        return {"messaging.system": self._system, "messaging.destination.name": self._prefix + topic} if topic else {}

    def close(self) -> None:
        """Send what waits; a collector that is away keeps nobody from ending."""
        ending = threading.Thread(target=self._processor.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)


class _Known(NamedTuple):
    """What all spans of a step have in common."""

    step: Step
    resource: Resource
    carried: dict[str, str]


def _spans(known: Sequence[_Known], sampler: Sampler) -> Callable[[Decided], list[ReadableSpan]]:
    steps = {(one.step.hears, one.step.says): one for one in known}
    told: dict[str, None] = {}  # in order

    def spans(decisions: Decided) -> list[ReadableSpan]:
        now, made = time_ns(), []
        for heard, decision in decisions:
            known = steps.get((type(heard.event), type(decision.says) if decision.says else None))
            if known is None or not _due(heard, decision) or not sampled(sampler, heard.event.key):
                continue
            said = event_id(heard.cause.id, known.step.name)
            if said not in told:
                told[said] = None
                found = decision.guard.decided_at < heard.at
                until = decision.guard.decided_at * 1000 if found else now
                made.append(_span(known, heard, said, until))
        while len(told) > KEPT:
            del told[next(iter(told))]
        return made

    return spans


def sampled(sampler: Sampler, order_id: str) -> bool:
    """Whether an order is traced: a sampler by ratio compares the last half of what it is given, so that begins with the
    digits of the id that are random; before them are the version, and what orders of one millisecond share."""
    found = sampler.should_sample(None, int(order_id[-RANDOM:], 16) << 32, "order").decision
    return found is Sampled.RECORD_AND_SAMPLE


def _due(heard: Heard[Any], decision: Decision) -> bool:
    """Whether a decision was made of this: now, or lately and then Kafka was away or the process died before it was told."""
    guard = decision.guard
    again = AGAIN if heard.event.topic else 0
    return guard.cause == heard.cause and heard.at - again <= guard.decided_at <= heard.at


def _span(known: _Known, heard: Heard[Any], said: str, until: int) -> ReadableSpan:
    step, order_id = known.step, heard.event.key
    commanded = not step.hears.topic
    start = min((heard.landed_at or heard.at) * 1000, until)
    attributes: dict[str, str | int] = {
        "farandole.order.id": order_id,
        "farandole.event.id": said,
        "farandole.waited_us": max(0, heard.at - (heard.landed_at or heard.at)),
        **known.carried,
    }
    if step.says:
        attributes["farandole.says"] = step.says.topic
    if not commanded:
        attributes["messaging.destination.partition.id"] = str(heard.partition)
        attributes["messaging.kafka.offset"] = heard.offset
        attributes["messaging.message.id"] = heard.cause.id
        attributes["messaging.operation.type"] = "process"
    return ReadableSpan(
        name=step.words,
        context=_context(order_id, said),
        parent=None if commanded else _context(order_id, heard.cause.id),
        resource=known.resource,
        attributes=attributes,
        kind=SpanKind.SERVER if commanded else SpanKind.CONSUMER,
        start_time=start,
        end_time=until,
    )


def _context(order_id: str, event: str) -> SpanContext:
    trace_id, span_id = int(order_id.replace("-", ""), 16), int(event[19:].replace("-", ""), 16)
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
