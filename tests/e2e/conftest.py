"""The real server with the shipped model, and Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from engine.settings import PROJECT
from tests.e2e.serving import serving

expect.set_options(timeout=120_000)  # a busy machine starts the worker slowly

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The studio folder of the served studio."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def address(home: Path) -> Iterator[str]:
    """Where the studio is served."""
    with serving(PROJECT / "app.py", home) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """An empty page of the browser, which must not ask anything of the network."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    foreign = []
    page.on("request", lambda request: foreign.append(request.url) if not _local(request.url, address) else None)
    page.set_default_timeout(120_000)
    yield page
    page.close()
    assert not foreign, "the pages must need no network"


def _local(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
