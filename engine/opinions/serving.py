"""A small server of its own for participants: it shows studies and nothing else of the studio."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from engine.opinions.study import StudyRefused
from engine.picture_gate import PROJECT

DOOR = PROJECT / "pages" / "studies" / "door.py"
ENDS_WITH_STDIN = "STUDIO_STUDY_ENDS_WITH_STDIN"  # a switch of the server's: it ends when its standard input does
START_SECONDS = 30.0


def start(home: Path, address: str, port: int, hosts: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    """Start the participants' server and wait until it listens; it ends with this process.

    Args:
        address: to listen at; 127.0.0.1 is this machine alone, 0.0.0.0 the whole network.
        port: 1 to 65535, that nobody uses.
        hosts: further names under which browsers may reach it.

    Raises:
        StudyRefused: the port is taken, or the server does not come up.
    """
    if not 1 <= port <= 65535:
        raise StudyRefused(f"A port is 1 to 65535; got {port}.")
    if listens(port):
        raise StudyRefused(f"Port {port} is in use by another program. Name another one.")
    command = [sys.executable, "-m", "streamlit", "run", str(DOOR), "--server.address", address]
    command += ["--server.port", str(port), "--server.headless", "true", "--browser.gatherUsageStats", "false"]
    environment = {**os.environ, "STUDIO_HOME": str(home.absolute()), ENDS_WITH_STDIN: "1"}
    environment["PYTHONPATH"] = str(PROJECT)  # Streamlit puts the folder of the page on the path, not the project's
    environment["STREAMLIT_SERVER_ALLOWED_HOSTS"] = " ".join(dict.fromkeys([*names_of(address), *hosts]))
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if listens(port):
            return process
        time.sleep(0.1)
    process.kill()
    raise StudyRefused(f"The participants' server did not come up at {address}:{port}. Try another port.")


def listens(port: int) -> bool:
    """Whether somebody listens at this port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def names_of(address: str) -> list[str]:
    """The names under which a browser reaches a server that listens at this address."""
    names = ["localhost", "127.0.0.1"]
    if address not in names:
        names += [address] if address != "0.0.0.0" else _own_names()
    return names


def _own_names() -> list[str]:
    names = [socket.gethostname()]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: it asks which of the own addresses leads out
        names.append(probe.getsockname()[0])
    return names
