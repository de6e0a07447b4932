"""Where pages have their figures from: the monitor's own rows, and the routes of every service."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import msgspec

from farandole.http.desk import Desk
from farandole.web.branches import Branches, ask
from farandole.web.doctor.routes import Doctor


class Sources(NamedTuple):
    """`branches` are clients of the services' routes; one whose address is not known is not there. `doctor` says why."""

    monitor: Desk
    branches: Branches
    doctor: Doctor | None = None

    async def get(self, service: str, path: str, query: Mapping[str, str] | None = None) -> Any:
        """A service's answer as values; None where it has none (404); raises Problem 503 while it cannot be reached."""
        client = self.branches.get(service)
        if client is None:
            return None
        answer = await ask(client, "GET", path, params=dict(query or {}))
        return msgspec.json.decode(answer.content) if answer.status_code == httpx.codes.OK else None
