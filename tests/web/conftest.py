"""One system and one Chromium for all tests of a module, which clean nothing up: each uses orders of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from farandole.proof.ground import Missing
from farandole.proof.ground.chromium import installed_chromium
from tests.web.browser import PATIENCE, opened, window
from tests.web.site import Site, site

Open = Callable[..., Page]
Look = Callable[..., Page]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ended with the module, because other modules' tests run event loops in this thread."""
    try:
        installed_chromium()
    except Missing as missing:
        pytest.skip(f"chromium is left out: {missing}")
    expect.set_options(timeout=PATIENCE)
    with opened() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What the windows of a test complained about."""
    return []


@pytest.fixture
def look(chromium: Browser, complaints: list[str]) -> Iterator[Look]:
    """Opens an address of a system in a fresh window; a complaint of any of them fails the test."""
    with ExitStack() as windows:

        def look(url: str, path: str, **emulated: Any) -> Page:
            page = windows.enter_context(window(chromium, url, complaints, **emulated))
            page.goto(path)
            return page

        yield look
    assert complaints == []


@pytest.fixture
def visit(running: Site, look: Look) -> Open:
    """Opens an address of the module's system."""
    return partial(look, running.url)
