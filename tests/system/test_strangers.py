"""Strangers write into every topic of the running system while honest people use it; `make proof` does it on both halves."""

import json
import subprocess
import sys

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
