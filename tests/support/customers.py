"""What customers of a running cluster do: they order, all flows among them, and try again elsewhere where nobody answers."""

import asyncio

import httpx

from farandole.proof.ground.cluster import SAGA, Cluster, Member

CUSTOMER = {"id": "c-1", "email": "ada@example.com", "phone": "+14155550123"}
PRICES = {"happy": "10.00", "payment-failure": "10000.01", "stock-failure": "1.00"}
SKUS = {"happy": "tea", "payment-failure": "tea", "stock-failure": "unicorn"}


def wish(flow: str, price: str | None = None) -> dict[str, object]:
    line = {"sku": SKUS[flow], "quantity": 1, "unit_price": price or PRICES[flow]}
    return {"customer": CUSTOMER, "currency": "USD", "lines": [line]}


def flow_of_number(number: int) -> str:
    return {8: "payment-failure", 9: "stock-failure"}.get(number % 10, "happy")


async def place(urls: list[str], count: int) -> list[str]:
    """Ids of acknowledged orders; a refused connection is tried at the next process under the same key."""
    acknowledged: list[str] = []
    async with httpx.AsyncClient(timeout=30) as client:

        async def one(number: int) -> None:
            for attempt in range(20):
                url = urls[(number + attempt) % len(urls)]
                headers = {"Idempotency-Key": f"load-{number}"}
                try:
                    answer = await client.post(f"{url}/api/orders", json=wish(flow_of_number(number)), headers=headers)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                    return

        queue = iter(range(count))

        async def customer() -> None:
            for number in queue:
                await one(number)

        await asyncio.gather(*(customer() for _ in range(20)))
    return acknowledged


def receive(url: str, quantity: int = 100_000) -> None:
    answer = httpx.post(f"{url}/api/stock/tea/receipts", json={"quantity": quantity}, timeout=30)
    assert answer.status_code == 201, answer.text


def start_all(cluster: Cluster) -> dict[str, Member]:
    members = {name: cluster.start(name) for name in SAGA}
    urls = {f"FARANDOLE_{name.upper()}_URL": member.url for name, member in members.items()}
    members["monitor"] = cluster.start("monitor", **urls)
    cluster.all_ready(list(members.values()))
    return members
