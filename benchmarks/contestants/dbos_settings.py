"""What the DBOS workers are told by whoever starts them."""

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "DBOS_PEER"


@dataclass(frozen=True)
class Settings:
    """`transactions` stores each step's result in the transaction of its rows; else a step is repeated after a crash."""

    url: str
    executor: str
    pool: int = 8
    transactions: bool = False

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}
