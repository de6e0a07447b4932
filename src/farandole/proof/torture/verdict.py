"""What an episode is held against: every invariant, what each order may become, and that exactly the poison is parked."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from farandole.contract.facts import Facts
from farandole.contract.invariants import findings
from farandole.messaging.envelope import Record
from farandole.proof.ground.cluster import SAGA
from farandole.proof.records import record_fact
from farandole.proof.torture import seen, wishes
from farandole.proof.torture.inflight import Hit, Span
from farandole.proof.torture.poison import is_poison
from farandole.proof.torture.quiet import HEARS
from farandole.proof.torture.stage import Stage

LETTERS: Final = "SELECT topic, partition, position, error, replayed_at IS NOT NULL FROM dead_letters"
BATCHES: Final = (
    "SELECT min(size), max(size) FROM (SELECT count(*) AS size FROM payments GROUP BY decided_at) AS batches"
)
HUNDREDS: Final = 100
EXAMPLES: Final = 5


@dataclass
class Verdict:
    """What was found, and what the figures of the episode are."""

    wrong: list[str] = field(default_factory=list)
    by_status: Counter[str] = field(default_factory=Counter)
    parked: Counter[str] = field(default_factory=Counter)
    records: int = 0
    poison: int = 0
    heard_again: int = 0
    rescued: int = 0
    repeated: int = 0


def judge(stage: Stage, hits: Sequence[Hit]) -> Verdict:
    """Everything that can be checked when nothing is in flight."""
    records = stage.topics.everything()
    poison = [record for record in records if is_poison(record)]
    honest = [record for record in records if not is_poison(record)]
    verdict = Verdict(records=len(records), poison=len(poison))
    facts = stage.cluster.facts() | Facts(
        records=[record_fact(record) for record in honest], acknowledged=list(stage.load.acknowledged)
    )
    verdict.by_status.update(order.status for order in facts.orders or ())
    for finding in findings(facts):
        if finding.violations is None:
            verdict.wrong.append(f"{finding.id} {finding.title}: not observed")
        elif finding.violations:
            verdict.wrong.append(
                f"{finding.id} {finding.title}: {finding.violations} times: {'; '.join(finding.examples)}"
            )
    verdict.wrong += _few([*_wrong_ends(stage, facts), *_wrong_goods(stage, facts)])
    for service in SAGA:
        verdict.wrong += _few(_parked(stage, service, poison, verdict))
    _heard_again([span for hit in hits for span in hit.spans], honest, stage, verdict)
    _notice(stage, hits, verdict)
    return verdict


def _few(sentences: Iterable[str]) -> list[str]:
    found = list(sentences)
    more = [f"… and {len(found) - EXAMPLES} more"] if len(found) > EXAMPLES else []
    return found[:EXAMPLES] + more


def _wrong_ends(stage: Stage, facts: Facts) -> Iterator[str]:
    """Orders that ended as such an order cannot."""
    for order in facts.orders or ():
        number = stage.load.acknowledged.get(order.order_id)
        if number is None:
            yield f"order {order.order_id} was never acknowledged, although every customer has an answer"
        elif order.status not in (may := wishes.wish(number).ends):
            yield f"order {order.order_id} (number {number}) is {order.status}, expected one of {sorted(may)}"


def _wrong_goods(stage: Stage, facts: Facts) -> Iterator[str]:
    came: Counter[str] = Counter()
    for receipt in facts.receipts or ():
        came[receipt.sku] += receipt.quantity
    for sku, quantity in stage.load.received.items():
        if came[sku] != quantity:
            yield f"{came[sku]} of {sku} received, {quantity} acknowledged"


def _parked(stage: Stage, service: str, poison: Sequence[Record], verdict: Verdict) -> Iterator[str]:
    """Exactly the poison that a service could hear is parked; what was honest and refused is replayed."""
    due = {(r.topic, r.partition, r.offset) for r in poison if r.topic in HEARS[service]}
    for *place, error, replayed in stage.watch.ask(service, LETTERS):
        if tuple(place) in due:
            due.discard(tuple(place))
            verdict.parked[service] += 1
        elif not replayed:
            yield f"{service} parked an honest record at {place}: {error}"
    yield from (f"{service} did not park the poison at {place}" for place in sorted(due))


def _heard_again(spans: Iterable[Span], honest: Sequence[Record], stage: Stage, verdict: Verdict) -> None:
    """How the records that were committed and not known to be answered were answered in the end: once, so the first
    hearing's answer never left the victim, or twice."""
    ids = {(r.topic, r.partition, r.offset): _header(r, "ce_id") for r in honest}
    answers: dict[tuple[str, str], int] = defaultdict(int)
    for record in honest:
        if (record.topic, record.partition, record.offset) not in stage.injector.copied:
            answers[_header(record, "ce_source"), _header(record, "ce_causationid")] += 1
    for span in spans:
        for offset in range(span.start, span.end):
            said = answers[f"/farandole/{span.service}", ids.get((*span.place, offset), "")]
            verdict.heard_again += 1
            verdict.rescued += said == 1
            verdict.repeated += said > 1


def _header(record: Record, name: str) -> str:
    return (dict(record.headers).get(name) or b"").decode()


def _notice(stage: Stage, hits: Sequence[Hit], verdict: Verdict) -> None:
    least, most = stage.watch.ask("payment", BATCHES)[0]
    counted: Mapping[str, int] = {
        seen.DUPLICATE: verdict.heard_again,
        seen.RESCUED: verdict.rescued,
        seen.REPEATED: verdict.repeated,
        seen.POISON: verdict.parked.total(),
        seen.ORPHAN: sum(len(hit.outbox) for hit in hits),
        seen.BATCH_OF_ONE: int(least == 1),
        seen.BATCH_OF_HUNDREDS: int((most or 0) >= HUNDREDS),
    }
    stage.seen.update({name: times for name, times in counted.items() if times})
