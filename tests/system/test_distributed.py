"""The distributed system as users run it: real processes on real Kafka and PostgreSQL, killed while they work."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from farandole.contract.choreography import FLOWS, flow
from farandole.contract.facts import Facts
from farandole.contract.invariants import findings
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.proof.ground.cluster import SAGA, Cluster
from farandole.proof.ground.topics import everything
from farandole.proof.ground.waiting import drive_until, pause
from farandole.proof.records import record_fact
from farandole.runtime.demo import specification
from farandole.runtime.settings import load
from farandole.runtime.wiring import NAMES, TOPICS
from tests.support.collector import Span, collecting
from tests.support.customers import place, receive, start_all, wish
from tests.support.databases import PostgresDatabases

ORDERS = 2_000


@pytest.mark.timeout(240)
def test_the_three_flows_are_danced_on_kafka_seen_through_the_front_door_and_one_trace_each(
    kafka: str, topic_prefix: str, postgres: PostgresDatabases, tmp_path: Path
) -> None:
    databases = {name: postgres.migrated(name) for name in NAMES}
    with (
        collecting() as collector,
        Cluster(kafka, databases, topic_prefix, logs=tmp_path, settings=collector.env) as cluster,
    ):
        cluster.prepare()
        members = start_all(cluster)
        receive(members["inventory"].url, 1000)
        placed = _danced(members["monitor"].url)
        wanted = sum(len(flow(kind)) for kind in FLOWS)
        drive_until(lambda: len(collector.spans()) >= wanted, pause)
        assert {member.terminate() for member in members.values()} == {0}
        spans = collector.spans()
    assert len(spans) == len({span.id for span in spans}) == wanted
    for kind, order_id in placed.items():
        _one_trace(kind, [span for span in spans if span.trace == order_id.replace("-", "")], topic_prefix)


def _danced(url: str) -> dict[str, str]:
    """An order of each flow by name, each seen to be as the specification draws it."""
    placed: dict[str, str] = {}
    with httpx.Client(base_url=url, timeout=60) as door:
        for kind, drawn in zip(FLOWS, specification(), strict=True):
            order = door.post("/api/orders", json=wish(kind), headers={"Prefer": "wait=30"})
            assert order.status_code == 201, order.text
            placed[kind] = order.json()["id"]
            path = f"/api/orders/{placed[kind]}"

            def over(path: str = path) -> bool:
                answer = door.get(f"{path}/timeline")
                return answer.is_success and not answer.json()["expected"]

            drive_until(over, pause)
            assert _lines(door.get(f"{path}/diagram").text) == _lines(drawn)
        invariants = {i["id"]: i["violations"] for i in door.get("/api/invariants").json()}
        assert set(invariants.values()) <= {0, None}
        assert invariants["A1"] == invariants["Q2"] == 0
    return placed


def _one_trace(kind: str, spans: Sequence[Span], prefix: str) -> None:
    found = {span.id: span for span in spans}
    told = [(span.service, span.name, found[span.parent].name if span.parent else "") for span in spans]
    assert sorted(told) == sorted(
        (step.service, step.words, next((s.words for s in flow(kind) if s.says is step.hears), ""))
        for step in flow(kind)
    )
    heard = [span for span in spans if span.parent]
    names = [step.hears.topic for step in flow(kind) if step.hears.topic]
    assert {span.attributes["messaging.system"] for span in heard} == {"kafka"}
    assert sorted(str(span.attributes["messaging.destination.name"]) for span in heard) == sorted(
        f"{prefix}{name}" for name in names
    )
    assert len({span.attributes["messaging.destination.partition.id"] for span in heard}) == 1
    assert {span.attributes["messaging.kafka.offset"] for span in heard} <= {0, 1, 2}


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_two_thousand_orders_survive_one_kill_of_each_service(cluster: Cluster) -> None:
    first = [cluster.start(name) for name in SAGA]
    second = [cluster.start(name) for name in SAGA]
    cluster.all_ready([*first, *second])
    receive(first[1].url, ORDERS * 2)
    urls = [first[0].url, second[0].url]
    acknowledged = asyncio.run(place(urls, ORDERS // 2))
    for member in first:
        member.kill()
    acknowledged += asyncio.run(place(urls, ORDERS))
    assert len(set(acknowledged)) == ORDERS

    def all_ended() -> bool:
        facts = cluster.facts()
        orders, told = facts.orders or [], facts.notices or []
        return len(orders) >= ORDERS and all(o.status != "PENDING" for o in orders) and len(told) >= len(orders)

    drive_until(all_ended, pause, seconds=240)
    records = everything(KafkaTransport(cluster.kafka, prefix=cluster.prefix), len(TOPICS) * load({}).partitions)
    observed = Facts(records=[record_fact(record) for record in records], acknowledged=acknowledged)
    found = findings(cluster.facts() | observed)
    assert [one.id for one in found if one.violations is None] == []
    assert [one for one in found if one.violations] == []


def _lines(diagram: str) -> list[str]:
    return [line.strip() for line in diagram.splitlines() if line.strip()]
