"""Services whose place to read on is gone or wrong, each brought about for real: run by `make proof`, or by `pytest -m proof`."""

from pathlib import Path

import pytest

from farandole.proof.ground.cluster import Cluster, Embedded
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.settings import load
from tests.support.customers import receive
from tests.support.doctor import (
    await_well,
    await_words,
    doctor,
    of_order,
    place,
    sentences,
    start_again,
    start_all,
)
from tests.system.administrator import commit, committed, delete_records, republish

pytestmark = pytest.mark.proof


@pytest.mark.timeout(240)
def test_records_that_are_deleted_before_they_are_heard_are_named(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    heard: list[str] = []
    everywhere = load({}).partitions
    drive_until(
        lambda: len(committed(cluster, "payment", "order.validated")) == everywhere, lambda: heard.append(place(url))
    )
    drive_until(lambda: all(of_order(url, order)["state"] == "over" for order in heard), pause)
    assert members["payment"].terminate() == 0
    order = place(url, "8.00")
    drive_until(lambda: of_order(url, order)["state"] == "late", pause)
    delete_records(cluster, "order.validated")
    await_words(
        url, "1 order, 8.00 USD, waits at payment: payment reads on at", "records were deleted before it heard them"
    )
    assert doctor(url)[0] == 1


@pytest.mark.timeout(240)
def test_a_service_that_never_heard_what_was_deleted_is_told_where_to_begin_and_what_it_missed_is_said_again(
    cluster: Cluster,
) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    assert members["payment"].terminate() == 0
    order = place(url, "9.00")
    drive_until(lambda: of_order(url, order)["state"] == "late", pause)
    delete_records(cluster, "order.validated")
    await_words(url, "1 order, 9.00 USD, waits at payment: payment has no offset of", "it missed what was deleted")
    start_again(cluster, members, "payment")
    await_words(url, "1 order, 9.00 USD, waits at payment: payment halted since", "FARANDOLE_BEGIN=earliest or latest")
    assert members["payment"].process.wait(timeout=60) == 1
    start_again(cluster, members, "payment", FARANDOLE_BEGIN="earliest")
    await_words(url, "1 order, 9.00 USD, waits at payment: order.paid or payment.failed of payment is lost")
    republish(cluster, "inventory")
    await_well(url)
    assert of_order(url, order)["state"] == "over"


@pytest.mark.timeout(240)
def test_a_service_that_halted_is_quoted_after_its_end_until_it_is_well(cluster: Cluster) -> None:
    members = start_all(cluster)
    url = members["monitor"].url
    heard = place(url)
    drive_until(lambda: of_order(url, heard)["state"] == "over", pause)
    assert members["payment"].terminate() == 0
    at = committed(cluster, "payment", "order.validated")
    commit(cluster, "payment", "order.validated", {partition: offset + 7 for partition, offset in at.items()})
    order = place(url, "11.00")
    await_words(
        url, "1 order, 11.00 USD, waits at payment: payment reads on at 8 of order.validated/", "the log ends at"
    )
    start_again(cluster, members, "payment")
    why = "the group's offset 8 is beyond 1, the last that this database decided"
    await_words(url, "1 order, 11.00 USD, waits at payment: payment halted since", why)
    assert members["payment"].process.wait(timeout=60) == 1
    said = of_order(url, order)["sentence"]
    found = await_words(url, "payment halted since", why, f"{members['payment'].url} does not answer")
    assert (found["troubles"], why in said, doctor(url)[0]) == ([], True, 1)
    commit(cluster, "payment", "order.validated", at)
    elsewhere = cluster.start("payment")
    found = await_words(url, "payment has not answered since", "though its group has 1 member")
    assert "halted" not in sentences(found)
    assert elsewhere.terminate() == 0
    start_again(cluster, members, "payment")
    await_well(url)
    assert of_order(url, order)["state"] == "over"


def test_a_system_of_one_process_ends_with_the_words_of_the_service_that_halted(tmp_path: Path) -> None:
    with Embedded(tmp_path / "data") as up:
        receive(up.url)
        order = place(up.url)
        drive_until(lambda: of_order(up.url, order)["state"] == "over", pause)
        up.kill()
        for file in (tmp_path / "data").glob("payment.db*"):
            file.unlink()
        up.start()
        assert up.over(seconds=90) == 1
    assert "this database never heard the partition" in (tmp_path / "data.log").read_text().splitlines()[-1]
