"""The distributed system as users run it: real processes on real Kafka and PostgreSQL, killed while they work."""

import asyncio

import httpx
import pytest

from farandole.contract.choreography import FLOWS
from farandole.contract.facts import Facts
from farandole.contract.invariants import findings
from farandole.messaging.transport.kafka import KafkaTransport
from farandole.proof.ground.cluster import SAGA, Cluster
from farandole.proof.ground.topics import everything
from farandole.proof.ground.waiting import drive_until, pause
from farandole.proof.records import record_fact
from farandole.runtime.demo import specification
from farandole.runtime.settings import load
from farandole.runtime.wiring import TOPICS
from tests.support.customers import place, receive, start_all, wish

ORDERS = 2_000


@pytest.mark.timeout(240)
def test_the_three_flows_are_danced_on_kafka_and_seen_through_the_front_door(cluster: Cluster) -> None:
    members = start_all(cluster)
    receive(members["inventory"].url, 1000)
    with httpx.Client(base_url=members["monitor"].url, timeout=60) as door:
        for flow, drawn in zip(FLOWS, specification(), strict=True):
            order = door.post("/api/orders", json=wish(flow), headers={"Prefer": "wait=30"})
            assert order.status_code == 201, order.text
            path = f"/api/orders/{order.json()['id']}"

            def over(path: str = path) -> bool:
                answer = door.get(f"{path}/timeline")
                return answer.is_success and not answer.json()["expected"]

            drive_until(over, pause)
            assert _lines(door.get(f"{path}/diagram").text) == _lines(drawn)
        invariants = {i["id"]: i["violations"] for i in door.get("/api/invariants").json()}
        assert set(invariants.values()) <= {0, None}
        assert invariants["A1"] == invariants["Q2"] == 0
    assert {member.terminate() for member in members.values()} == {0}


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
