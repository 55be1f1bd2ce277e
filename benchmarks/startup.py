"""From starting the studio to a page that can be used, to the first picture, to the next one.

Starts the real server on a free port with an empty studio folder and opens it in Chromium; beside it, in the
same run, a page of Streamlit's own with nothing but a button, which is the least that any such page takes.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect, sync_playwright

from engine.settings import PROJECT, Settings

ROUNDS = 3
BARE_PAGE = 'import streamlit as st\n\nst.button("Generate")\n'


def main() -> None:
    """Print seconds and the web process's peak memory, one line a round."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("needs Chromium; install it (Debian: apt-get install chromium)")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(ROUNDS):
            _round(browser.new_page(), browser.new_page())
        browser.close()


def _round(bare_page: Page, page: Page) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE_PAGE)
        with server(script, Path(folder)) as (_, port, started):
            bare = open_page(bare_page, port) - started
        with server(PROJECT / "app.py", Path(folder)) as (pid, port, started):
            interactive = open_page(page, port) - started
            _draw(page, 1)
            first = time.perf_counter() - started
            pressed = time.perf_counter()
            _draw(page, 2)
            warm = time.perf_counter() - pressed
            peak = _peak_megabytes(pid)
    print(
        f"bare Streamlit page {bare:.2f} s, studio usable {interactive:.2f} s, first picture {first:.1f} s after the "
        f"start, next picture {warm:.2f} s after pressing Generate, web process peak {peak:.0f} MB",
        flush=True,
    )


@contextmanager
def server(script: Path, home: Path) -> Iterator[tuple[int, int, float]]:
    """A running server: its process id, its port and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)],
        cwd=PROJECT,
        env=Settings(home=home, device="cpu").to_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield server.pid, port, started
    finally:
        server.terminate()
        server.wait(60)


def open_page(page: Page, port: int) -> float:
    while True:
        try:
            page.goto(f"http://127.0.0.1:{port}/")
            break
        except Exception:  # refused until the server listens
            time.sleep(0.02)
    page.get_by_role("button", name="Generate").wait_for()
    return time.perf_counter()


def _draw(page: Page, number: int) -> None:
    """Ask for a picture and wait until it is shown in the place of the one before."""
    page.get_by_label("Prompt", exact=True).fill(f"a castle on a mountain at sunset, {number}")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Cancel").first.wait_for(timeout=60_000)
    expect(page.get_by_text("Cancel")).to_have_count(0, timeout=60_000)
    expect(page.get_by_role("button", name="PNG")).to_have_count(1, timeout=60_000)


def _peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return psutil.Process(pid).memory_info().rss / 1e6
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    main()
