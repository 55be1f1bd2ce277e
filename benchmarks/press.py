"""From pressing Generate to the picture on the page, taken apart, beside the seconds of its recipe.

    python -m benchmarks press

Moments are seconds after the keys were pressed: the job's from the database, the page's from the browser, whose
clock is the same. Then the processor seconds of the whole, which hold on a busy machine too.
"""

import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.startup import open_page, server
from engine.settings import PROJECT

PICTURES = 7
WARM = 2  # first pictures that do not count: the worker still gets ready
REST_SECONDS = 1.5  # for what the page still does once it shows the picture
COLUMNS = ("queued", "begun", "ended", "shown", "recipe", "beside it", "web", "worker")
SHOWN = """
() => {
    const now = () => (performance.timeOrigin + performance.now()) / 1000;
    document.addEventListener("keydown", event => { if (event.key === "Enter") window.pressed = now(); }, true);
    const look = () => {
        const drawn = [...document.images].some(image =>
            image.alt === window.wanted && image.complete && image.naturalWidth >= 256);
        if (drawn && window.pressed && !window.shown) window.shown = now();
    };
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
    document.addEventListener("load", look, true);
}"""
JOB = """
SELECT jobs.created_at, jobs.started_at, jobs.finished_at, json_extract(images.recipe, '$.seconds')
FROM jobs JOIN images ON images.job_id = jobs.id ORDER BY jobs.id DESC LIMIT 1"""


def main() -> None:
    """Print the table: one row a picture, and the medians."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("needs Chromium; install it (Debian: apt-get install chromium)")
        return
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    with tempfile.TemporaryDirectory() as home, server(PROJECT / "app.py", Path(home)) as (pid, port, _):
        rows = _rows(chromium, psutil.Process(pid), port, Path(home) / "studio.sqlite3")
    print("medians of all but the first", WARM)
    _show([median(column) for column in zip(*rows[WARM:], strict=True)])


def _rows(chromium: str, web: psutil.Process, port: int, database: Path) -> list[list[float]]:
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        open_page(page, port)
        page.goto(f"http://127.0.0.1:{port}/?size=Square")  # as it is drawn; enlarging is no part of a recipe's seconds
        page.get_by_role("button", name="Generate").wait_for()
        page.evaluate(SHOWN)
        for number in range(PICTURES):
            rows.append(_row(page, f"a castle on a mountain at sunset, {number}", web, database))
            _show(rows[-1])
        browser.close()
    return rows


def _row(page: Page, prompt: str, web: psutil.Process, database: Path) -> list[float]:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.evaluate("prompt => { window.wanted = prompt; window.pressed = window.shown = undefined; }", prompt)
    before = processor_seconds(web)
    page.keyboard.press("Control+Enter")
    page.wait_for_function("() => window.shown", timeout=180_000)
    time.sleep(REST_SECONDS)
    used = [now - then for now, then in zip(processor_seconds(web), before, strict=True)]
    pressed, shown = page.evaluate("() => [window.pressed, window.shown]")
    queued, begun, ended, recipe = _job(database)
    moments = [moment - pressed for moment in (queued, begun, ended, shown)]
    return [*moments, recipe, shown - pressed - recipe, *used]


def _job(database: Path) -> tuple[float, ...]:
    connection = sqlite3.connect(database)
    try:
        return tuple(connection.execute(JOB).fetchone())
    finally:
        connection.close()


def processor_seconds(web: psutil.Process) -> tuple[float, float]:
    """Until now of the web process, and of the processes that it started."""
    times = [sum(each.cpu_times()[:2]) for each in (web, *web.children(recursive=True))]
    return times[0], sum(times[1:])


def _show(row: list[float]) -> None:
    print("| " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)


if __name__ == "__main__":
    main()
