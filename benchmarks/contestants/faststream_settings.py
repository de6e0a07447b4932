"""What the FastStream services are told by whoever starts them."""

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "FASTSTREAM_PEER"
GROUPS = ("order", "inventory", "payment", "notification")
TOPICS = ("order.placed", "order.validated", "order.paid", "order.completed", "order.failed", "payment.failed")


@dataclass(frozen=True)
class Settings:
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

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}

    def url(self, service: str) -> str:
        """The SQLAlchemy URL of a service's own database."""
        return self.databases[service].replace("postgresql://", f"postgresql+{self.driver}://", 1)
