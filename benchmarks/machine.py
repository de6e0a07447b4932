"""What a figure was measured on: without it no figure means anything."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.ground import KAFKA, Servers
from farandole.proof.ground.kafka import JVM
from farandole.proof.ground.kafka_jars import kafka_version

PACKAGES: Final = ("confluent-kafka", "psycopg", "sqlalchemy", "msgspec", "starlette", "uvicorn", "uvloop")
PEERS: Final = ("dbos", "faststream", "sqlalchemy", "asyncpg", "restate-sdk", "temporalio")
ASK: Final = (
    "import importlib.metadata as m\n"
    f"names = {{d.name.lower(): d.version for d in m.distributions()}}\n"
    f"print(*(f'{{n}} {{names[n]}}' for n in {PEERS} if n in names), sep=', ')"
)


def described(servers: Servers, peers: Path | None) -> dict[str, Any]:
    """The machine, the versions of everything, and the settings the servers ran with."""
    shown = servers.settings()
    return {
        "processor": _first(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "java": _first(r'version "([^"]*)"', _said("java", "-version")),
        "kafka": kafka_version(),
        "postgresql": shown.pop("server_version"),
        "packages": {name: version(name) for name in PACKAGES},
        "peers": _said(str(peers), "-c", ASK).strip() if peers else None,
        "postgresql_settings": shown,
        "kafka_settings": KAFKA | {"jvm": " ".join(JVM), "producers": "acks=all, idempotent"},
    }


def commit() -> str:
    """The commit that was measured; `+` when files differed from it."""
    changed = _said("git", "status", "--porcelain", "--untracked-files=no", "src", "benchmarks").strip()
    return _said("git", "rev-parse", "--short", "HEAD").strip() + ("+" if changed else "")


def busy() -> float:
    """Processes that ran or wanted to, on average over the last minute: more than the benchmark's own disturb it."""
    return round(os.getloadavg()[0], 2)


def _said(*words: str) -> str:
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout or found.stderr


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "unknown"
