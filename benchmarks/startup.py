"""From starting the studio to a page that can be used, to the first picture, to the next one.

Starts the real server on a free port with an empty studio folder and opens it in Chromium.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from engine.settings import PROJECT, Settings

ROUNDS = 3


def main() -> None:
    """Print seconds and the web process's peak memory, one line a round."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("needs Chromium; install it (Debian: apt-get install chromium)")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(ROUNDS):
            _round(browser.new_page())
        browser.close()


def _round(page: Page) -> None:
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        started = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=PROJECT,
            env=Settings(home=Path(home), device="cpu").to_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            interactive = _open(page, port) - started
            first = _draw(page, 1) - started
            pressed = time.perf_counter()
            warm = _draw(page, 2) - pressed
            peak = _peak_megabytes(server.pid)
        finally:
            server.terminate()
            server.wait(60)
    print(
        f"interactive {interactive:.2f} s, first picture {first:.1f} s after the start, "
        f"next picture {warm:.2f} s after pressing Generate, web process peak {peak:.0f} MB",
        flush=True,
    )


def _open(page: Page, port: int) -> float:
    while True:
        try:
            page.goto(f"http://127.0.0.1:{port}/")
            break
        except Exception:  # refused until the server listens
            time.sleep(0.02)
    page.get_by_role("button", name="Generate").wait_for()
    return time.perf_counter()


def _draw(page: Page, number: int) -> float:
    page.get_by_label("Prompt", exact=True).fill(f"a castle on a mountain at sunset, {number}")
    page.keyboard.press("Control+Enter")
    page.get_by_text(f"at sunset, {number}").nth(1).wait_for()
    page.get_by_role("button", name="PNG").wait_for(timeout=60_000)
    return time.perf_counter()


def _peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return psutil.Process(pid).memory_info().rss / 1e6
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    main()
