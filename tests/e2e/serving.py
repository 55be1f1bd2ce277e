"""A real server for a script, with the project's own settings of Streamlit."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.settings import PROJECT, Settings


@contextmanager
def serving(script: Path, home: Path) -> Iterator[str]:
    """Serve the script as `make run` serves the studio, at the address yielded; no traceback may be in its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)],
            cwd=PROJECT,
            env=Settings(home=home, device="cpu", backend="torch").to_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _until_healthy(f"http://127.0.0.1:{port}/_stcore/health", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        code = server.wait(120)
    assert code in (0, -signal.SIGTERM), log.read_text()
    assert "Traceback" not in log.read_text()


def _until_healthy(url: str, log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())
