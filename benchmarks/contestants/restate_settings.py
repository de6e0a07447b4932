"""What the processes of the Restate contestant are told by whoever starts them."""

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "RESTATE_PEER"


@dataclass(frozen=True)
class Settings:
    """Orders are made at `ingress`; the service listens on `port` and has `pool` connections to its database."""

    url: str
    ingress: str
    port: int
    pool: int = 8

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}
