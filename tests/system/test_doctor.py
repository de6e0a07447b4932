"""The doctor says why orders wait: each cause is made to happen, the sentence is read, and it is gone when the cause is."""

import re
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from psycopg import sql

from farandole.contract.events import OrderValidated
from farandole.messaging.envelope import Event
from farandole.proof.ground.cluster import Cluster
from farandole.proof.ground.postgres import libpq_url
from farandole.proof.ground.waiting import drive_until, pause
from farandole.services.payment import handlers as payment
from tests.support.customers import receive
from tests.support.doctor import (
    await_well,
    await_words,
    diagnosis,
    doctor,
    embedded,
    of_order,
    place,
    start_again,
    start_all,
)

UNKNOWN = "0190a6f0-7d4c-7c3e-9a3b-2f1d5c6e7f80"


def test_a_bug_in_a_handler_is_told_as_the_parked_event_that_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = payment.handlers

    def broken(gateway: Any) -> dict[type[Event], Any]:
        def pay(rows: Any, heard: Any) -> Any:
            if heard.event.amount == "13.00":
                raise ZeroDivisionError("thirteen")
            return table(gateway)[OrderValidated](rows, heard)

        return {OrderValidated: pay}

    with monkeypatch.context() as patch:
        patch.setattr(payment, "handlers", broken)
        with embedded(tmp_path / "data", late_after="0.5") as url:
            receive(url)
            await_well(url)
            assert doctor(url) == (0, "All is well: no order waits longer than 0.5 s, every service hears.\n")
            assert diagnosis(url)["late"] == 0
            well, ill, worse = place(url), place(url, "13.00"), place(url, "13.00")
            found = await_words(
                url, "2 orders, 26.00 USD, wait at payment: parked as a dead letter by payment since", "thirteen"
            )
            code, said = doctor(url)
            assert (code, "ZeroDivisionError" in said, ill in said or worse in said) == (1, True, True)
            assert (found["late"], found["well"]) == (2, False)
            (hop,) = of_order(url, ill)["hops"]
            assert (hop["service"], hop["heard"], hop["late"]) == ("payment", "order.validated", True)
            assert "thirteen" in hop["cause"]["sentence"]
            letter = hop["cause"]["evidence"][1]
            assert letter in hop["cause"]["remedy"]
            assert of_order(url, well)["state"] == "over"
            assert httpx.get(f"{url}/api/orders/{UNKNOWN}/diagnosis").status_code == 404
            for path, word in (("/doctor", "26.00 USD"), (f"/orders/{ill}/doctor", "thirteen")):
                page = httpx.get(f"{url}{path}")
                assert (page.status_code, word in page.text) == (200, True)
    with embedded(tmp_path / "data", late_after="0.5") as url:
        for letter in httpx.get(f"{url}/api/dead-letters").json()["items"]:
            assert httpx.post(f"{url}/api/dead-letters/{letter['id']}/replay", json={}).status_code == 200
        await_well(url)
        assert of_order(url, ill)["state"] == "over"


def test_a_service_whose_database_was_lost_halts_and_the_doctor_says_why(tmp_path: Path) -> None:
    with embedded(tmp_path / "data", late_after="0.5") as url:
        receive(url)
        order = place(url)
        drive_until(lambda: of_order(url, order)["state"] == "over", pause)
    for file in (tmp_path / "data").glob("payment.db*"):
        file.unlink()
    with embedded(tmp_path / "data", late_after="0.5") as url:
        order = place(url, "20.00")
        why = "order.validated/0: the group's offset is 1, but this database never heard the partition"
        found = await_words(url, "1 order, 20.00 USD, waits at payment: payment halted since", why)
        assert [group["cause"]["kind"] for group in found["groups"]] == ["halted"]
        assert why in of_order(url, order)["sentence"]
        assert doctor(url)[0] == 1


@pytest.mark.proof
@pytest.mark.timeout(240)
def test_a_killed_payment_process_is_said_to_be_exactly_that_and_all_is_well_when_it_is_back(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    well = place(url)
    drive_until(lambda: of_order(url, well)["state"] == "over", pause)
    members["payment"].kill()
    orders = [place(url, "1000.50") for _ in range(3)]
    said = re.compile(
        r"3 orders, 3,001\.50 USD, wait at payment: the payment group has had no member since \d\d:\d\d:\d\d UTC;"
        r" [123] partitions? waits? with 3 records"
    )
    found = await_words(url, said, f"{members['payment'].url} does not answer")
    (group,) = found["groups"]
    assert (found["late"], set(group["examples"])) == (3, set(orders))
    assert group["cause"]["evidence"] == [f"{members['payment'].url} does not answer"]
    one = of_order(url, orders[0])
    assert "the payment group has had no member since" in one["sentence"]
    assert doctor(url)[0] == 1
    start_again(cluster, members, "payment")
    await_well(url)
    assert {of_order(url, order)["state"] for order in orders} == {"over"}
    assert doctor(url)[0] == 0


def admin(cluster: Cluster, statement: LiteralString, service: str) -> None:
    """Tell the server of a service's database something about it."""
    url = cluster.databases[service]
    name = url.rpartition("/")[2]
    with psycopg.connect(libpq_url(url.replace(name, "postgres")), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(name)))


@pytest.mark.proof
@pytest.mark.timeout(240)
def test_a_database_that_is_away_is_named_and_what_waits_for_it_is_counted(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    admin(cluster, "ALTER DATABASE {0} ALLOW_CONNECTIONS false", "payment")
    admin(cluster, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {1}", "payment")
    order = place(url, "5.00")
    found = await_words(url, "1 order, 5.00 USD, waits at payment: the database of payment has been away since")
    assert [group["cause"]["kind"] for group in found["groups"]] == ["database"]
    assert "the database of payment has been away" in of_order(url, order)["sentence"]
    status = {one["service"]: one for one in httpx.get(f"{url}/api/status").json()["services"]}
    assert "not currently accepting connections" in status["payment"]["database"]
    assert {name for name, one in status.items() if one["database"]} == {"payment"}
    admin(cluster, "ALTER DATABASE {0} ALLOW_CONNECTIONS true", "payment")
    await_well(url)


def test_nobody_there_is_exit_code_two() -> None:
    assert doctor("http://127.0.0.1:9")[0] == 2


def test_a_status_says_how_far_every_service_has_heard(tmp_path: Path) -> None:
    with embedded(tmp_path / "data") as url:
        receive(url)
        order = place(url)
        drive_until(lambda: of_order(url, order)["state"] == "over", pause)
        services = httpx.get(f"{url}/api/status").json()["services"]
        assert [one["service"] for one in services] == ["order", "inventory", "payment", "notification", "monitor"]
        paid = next(one for one in services if one["service"] == "payment")
        assert (paid["away"], paid["halted"], paid["trouble"], paid["database"]) == (None,) * 4
        assert paid["kept"]["offsets"][0] | {"acked": 0} == {
            "topic": "order.validated",
            "partition": 0,
            "decided": 1,
            "acked": 0,
        }
        assert (paid["kept"]["outbox"], paid["kept"]["parked"], paid["instance"]) == (0, 0, "embedded")
