"""TensorBoard beside the studio, on 127.0.0.1 alone: a process that ends with the one that started it.

    python -m engine.training.board FOLDER    serves until its standard input ends, and prints its address first

No torch is loaded; tensorboard itself is imported in its own process.
"""

import os
import queue
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from engine.errors import ModelUnavailable, StudioError
from engine.settings import PROJECT

LOGS = "logs"  # where a run keeps its event files
HOST = "127.0.0.1"
START_SECONDS = 60.0  # its imports take some on a busy machine

_lock = threading.Lock()
_boards: dict[Path, tuple["subprocess.Popen[str]", str]] = {}


def board_at(folder: Path) -> str | None:
    """The address of the TensorBoard that this process has started for a folder; None while there is none."""
    process, address = _boards.get(folder.absolute(), (None, ""))
    return address if process is not None and process.poll() is None else None


def open_board(folder: Path, seconds: float = START_SECONDS) -> str:
    """Start TensorBoard on a folder, at a port that is free; the one at work there is kept.

    Args:
        folder: with event files, at any depth.
        seconds: that it may take to start.

    Returns:
        Its address, such as "http://127.0.0.1:6006/".

    Raises:
        ModelUnavailable: tensorboard is not installed.
        StudioError: it did not start.
    """
    with _lock:
        if address := board_at(folder):
            return address
        if find_spec("tensorboard") is None:
            text = "TensorBoard is not installed on this machine. Install it with `pip install tensorboard`"
            raise ModelUnavailable(f"{text}, or download the event files and open them elsewhere.")
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.training.board", str(folder.absolute())],
            cwd=PROJECT,
            stdin=subprocess.PIPE,  # its end tells that this process is gone, however that happened
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        address = _first_line(process, seconds)
        if not address:
            process.kill()
            process.wait()
            raise StudioError(f"TensorBoard did not start within {seconds:.0f} s. Try again, or see its event files.")
        _boards[folder.absolute()] = (process, address)
        return address


def close_boards() -> None:
    """End what `open_board` has started in this process."""
    with _lock:
        for process, _ in _boards.values():
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        _boards.clear()


def _first_line(process: "subprocess.Popen[str]", seconds: float) -> str:
    """What it prints first; empty where it ends before, or takes longer."""
    lines: queue.Queue[str] = queue.Queue()
    output = process.stdout
    assert output is not None
    threading.Thread(target=lambda: lines.put(output.readline()), name="board", daemon=True).start()
    try:
        return lines.get(timeout=seconds).strip()
    except queue.Empty:
        return ""


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


def main(folder: str) -> None:
    """Serve a folder until standard input ends."""
    parent = threading.Thread(target=_end_with_stdin, name="parent", daemon=True)
    parent.start()
    from tensorboard import default, program  # here: seconds, in which the parent may end

    board = program.TensorBoard(default.get_plugins())
    # Its quick loader is a process of its own, which could outlive this one.
    board.configure(argv=["tensorboard", "--logdir", folder, "--host", HOST, "--port", "0", "--load_fast", "false"])
    print(board.launch(), flush=True)
    parent.join()


if __name__ == "__main__":
    main(sys.argv[1])
