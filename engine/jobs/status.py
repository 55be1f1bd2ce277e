"""What the worker process says about itself: a small file that pages and the command line read."""

import json
import logging
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from engine.files import replacing
from engine.jobs.trouble import Trouble

log = logging.getLogger(__name__)
_trouble = Trouble(log)

STARTING, READY, WORKING, STOPPING, ABSENT = "starting", "ready", "working", "stopping", "absent"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The worker's state.

    Attributes:
        state: starting, ready, working, stopping, or absent when no worker runs.
        device: what it draws on, in words; empty until it was known once.
        accelerated: whether the device is a GPU; the last worker's answer until a new one knows.
        worker: its `worker_name`.
        problem: why it cannot work, for people; empty when it can.
    """

    state: str
    device: str = ""
    accelerated: bool = False
    worker: str = ""
    problem: str = ""


def worker_name(pid: int | None = None) -> str:
    """The name under which a worker process holds jobs: `host:pid:start`, never used by another process."""
    pid = pid or os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start_of(pid)}"


def is_dead(worker: str) -> bool:
    """Whether a worker of this machine no longer runs; False for workers of other machines."""
    host, _, process = worker.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not process.isdigit():
        return False
    return not psutil.pid_exists(int(process)) or worker != worker_name(int(process))


def write_status(home: Path, status: EngineStatus) -> None:
    """Replace the status file in one step; a full disk leaves the old one."""
    try:
        with replacing(home / "worker.json", durable=False) as file:
            file.write(json.dumps(asdict(status)).encode())
        _trouble.passed()
    except OSError as error:
        _trouble.met("the worker's status could not be written", error)


def last_status(home: Path) -> EngineStatus:
    """What a worker wrote last, alive or not; absent when none ever did."""
    try:
        return EngineStatus(**json.loads((home / "worker.json").read_text()))
    except (OSError, ValueError, TypeError):
        return EngineStatus(ABSENT)


def read_status(home: Path) -> EngineStatus:
    """The status of the worker: absent when there is none alive."""
    status = last_status(home)
    if status.worker and not is_dead(status.worker):
        return status
    return EngineStatus(ABSENT, status.device, status.accelerated, problem=status.problem)


def _start_of(pid: int) -> str:
    """When a process started: on Linux in clock ticks since boot, which a change of the clock leaves alone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        return str(int(psutil.Process(pid).create_time()))
    except psutil.Error:
        return "0"
