"""What a translator takes (table 6.2): each is measured in a process of its own, so that memory is its own too.

python -m engine.comparing.cost NAME PHOTO SIDE RUNS

One run warms up, then come the mean of five and, separately, of so many more. Peak memory is that of the device where
it is a GPU, else the largest that the process had, with PyTorch itself. FLOP are those of convolutions and products of
matrices, a multiplication with its addition counted as two.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.child import end_with_the_parent
from engine.comparing.request import FEW
from engine.errors import Cancelled, StudioError
from engine.settings import PROJECT, Settings

POLL_SECONDS = 0.2
RUN = "run"


def measure(
    settings: Settings,
    name: str,
    photo: Path,
    side: int,
    runs: int,
    tick: Callable[[int], None] = lambda run: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Have a process measure one translator on a square of a photo.

    Args:
        tick: told how many runs are done.

    Returns:
        What `main` says; see there.

    Raises:
        Cancelled: `should_stop` said so; the process is gone.
        StudioError: it ended without an answer.
    """
    command = [sys.executable, "-m", "engine.comparing.cost", name, str(photo), str(side), str(runs)]
    child = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=settings.to_environment(),
        stdin=subprocess.PIPE,  # its end is the child's too, however this process ends
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[dict[str, Any]] = []
    errors: list[str] = []
    out, err = child.stdout, child.stderr
    assert out is not None
    assert err is not None
    readers = [
        threading.Thread(target=lambda: said.extend(json.loads(line) for line in out if line[0] == "{"), daemon=True),
        threading.Thread(target=lambda: errors.extend(err), daemon=True),
    ]
    try:
        _follow(child, readers, said, tick, should_stop)
    finally:
        child.kill()
        child.wait()
    if said and RUN not in said[-1]:
        return said[-1]
    raise StudioError(_why(name, child.returncode, errors))


def _follow(
    child: "subprocess.Popen[str]",
    readers: list[threading.Thread],
    said: list[dict[str, Any]],
    tick: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> None:
    for reader in readers:
        reader.start()
    while child.poll() is None:
        if should_stop():
            raise Cancelled("The comparison was stopped. What was measured is kept.")
        if said and RUN in said[-1]:
            tick(said[-1][RUN])
        time.sleep(POLL_SECONDS)
    for reader in readers:
        reader.join()


def _why(name: str, code: int, errors: list[str]) -> str:
    if code == -9:
        return f"{name} could not be timed: its process was ended from outside, mostly because memory ran out."
    last = next((line.strip() for line in reversed(errors) if line.strip()), "no reason was given")
    return f"{name} could not be timed: {last}."


def main() -> None:
    """Measure, in this process, and print a line of JSON for each run and one with the figures."""
    name, photo, side, runs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    end_with_the_parent()
    from PIL import Image, ImageOps  # here: the parent needs none of it, nor torch

    from engine.device import choose
    from engine.images import from_pil
    from engine.picture_files import read_picture
    from engine.translation.catalogue import translator
    from engine.translation.running import LoadedTranslator

    settings = Settings.from_environment()
    device = choose(settings.device)
    pixels = from_pil(ImageOps.fit(read_picture(photo), (side, side), Image.Resampling.LANCZOS))
    before = peak_memory(device.is_cuda)
    loaded = LoadedTranslator(translator(settings, name), device)
    flop = _flop(lambda: loaded(pixels))  # the warm-up
    few = _seconds(lambda: loaded(pixels), FEW, 0)
    many = _seconds(lambda: loaded(pixels), runs, FEW)
    parameters = sum(each.numel() for each in loaded.model.parameters()) if loaded.model else None
    _say(
        name=name,
        side=side,
        seconds_few=few,
        seconds_many=many,
        runs=runs,
        peak_bytes=peak_memory(device.is_cuda),
        before_bytes=before,
        parameters=parameters,
        flop=flop or None,
        evaluations=loaded.nfe,
        device=device.name,
    )


def peak_memory(on_gpu: bool) -> int:
    """Bytes at most so far: on the GPU, else of this process.

    Linux passes the parent's `ru_maxrss` on to a child, so the high-water mark of this process is read instead.
    """
    if on_gpu:
        import torch

        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import psutil

    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))


def _flop(run: Callable[[], object]) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def _seconds(run: Callable[[], object], count: int, before: int) -> float:
    """Mean of so many runs; what they give lies in main memory, so the device is done."""
    started = time.perf_counter()
    for number in range(count):
        run()
        _say(**{RUN: before + number + 1})
    return (time.perf_counter() - started) / count


def _say(**values: Any) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
