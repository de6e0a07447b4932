"""`python -m tests.web.screenshots` takes the pictures of the README: a small system, busy for half a minute."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, ViewportSize, expect

from farandole.contract.choreography import FLOWS
from tests.web.browser import opened, window
from tests.web.site import Site, site

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
MOST_BYTES = 200_000
BUSY_SECONDS = 30
CUSTOMERS = 3


def main() -> None:
    """Takes both pictures of one system."""
    complaints: list[str] = []
    FOLDER.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        site(Path(folder)) as running,
        opened() as browser,
        ThreadPoolExecutor() as customers,
    ):
        busy = [customers.submit(order_again_and_again, running, number) for number in range(CUSTOMERS)]
        for customer in busy:
            customer.result()
        with window(browser, running.url, complaints, viewport=ViewportSize(width=1280, height=940)) as page:
            page.goto("/system")
            expect(page.locator("canvas").first).to_be_visible()
            save(page, "system.png")
            page.goto(f"/orders/{running.danced()}")
            expect(page.locator("#progress")).to_contain_text("All 5 steps taken")
            save(page, "order.png")
    assert complaints == []


def order_again_and_again(running: Site, number: int) -> None:
    """One customer, who waits for the end of each order."""
    dances, end = random.Random(number), time.monotonic() + BUSY_SECONDS
    while time.monotonic() < end:
        (flow,) = dances.choices(list(FLOWS), weights=(80, 10, 10))
        running.danced(flow, f"c-{dances.randrange(100)}")


def save(page: Page, name: str) -> None:
    """Writes what the window shows."""
    picture = page.screenshot(path=FOLDER / name)
    assert len(picture) < MOST_BYTES, f"expected {name} below {MOST_BYTES} bytes, found {len(picture)}"


if __name__ == "__main__":
    main()
