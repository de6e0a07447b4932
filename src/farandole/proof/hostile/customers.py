"""Honest people while strangers are at work: they place orders, and look at what an operator looks at."""

import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

import httpx

from farandole.proof.ground.waiting import pause

SECONDS: Final = 60.0
SKUS: Final = {"happy": "tea", "payment-failure": "tea", "stock-failure": "unicorn"}
PRICES: Final = {"happy": "10.00", "payment-failure": "10000.01", "stock-failure": "1.00"}
STATUSES: Final = {"happy": "COMPLETED", "payment-failure": "PAYMENT_FAILED", "stock-failure": "FAILED"}
LOOKS: Final = ("/health/live", "/health/ready", "/metrics", "/api/dead-letters?limit=50", "/api/orders?limit=50")


def flow_of_number(number: int) -> str:
    """Of ten orders eight are happy, one cannot be paid, one is short of stock."""
    return {8: "payment-failure", 9: "stock-failure"}.get(number % 10, "happy")


class Customers:
    """Places orders through one address; `placed` is how each must end, by id, `faults` what no customer may see."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=SECONDS)
        self._pool = ThreadPoolExecutor(max_workers=8)
        self.placed: dict[str, str] = {}
        self.refused = 0
        self.faults: list[str] = []

    def receive(self, sku: str, quantity: int) -> None:
        answer = self._client.post(f"/api/stock/{sku}/receipts", json={"quantity": quantity})
        answer.raise_for_status()

    def place(self, count: int) -> list[str]:
        """Place so many orders of all flows, some at a time; their ids."""
        first = len(self.placed)
        return [order_id for order_id in self._pool.map(self._one, range(first, first + count)) if order_id]

    def _one(self, number: int) -> str | None:
        flow = flow_of_number(number)
        line = {"sku": SKUS[flow], "quantity": 1, "unit_price": PRICES[flow]}
        who = {"id": f"c-{number}", "email": "ada@example.com", "phone": "+14155550123"}
        order = {"customer": who, "currency": "USD", "lines": [line]}
        return self._insist(order, STATUSES[flow])

    def _insist(self, order: dict[str, Any], status: str) -> str | None:
        """Ask again with the same key after the one documented 5xx, a 503 that says when to come back."""
        deadline, headers = time.monotonic() + SECONDS, {"Idempotency-Key": str(uuid4())}
        while True:
            answer = self._client.post("/api/orders", json=order, headers=headers)
            if answer.status_code == httpx.codes.CREATED:
                order_id = str(answer.json()["id"])
                self.placed[order_id] = status
                return order_id
            busy = answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers
            if not busy or time.monotonic() > deadline:
                break
            self.refused += 1
            pause()
        self.faults.append(f"an honest order: expected 201, found {answer.status_code} {answer.text[:200]}")
        return None

    def close(self) -> None:
        self._pool.shutdown()
        self._client.close()


class Watcher:
    """Asks every route of an operator round and round, from a thread; `waits` are seconds by route."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=SECONDS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self.waits: dict[str, list[float]] = defaultdict(list)
        self.answers: Counter[int] = Counter()
        self.faults: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def look(self, route: str) -> httpx.Response:
        began = time.monotonic()
        answer = self._client.get(route)
        self.waits[route].append(time.monotonic() - began)
        self.answers[answer.status_code] += 1
        if answer.is_server_error and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            self.faults.append(f"{route}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _run(self) -> None:
        while not self._stop.is_set():
            for route in LOOKS:
                try:
                    self.look(route)
                except httpx.HTTPError as error:
                    self.faults.append(f"{route}: {error!r}")
            self._stop.wait(0.5)
