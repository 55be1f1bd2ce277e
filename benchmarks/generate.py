"""What the studio adds to a picture: queue, progress, preview, saving and the row, over the bare pipeline.

Both draw with the shipped model as it draws where nobody says otherwise, in the same steps of the same scheduler and
from the same seeds, alternating in one run: the bare diffusers pipeline in this process, the studio in its worker
process, as people would use each.
"""

import statistics
import tempfile
import time
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

from engine.computing.names import openvino_version, threads
from engine.device import choose
from engine.diffusion import schedulers
from engine.settings import OPENVINO, PROJECT, TORCH, Settings
from engine.studio import Studio

PROMPT = "a castle on a mountain at sunset"
STEPS, SCHEDULER = 12, "DPM++ 2M"
ROUNDS = 20


def main() -> None:
    """Print median seconds of both and their ratio."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Settings(home=Path(home), device="cpu"))
        supervisor = studio.supervisor()
        supervisor.start()
        try:
            _compare(studio)
        finally:
            supervisor.stop()


def _compare(studio: Studio) -> None:
    choose("cpu")  # the worker's number of threads for this process too
    folder = PROJECT / "weights" / "mini"
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = schedulers.build(SCHEDULER, pipeline.scheduler.config)
    _bare(pipeline, 0)
    engine = OPENVINO if openvino_version() else TORCH
    _through_studio(studio, 0, engine)  # asked for by its name, it is made ready first
    pairs = [(_bare(pipeline, seed), _through_studio(studio, seed, engine)) for seed in range(1, ROUNDS + 1)]
    bare, through = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(studio_time / bare_time for bare_time, studio_time in pairs)
    used = f"threads of PyTorch {torch.get_num_threads()}, of OpenVINO {threads()}"
    print(f"{ROUNDS} pictures of {STEPS} steps of {SCHEDULER} each, {used}")
    print(f"bare pipeline      median {bare:.3f} s")
    print(f"through the studio median {through:.3f} s by {engine}, from submitting to the row in the gallery")
    print(f"ratio of medians   {through / bare:.3f}")
    print(f"ratio per pair     median {statistics.median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")


def _bare(pipeline: StableDiffusionPipeline, seed: int) -> float:
    started = time.perf_counter()
    pipeline(PROMPT, num_inference_steps=STEPS, generator=torch.Generator().manual_seed(seed))
    return time.perf_counter() - started


def _through_studio(studio: Studio, seed: int, engine: str) -> float:
    values = {"num_inference_steps": STEPS, "scheduler": SCHEDULER, "model": "mini", "backend": engine}
    request = studio.request("text_to_image", {"prompt": PROMPT, "seed": seed, **values})
    started = time.perf_counter()
    job = studio.submit(request)
    seen = None
    while True:  # the cheap question first: reading the job all the time would slow the worker
        version = studio.database.data_version()
        if version != seen and studio.job(job.id).ended:
            break
        seen = version
        time.sleep(0.005)
    seconds = time.perf_counter() - started
    assert studio.gallery.of_job(job.id), studio.job(job.id).error
    return seconds


if __name__ == "__main__":
    main()
