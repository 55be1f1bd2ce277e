"""What the studio's work costs beside what artists would use instead, in one table, with the aims.

    python -m benchmarks ratios
    python -m benchmarks.ratios --short    # the quick rows alone, and a warning where one became worse
    python -m benchmarks.ratios --keep     # remember these ratios as the ones to compare with

One process, one thread, work and peer in turn: a ratio is the median of the rounds' ratios of processor seconds, so
that it holds on a busy machine too. The first round (reading, converting, compiling) does not count.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import torch
from diffusers import StableDiffusionPipeline

from benchmarks import lora
from benchmarks.translators import compiled, shipped
from engine.computing.names import openvino_version
from engine.device import choose
from engine.diffusion.backends.choosing import Backends
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import generate
from engine.lora.runs.computing import choose_computing
from engine.lora.runs.config import PRESETS
from engine.settings import OPENVINO, PROJECT, TORCH, Settings
from engine.translation.networks.animegan2 import AnimeGan2
from engine.translation.networks.generator import Architecture, Generator
from engine.weights.loras import list_loras
from engine.weights.models import Catalogue

KEPT = Path(__file__).parent / "ratios.json"
WORSE = 1.15  # times the kept ratio: what is more gets a warning
REQUEST = TextToImage(prompt="a castle on a mountain at sunset", seed=1, width=256, height=256, model="mini")
Seconds = tuple[float, ...]  # of the work and of its peer, or of one peer after the works


@dataclass(frozen=True)
class Row:
    """One line of the table: processor seconds of the work over those of its peer."""

    work: str
    peer: str
    aim: float
    ratio: float


def main(short: bool = False, keep: bool = False) -> None:
    """Print the table as it is measured, and what became worse than the kept one."""
    torch.set_num_threads(1)
    kept: dict[str, float] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    print("| work | peer = 1 | ratio | aim | kept |\n|---|---|---|---|---|")
    rows = []
    for row in measured(short):
        before = kept.get(row.work)
        print(f"| {row.work} | {row.peer} | {row.ratio:.2f} | {row.aim:.2f} | {before or ''} |", flush=True)
        rows.append(row)
    for line in warnings(rows, kept):
        print(line)
    if keep:
        KEPT.write_text(json.dumps(kept | {row.work: round(row.ratio, 3) for row in rows}, indent=2) + "\n")


def warnings(rows: list[Row], kept: dict[str, float]) -> list[str]:
    """A sentence for every ratio that is more than 15 % worse than the kept one."""
    return [
        f"warning: {row.work}: {row.ratio:.2f} of {row.peer}, {row.ratio / kept[row.work] - 1:.0%} worse than the "
        f"{kept[row.work]:.2f} in benchmarks/ratios.json. Measure it again with nothing else at work."
        for row in rows
        if row.work in kept and row.ratio > WORSE * kept[row.work]
    ]


def measured(short: bool) -> Iterator[Row]:
    """The rows, each when it is known."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), device="cpu")
        model = load(Catalogue(settings).get("mini"), choose("cpu"))
        torch.set_num_threads(1)
        yield from pictures(settings, model, short)
        if not short:
            yield trained(model)
    yield from photos((256,) if short else (256, 512, 1024), 2 if short else 3)


def pictures(settings: Settings, model: LoadedModel, short: bool) -> Iterator[Row]:
    """One picture as the studio draws it here, and with LoRAs where there is time."""
    folder = PROJECT / "weights" / "mini"
    bare = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, dtype=torch.float32)
    bare.set_progress_bar_config(disable=True)
    loras = [] if short else [(info, 0.6) for info in list_loras(settings.lora_folders) if not info.problem]
    backends = Backends(settings)
    engine = OPENVINO if openvino_version() else TORCH

    def studio(count: int, number: int) -> None:
        request = replace(REQUEST, seed=number, backend=engine, loras_merged=bool(count))
        next(generate(model, request, loras[:count], backend=backends.of(request)))

    def peer(number: int) -> None:
        seed = torch.Generator().manual_seed(number)
        bare(REQUEST.prompt, num_inference_steps=REQUEST.num_inference_steps, generator=seed)

    works: list[Callable[[int], object]] = [peer, *(partial(studio, count) for count in range(min(len(loras), 2) + 1))]
    seconds = in_turn(works, 2 if short else 5)
    steps = REQUEST.num_inference_steps
    yield Row(f"one picture of mini, {steps} steps", "bare diffusers pipeline", 0.5, ratio(seconds, 1, 0))
    for count, aim in zip(range(1, len(works) - 1), (1.06, 1.08), strict=False):
        yield Row(f"the same with {count} LoRA{'s' * (count > 1)}", "without a LoRA", aim, ratio(seconds, count + 1, 1))


def trained(model: LoadedModel) -> Row:
    """A step of the preset `study`."""
    config = PRESETS["study"]
    now = choose_computing(model.info, config, choose("cpu").free_memory(), on_gpu=False)
    with tempfile.TemporaryDirectory() as folder:
        captioned = lora.blobs(Path(folder))
        seconds = [
            (lora.studio(model, config, now, captioned), lora.diffusers_loop(model, config, captioned))
            for _ in range(lora.ROUNDS)
        ]
    return Row("a step of LoRA training, study", "the loop of diffusers' script", 0.3, ratio(seconds, 0, 1))


def photos(sizes: tuple[int, ...], rounds: int) -> Iterator[Row]:
    """NijiGAN with its filter beside the generator of CUT and Scenimefy, and beside AnimeGANv2."""
    nijigan, solver, _ = shipped()
    torch.manual_seed(0)
    models = [nijigan, Generator(Architecture("resnet", 9)), AnimeGan2()]
    for model in models:
        model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    nijigan.set_solver(solver)
    quick = compiled(nijigan, choose("cpu"))
    torch.set_num_threads(1)
    asked = models + ([quick] if quick else [])
    for size in sizes:
        photo = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        works: list[Callable[[int], object]] = [
            partial(lambda model, photo, _: model(photo), model, photo) for model in asked
        ]
        with torch.inference_mode():
            seconds = in_turn(works, rounds if size < max(sizes) or size == 256 else 1)
        yield Row(f"NijiGAN, {size} px", "generator of CUT", 0.3, ratio(seconds, 0, 1))
        yield Row(f"NijiGAN beside AnimeGANv2, {size} px", "AnimeGANv2", 1.0, ratio(seconds, 0, 2))
        if quick:
            yield Row(f"NijiGAN by OpenVINO, {size} px", "generator of CUT", 0.3, ratio(seconds, 3, 1))


def _of(model: torch.nn.Module, photo: torch.Tensor, _round: int) -> None:
    model(photo)


def in_turn(works: list[Callable[[int], object]], rounds: int) -> list[Seconds]:
    """Processor seconds of the works, one after the other, round by round; a round before them does not count."""
    return [tuple(processor_seconds(partial(work, number)) for work in works) for number in range(rounds + 1)][1:]


def processor_seconds(work: Callable[[], object]) -> float:
    """Processor seconds."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ratio(rounds: list[Seconds], work: int, peer: int) -> float:
    """Median of the rounds' ratios."""
    return median(each[work] / each[peer] for each in rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the quick rows alone")
    parser.add_argument("--keep", action="store_true", help=f"write {KEPT.name}")
    main(**vars(parser.parse_args()))
