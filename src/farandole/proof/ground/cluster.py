"""A whole cluster of real processes for a test: services on real Kafka and PostgreSQL, each on a port of its own."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from farandole.contract.facts import Facts
from farandole.contract.invariants import Finding, findings
from farandole.messaging.database import open_database
from farandole.proof.ground.waiting import PATIENCE, drive_until, pause
from farandole.runtime.distributed import create_topics
from farandole.runtime.migrations import migrate
from farandole.runtime.routes import SERVICE_FACTS
from farandole.runtime.settings import load
from farandole.runtime.wiring import NAMES

SAGA = NAMES[:4]


def farandole(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "farandole.cli", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=os.environ | (env or {}), check=False
    )


@dataclass
class Member:
    """One process of one service, and where it listens."""

    service: str
    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


@dataclass
class Cluster:
    """Databases by service, and the processes that work on them; ended with the context."""

    kafka: str
    databases: dict[str, str]
    prefix: str
    members: list[Member] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    logs: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="farandole-logs-")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self.members:
            if member.process.poll() is None:
                member.process.kill()
            member.process.wait()
            if member.process.stdout:
                member.process.stdout.close()

    @property
    def env(self) -> dict[str, str]:
        return {"FARANDOLE_KAFKA": self.kafka, "FARANDOLE_TOPIC_PREFIX": self.prefix, **self.settings}

    def prepare(self) -> None:
        """Create the topics and bring every database up to date, as the commands do."""
        create_topics(load(self.env))
        for name, url in self.databases.items():
            migrate(name, url)

    def start(self, service: str, **env: str) -> Member:
        """Start one more process, on a free port unless told another, and learn its address from what it prints."""
        log = self.logs / f"{service}-{len(self.members)}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "farandole.cli", "serve", service, "--port", env.get("FARANDOLE_PORT", "0")],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | self.env | {"FARANDOLE_DATABASE": self.databases[service]} | env,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " is at http://" in line, (line, log.read_text())
        member = Member(service, process, line.split(" is at ")[1].strip().rstrip("/"))
        self.members.append(member)
        return member

    def all_ready(self, members: Sequence[Member]) -> None:
        with httpx.Client(timeout=PATIENCE) as client:
            for member in members:
                drive_until(partial(_ready, client, member), pause)

    def facts(self) -> Facts:
        """What the four databases say, together."""
        facts = Facts()
        for name in SAGA:
            database = open_database(self.databases[name])
            with database.reading() as transaction:
                facts |= SERVICE_FACTS[name](transaction)
            database.close()
        return facts

    def violations(self, facts: Facts) -> list[Finding]:
        return [found for found in findings(facts) if found.violations]


def _ready(client: httpx.Client, member: Member) -> bool:
    return client.get(f"{member.url}/health/ready").is_success


class Embedded:
    """One `farandole up` on a folder and a free port; ended with the context."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder, self._env = folder, env
        self.process: subprocess.Popen[str]
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start, and learn the address from what it prints."""
        log = self.folder.with_name(f"{self.folder.name}.log")
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "farandole.cli", "up", "--port", "0", "--data", str(self.folder)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | self._env,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert " is at http://" in line, (line, log.read_text())
        self.url = line.split(" is at ")[1].split()[0].rstrip("/")

    def kill(self) -> None:
        self.process.kill()
        self.over()

    def over(self, seconds: float = 10) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(timeout=seconds)
        if self.process.stdout:
            self.process.stdout.close()
        return code
