"""The order saga as a Restate workflow, keyed by the order: the server journals each step before the next one starts.

Run as `python -m benchmarks.contestants.restate_app`; it ends when its standard input closes.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import restate
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from benchmarks.contestants.asyncpg_steps import Steps, connected
from benchmarks.contestants.settings import RestateSettings


def application(steps: Steps) -> Any:
    """The workflow as an ASGI application that speaks Restate's protocol."""
    workflow = restate.Workflow("Order")

    @workflow.main()
    async def run(context: restate.WorkflowContext, wanted: list[Any]) -> str:
        async def durable(step: Callable[..., Awaitable[Any]], *args: Any) -> Any:
            return await context.run_typed(step.__name__, step, restate.RunOptions(), context.key(), *args)

        amount = await durable(steps.place, wanted)
        if not await durable(steps.reserve, wanted):
            status = "FAILED"
        elif await durable(steps.pay, amount):
            status = "COMPLETED"
        else:
            await durable(steps.release)
            status = "PAYMENT_FAILED"
        await durable(steps.finish, status)
        await durable(steps.notify, status)
        return status

    return restate.app([workflow], "bidi")


async def main() -> None:
    """Says `ready` and serves until the standard input closes."""
    settings = RestateSettings.from_environment()
    pool = await connected(settings.url, settings.pool)
    server = Server(
        application(Steps(pool)),
        address="127.0.0.1",
        port=settings.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http2,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.stop()
    await serving
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main())
