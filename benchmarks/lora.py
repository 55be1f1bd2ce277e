"""What a step of a LoRA training costs, by preset, beside the loop of diffusers' own training script.

    python -m benchmarks lora

One process, one thread, the ways in turn, so that the ratios hold whatever else the machine does. Processor seconds.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image

from engine.datasets.pictures import CaptionedPicture
from engine.device import choose
from engine.diffusion.loading import LoadedModel, load
from engine.lora.runs.computing import Computing, as_begun, choose_computing
from engine.lora.runs.config import PRESETS, Config
from engine.lora.training.adapter import lora_on
from engine.lora.training.data import states_of
from engine.lora.training.trainer import learner_of
from engine.settings import PROJECT, Settings
from engine.training.parallel import Ranks
from engine.training.pixels import prepare
from engine.weights.models import Catalogue

MODEL, PICTURES = "mini", 8
ROUNDS, STEPS = 3, 2


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    device = choose("cpu")
    loaded = load(Catalogue(Settings(home=PROJECT / "studio-home")).get(MODEL), device)
    with tempfile.TemporaryDirectory() as folder:
        pictures = blobs(Path(folder))
        print(f"{device.name}, 1 thread, {MODEL}, processor seconds a step")
        print("preset        pictures  one at a time   as computed   ratio   diffusers' loop   ratio")
        for name, config in PRESETS.items():
            now = choose_computing(loaded.info, config, device.free_memory(), on_gpu=False)
            before, after, script = measured(loaded, config, now, pictures)
            print(
                f"{name:14}{config.pictures_per_step:8d}{median(before):15.3f}{median(after):14.3f}"
                f"{ratio(after, before):8.2f}{median(script):18.3f}{ratio(after, script):8.2f}",
                flush=True,
            )


def ratio(ones: list[float], others: list[float]) -> float:
    """Median of the pairs' ratios."""
    return median(one / other for one, other in zip(ones, others, strict=True))


def measured(
    loaded: LoadedModel, config: Config, now: Computing, pictures: list[CaptionedPicture]
) -> tuple[list[float], list[float], list[float]]:
    """Seconds a step as runs were computed before there was a choice, as they are now, and of diffusers' loop."""
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    for _ in range(ROUNDS):
        found[0].append(studio(loaded, config, as_begun(config), pictures))
        found[1].append(studio(loaded, config, now, pictures))
        found[2].append(diffusers_loop(loaded, config, pictures))
    return found


def studio(loaded: LoadedModel, config: Config, computing: Computing, pictures: list[CaptionedPicture]) -> float:
    """Seconds of a step of the studio's."""
    with lora_on(loaded.pipeline, config, computing.gradient_checkpointing) as adapter:
        learner = learner_of(Ranks(), config, loaded, adapter, pictures, computing)
        for number in range(2):  # every picture and caption is seen once
            learner.step(number)
        return timed(lambda number: learner.step(number))


def diffusers_loop(loaded: LoadedModel, config: Config, pictures: list[CaptionedPicture]) -> float:
    """Seconds of a step as `train_text_to_image_lora.py` of diffusers does it by default: nothing is kept."""
    pipeline, augmentation = loaded.pipeline, config.augmentation(loaded.info.native_size)
    images = [Image.open(picture.path).convert("RGB") for picture in pictures]
    with lora_on(pipeline, config, checkpointing=False) as adapter:
        optimizer = torch.optim.AdamW(adapter.parameters(), config.learning_rate)
        alphas = pipeline.scheduler.alphas_cumprod

        def step(number: int) -> None:
            for part in range(config.gradient_accumulation):
                first = (number * config.gradient_accumulation + part) * config.batch_size
                places = [place % len(images) for place in range(first, first + config.batch_size)]
                generator = torch.Generator().manual_seed(first)
                pixels = torch.stack([prepare(images[place], augmentation, generator) for place in places])
                with torch.no_grad():
                    latents = pipeline.vae.encode(pixels).latent_dist.sample() * pipeline.vae.config.scaling_factor
                states = states_of(pipeline, [pictures[place].caption for place in places])
                timesteps = torch.randint(len(alphas), (len(places),))
                signal = alphas[timesteps][:, None, None, None]
                noise = torch.randn_like(latents)
                noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
                target = signal.sqrt() * noise - (1 - signal).sqrt() * latents
                pred = pipeline.unet(noisy, timesteps, encoder_hidden_states=states).sample
                (torch.nn.functional.mse_loss(pred, target) / config.gradient_accumulation).backward()
            torch.nn.utils.clip_grad_norm_(adapter.parameters(), config.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()

        step(0)
        return timed(step)


def timed(step: Callable[[int], object]) -> float:
    """Processor seconds of one of some steps."""
    started = time.process_time()
    for number in range(2, 2 + STEPS):
        step(number)
    return (time.process_time() - started) / STEPS


def blobs(folder: Path) -> list[CaptionedPicture]:
    """Pictures of soft colours, larger than the model sees."""
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        colours = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        colours.resize((640, 512), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    captions = (f"a castle on a hill, number {number}" for number in range(PICTURES))
    return [CaptionedPicture(folder / f"{number}.png", words) for number, words in enumerate(captions)]
