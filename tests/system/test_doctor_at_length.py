"""Causes that take long to produce for real: run by `make proof`, or by `pytest -m proof`."""

import os
import re
import signal
from pathlib import Path

import httpx
import psycopg
import pytest
from confluent_kafka import Producer

from farandole.proof.ground import KafkaServer, PostgresServer
from farandole.proof.ground.cluster import Cluster
from farandole.proof.ground.postgres import libpq_url
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import NAMES
from tests.support.databases import PostgresDatabases
from tests.support.doctor import await_well, await_words, doctor, of_order, place, start_again, start_all
from tests.system.administrator import limit, republish

pytestmark = pytest.mark.proof


@pytest.mark.kafka
@pytest.mark.timeout(360)
def test_a_broker_that_is_away_and_an_event_that_is_lost(
    own_kafka: KafkaServer, postgres: PostgresDatabases, tmp_path: Path
) -> None:
    own_kafka.start()
    databases = {name: postgres.database() for name in NAMES}
    with Cluster(own_kafka.bootstrap, databases, "doctor.", logs=tmp_path) as cluster:
        cluster.prepare()
        members = start_all(cluster)
        url = members["monitor"].url

        own_kafka.kill()
        order = place(url, "7.00")
        found = await_words(url, "1 order, 7.00 USD, waits at order: Kafka has been away since")
        (group,) = found["groups"]
        assert "1 event waits in the outbox of order since" in group["cause"]["evidence"][0]
        assert "Kafka has been away since" in of_order(url, order)["sentence"]

        members["order"].kill()
        with psycopg.connect(libpq_url(cluster.databases["order"]), autocommit=True) as connection:
            assert connection.execute("DELETE FROM outbox").rowcount == 1
        own_kafka.start()
        start_again(cluster, members, "order")
        await_words(url, "1 order, 7.00 USD, waits at order: order.placed of order is lost")
        lost = of_order(url, order)
        assert (lost["state"], lost["hops"][0]["cause"]["kind"]) == ("late", "lost")
        republish(cluster, "order")
        await_well(url)
        assert of_order(url, order)["state"] == "over"


@pytest.mark.timeout(240)
def test_a_service_that_goes_on_slower_than_orders_come_is_behind(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    with psycopg.connect(libpq_url(cluster.databases["payment"]), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'"
        )
        connection.execute("CREATE TRIGGER slow AFTER INSERT ON payments FOR EACH STATEMENT EXECUTE FUNCTION slow()")
        behind = r"waits? at payment: payment is \d+ records? behind on order\.validated/\d; its group has 1 member and goes on"
        await_words(url, re.compile(behind), meanwhile=lambda: place(url, "2.00"))
        connection.execute("DROP TRIGGER slow ON payments")
    await_well(url)


@pytest.mark.timeout(240)
def test_an_event_of_an_order_that_a_database_refuses_is_parked_and_replayed(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    with psycopg.connect(libpq_url(cluster.databases["payment"]), autocommit=True) as connection:
        connection.execute("ALTER TABLE payments ADD CONSTRAINT unlucky CHECK (amount <> 1300)")
        orders = [place(url, price) for price in ("13.00", "14.00", "13.00")]
        refused = "2 orders, 26.00 USD, wait at payment: parked as a dead letter by payment since"
        found = await_words(url, refused, "the database refuses it: ", "unlucky")
        (group,) = found["groups"]
        assert set(group["examples"]) == {orders[0], orders[2]}
        connection.execute("ALTER TABLE payments DROP CONSTRAINT unlucky")
    for letter in httpx.get(f"{url}/api/dead-letters").raise_for_status().json()["items"]:
        assert httpx.post(f"{url}/api/dead-letters/{letter['id']}/replay", json={}).status_code == 200
    await_well(url)
    assert {of_order(url, order)["state"] for order in orders} == {"over"}


@pytest.mark.timeout(240)
def test_an_outbox_that_the_broker_takes_nothing_from_is_not_published(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    limit(cluster, "order.placed", "10")
    order = place(url, "12.00")
    await_words(url, "1 order, 12.00 USD, waits at order: ", "1 event waits in the outbox of order since")
    assert doctor(url)[0] == 1
    limit(cluster, "order.placed", "1048588")
    await_well(url)
    assert of_order(url, order)["state"] == "over"


@pytest.mark.timeout(240)
def test_a_service_whose_tables_are_of_another_version_says_what_it_waits_for(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    assert members["payment"].terminate() == 0
    with psycopg.connect(libpq_url(cluster.databases["payment"]), autocommit=True) as connection:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = 'payment_9999'")
        start_again(cluster, members, "payment")
        order = place(url, "15.00")
        await_words(url, "1 order, 15.00 USD, waits at payment: payment waits since", "found payment_9999")
        connection.execute("UPDATE alembic_version SET version_num = %s", version)
    await_well(url)
    assert of_order(url, order)["state"] == "over"


@pytest.mark.timeout(240)
def test_a_frozen_process_does_not_answer_and_its_orders_are_counted_until_it_goes_on(cluster: Cluster) -> None:
    members = start_all(cluster)
    url, process = members["monitor"].url, members["payment"].process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        order = place(url, "4.00")
        # Kafka counts it as a member until its session is over.
        silent = r"1 order, 4\.00 USD, waits at payment: (payment has not answered|the payment group has had no member) since"
        found = await_words(url, re.compile(silent), f"{members['payment'].url} does not answer")
        assert {group["cause"]["service"] for group in found["groups"]} == {"payment"}
        await_words(url, "1 order, 4.00 USD, waits at payment: the payment group has had no member since")
        assert process.poll() is None
        assert doctor(url)[0] == 1
    finally:
        os.kill(process.pid, signal.SIGCONT)
    await_well(url)
    assert of_order(url, order)["state"] == "over"


@pytest.mark.timeout(240)
def test_a_service_that_a_lock_holds_up_is_said_to_stand_still(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    with psycopg.connect(libpq_url(cluster.databases["payment"])) as connection:
        connection.execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
        order = place(url, "6.00")
        await_words(url, "1 order, 6.00 USD, waits at payment: ", "payment has heard nothing since", "has 1 member")
        assert doctor(url)[0] == 1
        connection.rollback()
    await_well(url)
    assert of_order(url, order)["state"] == "over"


@pytest.mark.timeout(240)
def test_a_record_that_nobody_can_read_is_told_as_parked_until_it_is_discarded(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    producer = Producer({"bootstrap.servers": cluster.kafka})
    producer.produce(f"{cluster.prefix}order.validated", b"\xff garbage", b"\xff")
    assert producer.flush(30) == 0
    found = await_words(
        url,
        "1 record parked as dead letters at payment; the newest since",
        "1 record parked as dead letters at monitor; the newest since",
    )
    assert (found["well"], found["late"], found["groups"]) == (False, 0, [])
    assert doctor(url)[0] == 1
    for letter in httpx.get(f"{url}/api/dead-letters").raise_for_status().json()["items"]:
        answer = httpx.post(f"{url}/api/dead-letters/{letter['id']}/discard", json={"reason": "not ours"})
        assert answer.is_success, answer.text
    await_well(url)
    assert doctor(url)[0] == 0


@pytest.mark.postgres
@pytest.mark.timeout(240)
def test_a_server_with_every_database_that_is_away_is_told_for_each_service(
    kafka: str, topic_prefix: str, own_postgres: PostgresServer, tmp_path: Path
) -> None:
    own_postgres.start()
    for name in NAMES:
        own_postgres.create_database(name)
    databases = {name: own_postgres.url(name) for name in NAMES}
    with Cluster(kafka, databases, topic_prefix, logs=tmp_path) as cluster:
        cluster.prepare()
        members = start_all(cluster)
        url = members["monitor"].url
        own_postgres.kill()
        found = await_words(url, *(f"the database of {name} has been away since" for name in NAMES))
        assert (found["well"], found["late"]) == (False, None)
        assert doctor(url)[0] == 1
        own_postgres.start()
        await_well(url)
        order = place(url, "3.00")
        drive_until(lambda: of_order(url, order)["state"] == "over", pause)
