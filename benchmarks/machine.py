"""What a figure was measured on: without it no figure means anything."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.ground import KAFKA, POSTGRES

PACKAGES: Final = ("confluent-kafka", "psycopg", "sqlalchemy", "msgspec", "starlette", "uvicorn")
PEERS: Final = (
    "import importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in ('dbos', 'faststream')), sep=', ')"
)


def described(peers: Path | None) -> dict[str, Any]:
    return {
        "processor": _first(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "java": _first(r'version "([^"]*)"', _said("java", "-version")),
        "commit": _said("git", "rev-parse", "--short", "HEAD").strip(),
        "packages": {name: version(name) for name in PACKAGES},
        "peers": _said(str(peers), "-c", PEERS).strip() if peers else None,
        "postgres_settings": POSTGRES,
        "kafka_settings": KAFKA | {"acks": "all"},
    }


def _said(*words: str) -> str:
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout or found.stderr


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "unknown"
