"""Strangers write into every topic of the running system while honest people use it."""

import json
import subprocess
import sys

import pytest

from farandole.proof.hostile.halves import cluster_half
from farandole.proof.hostile.run import attack
from farandole.runtime.wiring import NAMES
from tests.support.databases import PostgresDatabases

RECORDS = 2_000
KINDS_DRAWN = 35
"""Of some forty kinds; the rarest need not be among two thousand records."""


def test_the_embedded_system_parks_what_strangers_write_and_serves_its_customers() -> None:
    command = [sys.executable, "-m", "farandole.proof.hostile", "--half", "embedded", "--json"]
    command += ["--records", str(RECORDS), "--seed", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    (report,) = json.loads(done.stdout)
    assert (report["half"], report["records"], report["violations"]) == ("embedded", RECORDS, [])
    assert len(report["by_kind"]) > KINDS_DRAWN
    assert report["honest_orders"] > 100


@pytest.mark.timeout(300)
def test_the_distributed_system_parks_what_strangers_write_and_serves_its_customers(
    kafka: str, topic_prefix: str, postgres: PostgresDatabases
) -> None:
    with cluster_half(kafka, topic_prefix, {name: postgres.migrated(name) for name in NAMES}) as half:
        report = attack(half, RECORDS, seed=2)
    assert report.violations == ()
    assert len(report.by_kind) > KINDS_DRAWN
    assert report.parked_in_all > RECORDS
    assert report.honest_orders > 100
