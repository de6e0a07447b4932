"""Kafka and PostgreSQL go away and come back, and topics carry garbage: services wait, go on, and honest orders end."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from confluent_kafka import Producer

from farandole.contract.choreography import CHOREOGRAPHY
from farandole.proof.ground import KafkaServer, PostgresServer
from farandole.proof.ground.cluster import SAGA, Cluster, Member, farandole
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import NAMES
from tests.support.customers import place, receive, start_all, wish

TOPICS = ("order.placed", "order.validated", "order.paid", "order.completed", "payment.failed", "order.failed")
Headers = list[tuple[str, str | bytes | None]]


def command(*words: str, env: dict[str, str] | None = None) -> None:
    done = farandole(*words, env=env)
    assert done.returncode == 0, done.stderr


def ready(member: Member) -> httpx.Response:
    return httpx.get(f"{member.url}/health/ready", timeout=10)


def waits_for(member: Member, word: str) -> bool:
    answer = ready(member)
    return answer.status_code == 503 and word in answer.text.lower()


def ends(cluster: Cluster, count: int) -> bool:
    facts = cluster.facts()
    orders, notices = facts.orders or (), facts.notices or ()
    ended = [order for order in orders if order.status != "PENDING"]
    return len(orders) >= count and len(ended) == len(orders) and len(notices) >= len(orders)


def all_is_well(cluster: Cluster, acknowledged: list[str]) -> None:
    drive_until(lambda: ends(cluster, len(acknowledged)), pause, seconds=60)
    facts = cluster.facts()
    assert set(acknowledged) <= {order.order_id for order in facts.orders or ()}
    assert cluster.violations(facts) == []


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(240)
def test_services_wait_until_their_servers_and_tables_are_there(
    own_kafka: KafkaServer, own_postgres: PostgresServer, topic_prefix: str, tmp_path: Path
) -> None:
    databases = {name: own_postgres.url(name) for name in NAMES}
    with Cluster(own_kafka.bootstrap, databases, topic_prefix, logs=tmp_path) as cluster:
        members = {name: cluster.start(name) for name in NAMES}
        for member in members.values():
            drive_until(partial(waits_for, member, "connection"), pause)
            assert httpx.get(f"{member.url}/health/live").status_code == 200
            assert httpx.get(f"{member.url}/metrics").status_code == 200
        refused = httpx.post(f"{members['order'].url}/api/orders", json=wish("happy"), timeout=30)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)

        own_postgres.start()
        for name, member in members.items():
            own_postgres.create_database(name)
            drive_until(partial(waits_for, member, f"farandole migrate {name}"), pause)
            command("migrate", name, "--database", databases[name])
        own_kafka.start()  # here, for a server ends with the thread that started it
        command("topics", env=cluster.env)
        cluster.all_ready(list(members.values()))
        receive(members["inventory"].url, 1000)
        all_is_well(cluster, asyncio.run(place([members["order"].url], 40)))
        assert {member.terminate() for member in members.values()} == {0}


@pytest.mark.proof
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(360)
def test_services_outlive_the_deaths_of_their_servers(
    own_kafka: KafkaServer, own_postgres: PostgresServer, topic_prefix: str, tmp_path: Path
) -> None:
    own_kafka.start()
    own_postgres.start()
    databases = {name: own_postgres.create_database(name) for name in NAMES}
    with Cluster(own_kafka.bootstrap, databases, topic_prefix, logs=tmp_path) as cluster:
        cluster.prepare()
        members = {name: cluster.start(name) for name in NAMES}
        everybody = list(members.values())
        cluster.all_ready(everybody)
        order, inventory = members["order"], members["inventory"]
        receive(inventory.url, 10_000)
        acknowledged = asyncio.run(place([order.url], 40))

        own_kafka.kill()
        for number in range(10):
            headers = {"Idempotency-Key": f"dark-{number}"}
            answer = httpx.post(f"{order.url}/api/orders", json=wish("happy"), headers=headers, timeout=30)
            assert answer.status_code == 201, answer.text
            acknowledged.append(answer.json()["id"])
        own_kafka.start()
        all_is_well(cluster, acknowledged)

        with ThreadPoolExecutor() as pool:
            load = pool.submit(lambda: asyncio.run(under_load(order.url, 120)))
            drive_until(lambda: len(cluster.facts().orders or ()) > 30, pause)
            own_postgres.kill()
            drive_until(lambda: ready(inventory).status_code == 503, pause)
            own_postgres.start()
            acknowledged += load.result()
        cluster.all_ready(everybody)
        all_is_well(cluster, acknowledged)

        own_kafka.kill()
        drive_until(lambda: ready(order).status_code == 503, pause)
        assert httpx.post(f"{order.url}/api/orders", json=wish("happy"), timeout=30).status_code == 201
        assert [member.terminate() for member in everybody] == [0] * len(everybody)


async def under_load(url: str, count: int) -> list[str]:
    """Ids of orders that were acknowledged, each tried under one key until it is."""
    acknowledged: list[str] = []
    numbers = iter(range(count))

    async def customer(client: httpx.AsyncClient) -> None:
        for number in numbers:
            for _ in range(200):
                try:
                    headers = {"Idempotency-Key": f"storm-{number}"}
                    answer = await client.post(f"{url}/api/orders", json=wish("happy"), headers=headers)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                    break
                assert answer.status_code == 503, answer.text
                assert answer.headers["content-type"] == "application/problem+json"
                await asyncio.sleep(0.1)

    async with httpx.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(customer(client) for _ in range(8)))
    assert len(acknowledged) == count
    return acknowledged


def cloud_event(topic: str, order_id: str) -> Headers:
    return [
        ("ce_specversion", "1.0"),
        ("ce_id", str(uuid4())),
        ("ce_source", "/farandole/stranger"),
        ("ce_type", topic),
        ("ce_subject", order_id),
        ("ce_time", "2026-01-01T12:00:00.000000Z"),
        ("ce_causationid", str(uuid4())),
        ("content-type", "application/json"),
    ]


def garbage(topic: str) -> Iterator[tuple[bytes | None, bytes | None, Headers]]:
    """Records no honest service writes: key, value and headers."""
    order_id = str(uuid4())
    headers, key = cloud_event(topic, order_id), order_id.encode()
    value = json.dumps({"order_id": order_id}).encode()
    without = [(name, content) for name, content in headers if name != "ce_id"]
    other_type = [(name, "order.eaten" if name == "ce_type" else content) for name, content in headers]
    yield key, b"\xff\xfe\x00garbage", headers
    yield key, value, []
    yield key, value, without
    yield key, value, other_type
    yield key, value, [(name, None) for name, _ in headers]
    yield key, value, [(name, b"\xff") for name, _ in headers]
    yield str(uuid4()).encode(), value, headers
    yield b"\xff\xff", value, headers
    yield None, value, headers
    yield key, None, headers
    yield key, b"", headers
    yield key, b"x" * 300_000, headers
    yield key, b"[" * 100_000, headers
    yield key, value[:-1] + b', "reason": "\\u0000"}', headers
    yield key, b'{"order_id": 1e400}', headers


def heard_by_services() -> int:
    """How much garbage the services hear in all, each in its own topics."""
    heard = {(step.service, step.hears.topic) for step in CHOREOGRAPHY if step.hears.topic}
    return sum(len(list(garbage(topic))) for _, topic in heard)


@pytest.mark.timeout(240)
def test_garbage_in_every_topic_is_parked_and_seen_while_honest_orders_end(cluster: Cluster) -> None:
    members = start_all(cluster)
    receive(members["inventory"].url, 1000)
    door = httpx.Client(base_url=members["monitor"].url, timeout=60)
    before = door.post("/api/orders", json=wish("happy"), headers={"Prefer": "wait=30"}).json()
    assert before["status"] == "COMPLETED"
    producer = Producer({"bootstrap.servers": cluster.kafka})
    lost: list[object] = []
    written = 0
    for topic in (*TOPICS, "saga.steps"):
        for key, value, headers in garbage(topic):
            written += 1
            producer.produce(
                f"{cluster.prefix}{topic}",
                value,
                key,
                headers=headers,
                on_delivery=lambda error, _: lost.append(error) if error else None,
            )
    assert (producer.flush(30), lost) == (0, [])

    for flow, status in (("happy", "COMPLETED"), ("payment-failure", "PAYMENT_FAILED"), ("stock-failure", "FAILED")):
        answer = door.post("/api/orders", json=wish(flow), headers={"Prefer": "wait=30"})
        assert (answer.status_code, answer.json()["status"]) == (201, status)

    def parked(client: httpx.Client, base: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            answer = client.get(f"{base}/api/dead-letters", params=query)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return found

    # The monitor hears every topic, so it alone parks each of them.
    by_services = heard_by_services()
    drive_until(lambda: len(parked(door)) >= written + by_services, pause)
    letters = parked(door)
    assert len({letter["id"] for letter in letters}) == len(letters) == written + by_services
    assert len({json.dumps(letter["origin"]) for letter in letters}) == written
    assert sum(len(parked(door, members[name].url)) for name in SAGA) == by_services
    for letter in letters[:3] + letters[-3:]:
        for _ in range(2):
            again = door.post(f"/api/dead-letters/{letter['id']}/replay")
            assert again.status_code == 422, again.text
            assert again.headers["content-type"] == "application/problem+json"
    assert len(parked(door)) == len(letters)
    invariants = {one["id"]: one["violations"] for one in door.get("/api/invariants").json()}
    assert set(invariants.values()) <= {0, None}
    assert [ready(member).status_code for member in members.values()] == [200] * 5
    for path in ("/api/orders", "/api/stock", f"/api/orders/{before['id']}", f"/api/reservations/{before['id']}"):
        assert door.get(path).status_code == 200
    for path in (f"/api/payments/{before['id']}", f"/api/notifications?order_id={before['id']}", "/api/stock/tea"):
        assert door.get(path).status_code == 200
    for path in (f"/api/orders/{uuid4()}", "/api/stock/unicorn", "/api/payments/x", "/api/nowhere", "/api/stock/%ff"):
        assert door.get(path).status_code == 404
    door.close()


@pytest.mark.timeout(120)
def test_the_front_door_says_which_service_is_away(cluster: Cluster) -> None:
    order = cluster.start("order")
    monitor = cluster.start("monitor", FARANDOLE_ORDER_URL=order.url, FARANDOLE_PAYMENT_URL="http://127.0.0.1:9")
    cluster.all_ready([order, monitor])
    with httpx.Client(base_url=monitor.url, timeout=30) as door:
        assert door.post("/api/orders", json=wish("happy")).status_code == 201
        for path in ("/api/stock", f"/api/payments/{uuid4()}"):
            answer = door.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        wrong = door.post("/api/orders", content=b"{", headers={"Content-Type": "application/json"})
        assert (wrong.status_code, wrong.headers["content-type"]) == (400, "application/problem+json")
        assert door.delete("/api/orders").status_code == 405
        assert (
            door.post("/api/orders", content=b"x" * 70_000, headers={"Content-Type": "application/json"}).status_code
            == 413
        )


@pytest.mark.proof
@pytest.mark.timeout(120)
def test_a_killed_processs_partitions_are_taken_over_within_ten_seconds(cluster: Cluster) -> None:
    members = [cluster.start(name) for name in SAGA]
    spare = cluster.start("inventory")
    cluster.all_ready([*members, spare])
    receive(spare.url, 1000)
    asyncio.run(place([members[0].url], 30))
    members[1].kill()
    headers = {"Prefer": "wait=20"}
    with ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(
                lambda _: httpx.post(f"{members[0].url}/api/orders", json=wish("happy"), headers=headers, timeout=40),
                range(12),
            )
        )
    assert {answer.json()["status"] for answer in answers} == {"COMPLETED"}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 12
