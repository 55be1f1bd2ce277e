"""What open pages cost while nothing runs: processor time of the web process and its worker with ten idle tabs.

python -m benchmarks idle_tabs
"""

import shutil
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.press import processor_seconds
from benchmarks.startup import open_page, server
from engine.settings import PROJECT

TABS, SETTLE, SECONDS = 10, 60.0, 60.0


def main() -> None:
    """Print the share of one core, web process and worker apart."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("needs Chromium; install it (Debian: apt-get install chromium)")
        return
    with tempfile.TemporaryDirectory() as home, server(PROJECT / "app.py", Path(home)) as (pid, port, _):
        web, worker, megabytes = _shares(chromium, psutil.Process(pid), port)
    print(f"{TABS} idle tabs: web process {web:.3f} of a core and {megabytes:.0f} MB, worker {worker:.3f} of a core")


def _shares(chromium: str, web: psutil.Process, port: int) -> tuple[float, float, float]:
    """Shares of a core of web process and worker, and the web process's megabytes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(TABS):
            open_page(browser.new_page(), port)
        time.sleep(SETTLE)  # the worker reads the model ahead
        before, started = processor_seconds(web), time.monotonic()
        time.sleep(SECONDS)
        passed, now = time.monotonic() - started, processor_seconds(web)
        megabytes = web.memory_info().rss / 1e6
        browser.close()
    return (now[0] - before[0]) / passed, (now[1] - before[1]) / passed, megabytes


if __name__ == "__main__":
    main()
