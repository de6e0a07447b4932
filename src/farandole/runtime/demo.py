"""Orders of all three kinds, placed over HTTP like anybody's: once each for `demo`, again and again for `up --demo`."""

import random
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import structlog

from farandole.contract.choreography import FLOWS

CATALOGUE: Final = {"tea": "4.50", "coffee": "12.00", "cake": "39.00", "grand-piano": "12500.00"}
SOLD_OUT: Final = "unicorn"
PATIENCE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 1.0
log = structlog.get_logger()


def wish(flow: str, customer: str = "c-42") -> dict[str, Any]:
    """An order that dances a flow."""
    sku = {"happy": "tea", "payment-failure": "grand-piano", "stock-failure": SOLD_OUT}[flow]
    who = {"id": customer, "email": f"{customer}@example.com", "phone": "+14155550123"}
    line = {"sku": sku, "quantity": 1, "unit_price": CATALOGUE.get(sku, "1.00")}
    return {"customer": who, "currency": "USD", "lines": [line]}


def stock(client: httpx.Client) -> None:
    """Goods in for the catalogue, once however often it is asked, and one SKU of which nothing is left."""
    for sku in CATALOGUE:
        _post(client, f"/api/stock/{sku}/receipts", {"quantity": 1_000_000}, f"demo-{sku}")
    _post(client, f"/api/stock/{SOLD_OUT}/receipts", {"quantity": 1}, f"demo-{SOLD_OUT}")
    _post(client, "/api/orders", wish("stock-failure"), f"demo-last-{SOLD_OUT}", wait=10)


def _post(
    client: httpx.Client, path: str, body: dict[str, Any], key: str | None = None, wait: int = 0
) -> dict[str, Any]:
    headers = ({"Idempotency-Key": key} if key else {}) | ({"Prefer": f"wait={wait}"} if wait else {})
    answer = client.post(path, json=body, headers=headers)
    answer.raise_for_status()
    decoded: dict[str, Any] = answer.json()
    return decoded


class Customers:
    """Keeps placing orders from a thread while active."""

    def __init__(self, url: str, *, active: bool) -> None:
        self._url, self._active = url, active
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="customers", daemon=True)

    def __enter__(self) -> Self:
        if self._active:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def _run(self) -> None:
        flows, stocked = list(FLOWS), False
        with httpx.Client(base_url=self._url, timeout=PATIENCE_SECONDS) as client:
            while not self._stop.wait(PAUSE_SECONDS):
                try:
                    if not stocked:
                        stock(client)
                        stocked = True
                    flow = random.choices(flows, weights=(80, 10, 10))[0]
                    _post(client, "/api/orders", wish(flow, f"c-{random.randrange(100)}"))
                except httpx.HTTPError as error:
                    log.warning("a demo order was not placed", error=str(error))


def demo() -> int:
    """One order through each flow in a temporary folder; 0 only if what was recorded equals the specification."""
    from farandole.runtime.embedded import Embedded
    from farandole.runtime.server import Server, address, listen
    from farandole.runtime.settings import load
    from farandole.runtime.telemetry import configure_logs

    settings = load({}, {"port": 0, "log_level": "error"})
    configure_logs(settings)
    with tempfile.TemporaryDirectory(prefix="farandole-demo-") as folder:
        bound = listen(settings)
        with Embedded(settings, Path(folder)) as system:
            server = Server(system.app)
            serving = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
            serving.start()
            with httpx.Client(base_url=address(bound), timeout=PATIENCE_SECONDS) as client:
                equal = _dance(client)
            server.should_exit = True
            serving.join()
    return 0 if equal else 1


def _dance(client: httpx.Client) -> bool:
    stock(client)
    equal = True
    for flow, drawn in zip(FLOWS, specification(), strict=True):
        order = _post(client, "/api/orders", wish(flow), wait=int(PATIENCE_SECONDS))
        diagram = _finished_diagram(client, order["id"])
        same = _lines(diagram) == _lines(drawn)
        equal &= same
        print(diagram)
        print(f"{order['id']} {order['status']}: {'as specified' if same else 'NOT as specified'}\n", flush=True)
    return equal


def _finished_diagram(client: httpx.Client, order_id: str) -> str:
    """The diagram once no step is expected any more, or as it is when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = client.get(f"/api/orders/{order_id}/timeline")
        if answer.is_success and not answer.json()["expected"]:
            break
        time.sleep(0.01)
    return client.get(f"/api/orders/{order_id}/diagram").text


def specification() -> list[str]:
    """The three diagrams of the specification, as they were handed over."""
    text = files("farandole.contract").joinpath("specification.md").read_text(encoding="utf-8")
    return [block.split("```")[0] for block in text.split("```mermaid\n")[1:]]


def _lines(diagram: str) -> list[str]:
    return [line.strip() for line in diagram.splitlines() if line.strip()]
