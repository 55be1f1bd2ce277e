"""What the worker process says about itself: a small file that pages and the CLI read."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

STARTING, READY, WORKING, STOPPING, ABSENT = "starting", "ready", "working", "stopping", "absent"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The worker's state.

    Attributes:
        state: starting, ready, working, stopping, or absent when no worker runs.
        device: what it draws on, in words; empty until it is known.
        accelerated: whether the device is a GPU.
        worker: `host:pid` of the process.
        problem: why it cannot work, for people; empty when it can.
    """

    state: str
    device: str = ""
    accelerated: bool = False
    worker: str = ""
    problem: str = ""


def worker_name(pid: int | None = None) -> str:
    """The name under which a worker process holds jobs: `host:pid`."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"


def is_dead(worker: str) -> bool:
    """Whether a worker of this machine no longer runs; False for workers of other machines."""
    host, _, pid = worker.rpartition(":")
    return host == socket.gethostname() and pid.isdigit() and not psutil.pid_exists(int(pid))


def write_status(home: Path, status: EngineStatus) -> None:
    """Replace the status file in one step."""
    scratch = home / "worker.json.tmp"
    scratch.write_text(json.dumps(asdict(status)))
    os.replace(scratch, home / "worker.json")


def read_status(home: Path) -> EngineStatus:
    """The status of the worker, or absent when there is none alive."""
    try:
        status = EngineStatus(**json.loads((home / "worker.json").read_text()))
    except (OSError, ValueError, TypeError):
        return EngineStatus(ABSENT)
    return EngineStatus(ABSENT, problem=status.problem) if is_dead(status.worker) else status
