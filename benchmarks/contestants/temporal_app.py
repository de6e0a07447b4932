"""The order saga as a Temporal workflow of activities.

Run as `python -m benchmarks.contestants.temporal_app`: a line `first step end outstanding` on its standard input makes
that share of the orders; it ends when that closes.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import uvloop
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from benchmarks.contestant import lines
from benchmarks.contestants.asyncpg_steps import Steps, connected
from benchmarks.contestants.settings import TemporalSettings

QUEUE = "orders"
LIMIT = timedelta(seconds=30)
STEPS = (Steps.place, Steps.reserve, Steps.release, Steps.pay, Steps.finish, Steps.notify)

for each in STEPS:
    activity.defn(each)


@workflow.defn
class Fulfil:
    """Place, reserve, pay, complete, notify; or release, fail, notify."""

    @workflow.run
    async def run(self, order: str, wanted: list[Any], local: bool) -> str:
        execute = workflow.execute_local_activity_method if local else workflow.execute_activity_method

        async def durable(step: Callable[..., Awaitable[Any]], *args: Any) -> Any:
            return await execute(step, args=[order, *args], start_to_close_timeout=LIMIT)

        amount = await durable(Steps.place, wanted)
        if not await durable(Steps.reserve, wanted):
            status = "FAILED"
        elif await durable(Steps.pay, amount):
            status = "COMPLETED"
        else:
            await durable(Steps.release)
            status = "PAYMENT_FAILED"
        await durable(Steps.finish, status)
        await durable(Steps.notify, status)
        return status


async def make_orders(client: Client, local: bool, share: range, outstanding: int) -> None:
    """Starts this process' share of the orders, so many at once, and waits for all of them."""
    following = iter(share)

    async def one_after_the_other() -> None:
        for number in following:
            order = f"order-{number}"
            args = [order, lines(number), local]
            await client.execute_workflow(Fulfil.run, args=args, id=order, task_queue=QUEUE, request_eager_start=True)

    await asyncio.gather(*(one_after_the_other() for _ in range(outstanding)))


async def main() -> None:
    """Says `ready`, obeys one line after the other."""
    settings = TemporalSettings.from_environment()
    client = await Client.connect(settings.address)
    pool = await connected(settings.url, settings.pool)
    steps = Steps(pool)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Fulfil],
        activities=[getattr(steps, step.__name__) for step in STEPS],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            first, step, end, outstanding = map(int, line.split())
            await make_orders(client, settings.local, range(first, end, step), outstanding)
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main())
