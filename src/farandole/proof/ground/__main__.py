"""`python -m farandole.proof.ground` makes the servers ready for a test run and says which tests are left out."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from farandole.proof.ground import Missing
from farandole.proof.ground.chromium import installed_chromium
from farandole.proof.ground.kafka_jars import fetched_jars, java
from farandole.proof.ground.postgres import installed_programs


def kafka() -> Path:
    """Returns the jars, once a Java that runs them is there."""
    java()
    return fetched_jars()


PREPARATIONS: dict[str, Callable[[], Path]] = {
    "kafka": kafka,
    "postgres": installed_programs,
    "chromium": installed_chromium,
}


def left_out() -> Iterator[str]:
    """Prepares each server and yields the name of each that cannot run here."""
    for name, prepare in PREPARATIONS.items():
        try:
            print(f"{name}: {prepare()}", flush=True)
        except Missing as missing:
            print(f"{name}: its tests are LEFT OUT: {missing}", flush=True)
            yield name


if __name__ == "__main__":
    if list(left_out()) and os.environ.get("CI") == "true":
        sys.exit("CI is set, so every server is expected")
