"""Where pages have their figures from: the monitor's own rows, and the routes of every service."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx
import msgspec

from farandole.http.desk import Desk
from farandole.http.problems import Problem
from farandole.web.branches import Branches, ask
from farandole.web.doctor.routes import Doctor


class Sources(NamedTuple):
    """`branches` are clients of the services' routes; one whose address is not known is not there. `doctor` says why."""

    monitor: Desk
    branches: Branches
    doctor: Doctor | None = None

    async def get(self, service: str, path: str, query: Mapping[str, str] | None = None) -> Any:
        """A service's answer as values; None where it has none; raises Problem while it cannot be reached or cannot work."""
        client = self.branches.get(service)
        if client is None:
            return None
        answer = await ask(client, "GET", path, params=dict(query or {}))
        if answer.is_server_error:
            raise Problem(answer.status_code, f"{service} cannot answer now", headers={"Retry-After": "1"})
        return msgspec.json.decode(answer.content) if answer.status_code == httpx.codes.OK else None
