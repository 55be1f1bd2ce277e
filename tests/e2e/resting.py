"""Waiting for a page to rest, where a browser's own waiting is not enough."""

from collections.abc import Callable

from playwright.sync_api import Page, expect


def settled(page: Page) -> None:
    """Wait until the page's script has run and its parts are there: nothing moves, and nothing stands there twice."""
    expect(page.locator("h1")).to_have_count(1)  # before, a page that was just opened has not begun
    page.locator("[data-test-script-state=notRunning]").wait_for()
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def until(page: Page, true: Callable[[], object]) -> None:
    """Wait until it is true; the test's own time limit ends a wait in vain."""
    while not true():
        page.wait_for_timeout(100)
