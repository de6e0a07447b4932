"""What the workers of the Temporal contestant are told by whoever starts them."""

import json
import os
from dataclasses import asdict, dataclass

VARIABLE = "TEMPORAL_PEER"


@dataclass(frozen=True)
class Settings:
    """`address` is the server's; `local` has the steps run as local activities."""

    url: str
    address: str
    pool: int = 8
    local: bool = True

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(**json.loads(os.environ[VARIABLE]))

    def environment(self) -> dict[str, str]:
        return {**os.environ, VARIABLE: json.dumps(asdict(self))}
