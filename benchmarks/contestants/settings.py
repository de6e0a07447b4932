"""What the processes of a contestant are told by whoever starts them."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Self

VARIABLE = "CONTESTANT"
GROUPS = ("order", "inventory", "payment", "notification")
TOPICS = ("order.placed", "order.validated", "order.paid", "order.completed", "order.failed", "payment.failed")


@dataclass(frozen=True)
class Settings:
    """Go into a process by its environment."""

    @classmethod
    def from_environment(cls) -> Self:
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}


@dataclass(frozen=True)
class RawSettings(Settings):
    """Where the servers are; `databases` has a libpq URL a service."""

    bootstrap: str
    prefix: str
    variant: str
    partitions: int
    databases: dict[str, str]


@dataclass(frozen=True)
class DbosSettings(Settings):
    """`url` is libpq's, of the one database; `pool` the connections that DBOS keeps for itself."""

    url: str
    executor: str
    pool: int = 8


@dataclass(frozen=True)
class RestateSettings(Settings):
    """Orders are made at `ingress`; the service listens on `port` and has `pool` connections to its database."""

    url: str
    ingress: str
    port: int
    pool: int = 8


@dataclass(frozen=True)
class TemporalSettings(Settings):
    """`address` is the server's; `local` has the steps run as local activities."""

    url: str
    address: str
    pool: int = 8
    local: bool = True


@dataclass(frozen=True)
class FastStreamSettings(Settings):
    """What was tuned; `batch` 0 handles message by message in `consumers` subscribers, else so many messages at once."""

    bootstrap: str
    prefix: str
    databases: dict[str, str]
    consumers: int = 4
    batch: int = 200
    pool: int = 16
    driver: str = "asyncpg"
    linger_ms: int = 0
    polling: float = 0.05

    def url(self, service: str) -> str:
        """The SQLAlchemy URL of a service's own database."""
        return self.databases[service].replace("postgresql://", f"postgresql+{self.driver}://", 1)
