"""An order's dance as recorded: its steps, its flow, what is still expected, and its diagram."""

from collections.abc import Sequence
from typing import Final

from farandole.contract.choreography import CHOREOGRAPHY, COMMAND, flow, flow_of
from farandole.contract.diagram import draw
from farandole.messaging.step import Step
from farandole.monitor.domain import Recorded

_BY_WORDS: Final = {(s.service, s.words, s.hears.topic if s.hears is not COMMAND else None): s for s in CHOREOGRAPHY}


def step_of(row: Recorded) -> Step:
    """The row of the choreography that a record belongs to."""
    return step_named(row.service, row.step, row.heard)


def step_named(service: str, words: str, heard: str | None) -> Step:
    return _BY_WORDS[service, words, heard]


def in_causal_order(rows: Sequence[Recorded]) -> list[Recorded]:
    """Records as the choreography orders them, whatever the order of arrival."""
    return sorted(rows, key=lambda row: (CHOREOGRAPHY.index(step_of(row)), row.number))


def flow_name(rows: Sequence[Recorded]) -> str:
    return flow_of(topic for row in rows for topic in (row.heard, row.said))


def expected(rows: Sequence[Recorded]) -> list[Step]:
    """The steps still to come: the rest of the happy path while nothing has failed, afterwards that flow's rest."""
    taken = {step_of(row) for row in rows}
    return [step for step in flow(flow_name(rows)) if step not in taken]


def diagram(rows: Sequence[Recorded]) -> str:
    """Mermaid text of exactly the recorded steps."""
    return draw((step_of(row) for row in rows), flow_name(rows))
