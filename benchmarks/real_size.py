"""Stable Diffusion 2.1 at its real size with random weights: what drawing and LoRA training take on a GPU.

    python -m benchmarks.real_size --limit-gib 15 --out real_size.json

Time and memory do not depend on what the weights are, so nothing is downloaded: a model is made from the configuration
in weights/sd21, saved, and opened, drawn with and trained by the studio's own code. PyTorch may use no more of the GPU
than the limit; what does not fit is printed as such. The training is that of the preset `study` until it is stopped.
On a CPU, where the rest would take hours: --device cpu --one-step, which only puts a LoRA on and takes a training step
of one picture; or a small model: --model weights/mini --device cpu.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

import psutil
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from engine.datasets.pictures import CaptionedPicture
from engine.device import Device, choose
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.lora import applied
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import generate
from engine.errors import StudioError
from engine.images import to_pil
from engine.lora.runs.config import PRESETS
from engine.lora.runs.memory import estimate_memory
from engine.lora.runs.progress import Report
from engine.lora.training import trainer
from engine.lora.training.adapter import lora_on
from engine.lora.training.processes import own_ranks
from engine.settings import PROJECT
from engine.weights.facts import ModelInfo, folder_info, has_weights
from engine.weights.lora_export import write_adapter
from engine.weights.loras import LoraInfo, list_loras

PROMPT = "a castle on a mountain at sunset"
STEPS, GUIDANCE = 25, 7.5
DRAWINGS = 3
CONFIG = PRESETS["study"]
WARM_UP, TIMED = 2, 5  # optimizer steps
PICTURES = 4
GIB = 2**30
LIBRARIES = ("torch", "diffusers", "transformers", "peft", "accelerate")

Row = dict[str, Any]


@dataclass
class Use:
    """What a piece of work took; the memory, in bytes, is the highest at any time.

    Attributes:
        seconds: in all.
        gpu_allocated, gpu_reserved: by tensors, and by PyTorch for them; None on a CPU.
        ram: of this process, files that it has mapped included.
    """

    seconds: float = 0.0
    gpu_allocated: int | None = None
    gpu_reserved: int | None = None
    ram: int = 0


class Meter:
    """Measures from when it is made until `stop`."""

    def __init__(self, device: Device):
        self._device = device
        self._use = Use()
        self._stopped = Event()
        device.release()
        if device.is_cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        self._watcher = Thread(target=self._watch_ram, daemon=True)
        self._watcher.start()
        self._started = time.perf_counter()

    def stop(self) -> Use:
        """What was used since."""
        if self._device.is_cuda:
            torch.cuda.synchronize()
            self._use.gpu_allocated = torch.cuda.max_memory_allocated()
            self._use.gpu_reserved = torch.cuda.max_memory_reserved()
        self._use.seconds = time.perf_counter() - self._started
        self._stopped.set()
        self._watcher.join()
        return self._use

    def _watch_ram(self) -> None:
        process = psutil.Process()
        while True:
            self._use.ram = max(self._use.ram, process.memory_info().rss)
            if self._stopped.wait(0.02):
                return


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, write the numbers.

    Args:
        arguments: of the command line; None takes this process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_size", description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=PROJECT / "weights" / "sd21", help="folder, weights or not")
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--limit-gib", type=float, default=15.0, help="of GPU memory for PyTorch")
    parser.add_argument("--one-step", action="store_true", help="no drawing; one training step of one picture")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    chosen = parser.parse_args(arguments)
    try:
        results = run(chosen.model, choose(chosen.device), chosen.limit_gib, chosen.one_step)
    except StudioError as error:  # no such device, or not even the model fits: nothing can be measured
        sys.exit(str(error))
    print_table(results)
    if chosen.out:
        chosen.out.write_text(json.dumps(results, indent=2) + "\n")


def run(model: Path, device: Device, limit_gib: float, one_step: bool = False) -> dict[str, Any]:
    """Measure within the limit; what lies on the GPU beside PyTorch is added."""
    with tempfile.TemporaryDirectory() as home:
        info = model_of(model, Path(home) / "model", device)
        if device.is_cuda:
            share = limit_gib * GIB / device.total_memory()
            torch.cuda.set_per_process_memory_fraction(min(1.0, share), device.torch_device)
        results = measure(info, device, Path(home), one_step)
    return results | ({"limit_gib": limit_gib, "outside_pytorch": _outside_pytorch()} if device.is_cuda else {})


def measure(info: ModelInfo, device: Device, home: Path, one_step: bool) -> dict[str, Any]:
    """All measurements; a row holds the fields of `Use` and more, or "failed" with the studio's message.

    Args:
        home: for files that are not kept.
        one_step: leave the drawings out, and take one training step of one picture.

    Raises:
        StudioError: the model cannot be opened.
    """
    rows: dict[str, Row] = {}
    results: dict[str, Any] = {
        "device": device.name,
        "dtype": str(device.dtype),
        "versions": {n: version(n) for n in LIBRARIES},
    }
    results |= {"model": info.name, "native_size": info.native_size, "rank": CONFIG.rank, "rows": rows}
    meter = Meter(device)
    loaded = load(info, device)
    rows["load"] = asdict(meter.stop())
    results["offloaded"] = loaded.offloaded
    lora = lora_of(loaded, home / "lora")
    attempt(rows, "put_on_lora", lambda: putting_on(loaded, lora))
    if one_step:
        attempt(rows, "train_one", lambda: training_one(loaded, home))
    else:
        attempt(rows, "draw", lambda: drawing(loaded))
        attempt(rows, "draw_with_lora", lambda: drawing(loaded, [(lora, 1.0)]))
        attempt(rows, "train", lambda: training(loaded, home))
    estimate = estimate_memory(info, CONFIG, device.is_cuda)
    return results | {"estimate": asdict(estimate) | {"total": estimate.total}}


def attempt(rows: dict[str, Row], name: str, work: Callable[[], Row]) -> None:
    """Add what `work` measured, or why the studio could not do it."""
    print(f"{name} ...", flush=True)
    try:
        rows[name] = work()
    except StudioError as error:
        rows[name] = {"failed": f"{type(error).__name__}: {error}"}


def model_of(source: Path, folder: Path, device: Device) -> ModelInfo:
    """The model in `source`, or one of the same build with random weights in `folder`."""
    if has_weights(source):
        return folder_info(source.name, source)
    print("random weights ...", flush=True)
    shutil.copytree(source, folder)
    torch.manual_seed(0)
    text = CLIPTextConfig.from_pretrained(source / "text_encoder", local_files_only=True)
    _save(device, folder / "unet", lambda: _untrained(UNet2DConditionModel, source / "unet"))
    _save(device, folder / "vae", lambda: _untrained(AutoencoderKL, source / "vae"))
    _save(device, folder / "text_encoder", lambda: CLIPTextModel(text))
    device.release()
    return folder_info(source.name, folder)


def _untrained(kind: type[UNet2DConditionModel] | type[AutoencoderKL], folder: Path) -> nn.Module:
    return kind.from_config(kind.load_config(folder, local_files_only=True))


def _save(device: Device, folder: Path, make: Callable[[], nn.Module]) -> None:
    with device.torch_device:  # a GPU draws a billion numbers at once
        model = make()
    model.to(device.dtype).save_pretrained(folder)


def lora_of(loaded: LoadedModel, folder: Path) -> LoraInfo:
    """A LoRA as a training begins with it, as a file."""
    with lora_on(loaded.pipeline, CONFIG) as adapter:
        write_adapter(folder / "lora.safetensors", adapter.arrays(), adapter.settings(CONFIG), 0)
    (info,) = list_loras([folder])
    return info


def drawing(loaded: LoadedModel, loras: Sequence[tuple[LoraInfo, float]] = ()) -> Row:
    """Several pictures, after a short one to warm up; the seconds are the median's, those of its LoRA included."""
    _draw(loaded, 2, loras)
    meter = Meter(loaded.device)
    drawn = [_draw(loaded, STEPS, loras) for _ in range(DRAWINGS)]
    use = meter.stop()
    seconds = [seconds for seconds, _ in drawn]
    return asdict(use) | {"seconds": median(seconds), "each": seconds, "notes": [notes for _, notes in drawn]}


def _draw(loaded: LoadedModel, steps: int, loras: Sequence[tuple[LoraInfo, float]]) -> tuple[float, tuple[str, ...]]:
    size = loaded.info.native_size
    request = TextToImage(
        prompt=PROMPT,
        seed=1,
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        width=size,
        height=size,
        model=loaded.info.name,
    )
    started = time.perf_counter()
    (image,) = generate(loaded, request, loras)
    return time.perf_counter() - started, image.notes


def putting_on(loaded: LoadedModel, lora: LoraInfo) -> Row:
    """Check the file, put it on, take it off."""
    meter = Meter(loaded.device)
    with applied(loaded, [(lora, 1.0)]) as (active,):
        keys = {"keys_applied": active.keys_applied, "keys_total": active.keys_total}
    return asdict(meter.stop()) | keys


def training(loaded: LoadedModel, home: Path) -> Row:
    """The first steps of a training: those that are timed, and what comes before them.

    Returns:
        As `Use` of the timed steps, with the seconds of one; `before` as `Use` of the first sample, the first held-out
        loss and the warm-up.
    """
    pictures = save_pictures(home / "pictures", loaded.info.native_size)
    losses: list[float] = []
    meters, uses = [Meter(loaded.device)], []

    def report(now: Report) -> None:
        if now.loss is not None:
            losses.append(now.loss)
        if now.step in (WARM_UP, WARM_UP + TIMED):
            uses.append(meters[-1].stop())
        if now.step == WARM_UP:
            meters.append(Meter(loaded.device))

    trainer.run(
        own_ranks(loaded.device),
        CONFIG,
        home / "run",
        loaded,
        pictures[:-1],
        pictures[-1:],
        report=report,
        should_stop=lambda: len(losses) >= WARM_UP + TIMED,
    )
    before, steps = uses
    step = steps.seconds / TIMED
    seconds = {"seconds": step, "seconds_per_picture": step / CONFIG.pictures_per_step}
    return asdict(steps) | seconds | {"before": asdict(before), "losses": losses}


def training_one(loaded: LoadedModel, home: Path) -> Row:
    """The first step of a training, of one picture."""
    pictures = save_pictures(home / "pictures", loaded.info.native_size)
    config = replace(CONFIG, gradient_accumulation=1)
    with lora_on(loaded.pipeline, config) as adapter:
        learner = trainer.learner_of(own_ranks(loaded.device), config, loaded, adapter, pictures)
        meter = Meter(loaded.device)
        loss = learner.step(0)
        return asdict(meter.stop()) | {"losses": [loss]}


def save_pictures(folder: Path, size: int) -> list[CaptionedPicture]:
    """Soft colours, larger than `size` pixels and not square."""
    folder.mkdir()
    pixels = torch.rand(PICTURES, 3, 8, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1
    paths = [folder / f"{i}.png" for i in range(PICTURES)]
    for path, picture in zip(paths, to_pil(pixels), strict=True):
        picture.resize((size * 2, size * 4 // 3), Image.Resampling.BICUBIC).save(path)
    return [CaptionedPicture(path, PROMPT) for path in paths]


def _outside_pytorch() -> int:
    """Bytes of the GPU that CUDA and its libraries keep, and other programs if there are any."""
    free, total = torch.cuda.mem_get_info()
    return total - free - torch.cuda.memory_reserved()


def print_table(results: dict[str, Any]) -> None:
    """Seconds, and gigabytes of 10^9 bytes."""
    rows, size, estimate = results["rows"], results["native_size"], results["estimate"]
    limit = f", at most {results['limit_gib']:g} GiB for PyTorch" if "limit_gib" in results else ""
    names = {
        "load": "load the model",
        "draw": f"draw {size}x{size}, {STEPS} steps",
        "put_on_lora": f"put on a LoRA of rank {results['rank']}",
        "draw_with_lora": "draw with it",
        "before": f"training: sample, held-out, {WARM_UP} steps",
        "train": f"training: a step of {CONFIG.pictures_per_step} pictures",
        "train_one": "training: a step of one picture",
    }
    print(f"\n{results['model']}, {size} px, {results['dtype']} on {results['device']}{limit}")
    print(f"{'':42}{'seconds':>9}{'allocated':>11}{'reserved':>10}{'RAM':>8}   GB")
    training = rows.get("train", {})
    shown = rows | ({"before": training.get("before", {"failed": "see below"})} if training else {})
    for name, title in names.items():
        if name in shown:
            print(f"{title:42}{_cells(shown[name])}")
    if "keys_applied" in rows["put_on_lora"]:
        print("keys of the LoRA applied: {keys_applied} of {keys_total}".format(**rows["put_on_lora"]))
    parts = ", ".join(f"{name} {estimate[name] / 1e9:.2f}" for name in ("weights", "lora", "activations", "driver"))
    print(f"the studio's estimate for the training: {estimate['total'] / 1e9:.2f} GB ({parts})")
    if "outside_pytorch" in results and "before" in training:
        reserved = max(training["gpu_reserved"], training["before"]["gpu_reserved"])
        outside = results["outside_pytorch"]
        sides = f"reserved {reserved / 1e9:.2f}, on the GPU outside PyTorch {outside / 1e9:.2f}"
        print(f"measured for the training:              {(reserved + outside) / 1e9:.2f} GB ({sides})")
    for note in sorted({note for row in rows.values() for notes in row.get("notes", ()) for note in notes}):
        print(f"note: {note}")


def _cells(row: Row) -> str:
    if "failed" in row:
        return f"  {row['failed']}"
    gpu = [row["gpu_allocated"], row["gpu_reserved"]]
    allocated, reserved = ("-" if number is None else f"{number / 1e9:.2f}" for number in gpu)
    return f"{row['seconds']:9.3f}{allocated:>11}{reserved:>10}{row['ram'] / 1e9:8.2f}"


if __name__ == "__main__":
    main()
