"""What the DBOS workers are told by whoever starts them."""

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "DBOS_PEER"


@dataclass(frozen=True)
class Settings:
    """`url` is SQLAlchemy's, of the one database; `pool` the connections that DBOS keeps for itself."""

    url: str
    executor: str
    pool: int = 8

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}
