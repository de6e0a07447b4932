"""A real Chromium without a window, told what to do over its DevTools protocol, and what it complains about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, ViewportSize, sync_playwright

from farandole.proof.ground.chromium import installed_chromium

WIDE, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=375, height=740)
LOUD = ("error", "warning")
PATIENCE = 60_000
"""Milliseconds until something must be there."""


@contextmanager
def opened() -> Iterator[Browser]:
    """The machine's own Chromium with a profile of its own; no event loop of this thread can run meanwhile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_chromium())
        yield browser
        browser.close()


@contextmanager
def window(browser: Browser, url: str, complaints: list[str], **emulated: Any) -> Iterator[Page]:
    """A page with cookies and sizes of its own, whose relative addresses are below `url`."""
    with browser.new_context(**{"base_url": url, "viewport": WIDE, **emulated}) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        listen(page, url, complaints)
        yield page


def listen(page: Page, url: str, complaints: list[str]) -> None:
    """Collects errors and warnings, violations of the Content-Security-Policy among them, and requests to anybody else."""

    def said(kind: str, text: str) -> None:
        complaints.append(f"{page.url}: {kind}: {text}")

    def heard(message: ConsoleMessage) -> None:
        if message.type in LOUD:
            said(message.type, message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(f"{url}/"):
            said("a request to a stranger", request.url)

    def stopped(dialog: Dialog) -> None:
        said("a dialog", dialog.message)
        dialog.dismiss()

    page.on("console", heard)
    page.on("pageerror", lambda error: said("an exception", error.message))
    page.on("request", asked)
    page.on("dialog", stopped)
