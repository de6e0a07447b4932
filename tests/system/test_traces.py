"""One order is one trace across four processes, Kafka between them, as a collector gets it."""

from pathlib import Path

import httpx
import pytest

from farandole.contract.choreography import FLOWS, flow
from farandole.proof.ground.cluster import SAGA, Cluster
from farandole.proof.ground.waiting import drive_until, pause
from farandole.runtime.wiring import NAMES
from tests.support.collector import collecting
from tests.support.customers import receive, wish
from tests.support.databases import PostgresDatabases


@pytest.mark.timeout(300)
def test_an_order_is_one_trace_across_processes_and_kafka(
    kafka: str, topic_prefix: str, postgres: PostgresDatabases, tmp_path: Path
) -> None:
    databases = {name: postgres.migrated(name) for name in NAMES}
    with (
        collecting() as collector,
        Cluster(kafka, databases, topic_prefix, logs=tmp_path, settings=collector.env) as cluster,
    ):
        cluster.prepare()
        members = {name: cluster.start(name) for name in SAGA}
        cluster.all_ready(list(members.values()))
        receive(members["inventory"].url, 10)
        placed = {kind: _place(members["order"].url, kind) for kind in FLOWS}
        wanted = sum(len(flow(kind)) for kind in FLOWS)
        drive_until(lambda: len(collector.spans()) >= wanted, pause, seconds=90)
        assert {member.terminate() for member in members.values()} == {0}
        spans = collector.spans()
    assert len(spans) == len({span.id for span in spans}) == wanted
    for kind, order_id in placed.items():
        found = {span.id: span for span in spans if span.trace == order_id.replace("-", "")}
        told = [(span.service, span.name, found[span.parent].name if span.parent else "") for span in found.values()]
        assert sorted(told) == sorted(
            (step.service, step.words, next((s.words for s in flow(kind) if s.says is step.hears), ""))
            for step in flow(kind)
        )
        heard = [span for span in found.values() if span.parent]
        assert len({span.attributes["messaging.destination.partition.id"] for span in heard}) == 1
        assert {span.attributes["messaging.kafka.offset"] for span in heard} <= {0, 1, 2}


def _place(url: str, kind: str) -> str:
    answer = httpx.post(f"{url}/api/orders", json=wish(kind), timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
