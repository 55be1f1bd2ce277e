"""Made the home beside this file, with the studio of version 0.1.0 (commit 05fab92) and the tiny model of its tests.

Run in a checkout of that commit, as `python make.py PLACE`; everything is made in PLACE and named by it.
"""

import io
import os
import sys
from pathlib import Path

import numpy as np
from engine.fine_tuning import held_out_for, plan_of
from engine.jobs.drawing import Drawing
from engine.jobs.training import Training
from engine.jobs.translating import Translating
from engine.lora_requests import EvaluateLora, LoraGrid, PromoteLora, TrainLora
from engine.photo_requests import Translate
from PIL import Image
from ulid import ULID

from engine.jobs.schema import DEVICE_LANES
from engine.settings import Settings
from engine.studio import Studio
from engine.worker import Worker
from tests.captioned import begun_training, save_captioned
from tests.tiny import save_tiny_pipeline
from tests.tiny_lora import lora_layers, save_lora

PROMPTS = [
    "a castle on a mountain at sunset",
    'quotes " and \\ and <b>, 龍と少女 🐉',
    "first line\nNegative prompt: inside the prompt\nlast line",
]


def photo(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((60, 48), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def main(place: Path) -> None:
    save_tiny_pipeline(place / "weights" / "mini")
    studio = Studio(Settings(home=place / "studio-home", weights_dir=place / "weights", device="cpu"))
    worker = Worker(studio.settings, studio.database)
    drawing = Drawing.create(studio.settings, worker.queue, studio.database)
    translating = Translating(studio.settings, worker.queue, studio.gallery, drawing.device)
    training = Training(studio.settings, worker.queue, drawing.device, make_room=drawing.release)
    handlers = drawing.handlers | translating.handlers | training.handlers

    def work() -> None:
        while any(worker.run_one(lane, handlers) for lane in DEVICE_LANES):
            pass

    for name, seed in (("ink", 0), ("snow", 1)):
        save_lora(studio.settings.lora_dir / f"{name}.safetensors", layers=lora_layers(seed=seed))
    small = {"num_inference_steps": 2, "width": 64, "height": 64, "seed": 11}
    for prompt in PROMPTS:
        studio.submit(studio.request({**small, "prompt": prompt, "negative_prompt": "people"}))
    loras = [("ink", 0.8), ("snow", -0.5)]
    studio.submit(studio.request({**small, "prompt": "a red castle", "loras": loras, "num_images": 2}))
    photos = tuple(studio.add_photo(photo(seed), f"beach {seed}.png") for seed in range(2))
    studio.translate(Translate(photos=photos, translator="classical", strength=0.75, long_side=64))
    work()
    studio.gallery.delete([studio.gallery.page().images[-1].id])

    run = begun_training(studio, save_captioned(place / "studio-home" / "datasets" / "castles"))
    studio.train_lora(TrainLora(run=run, name="castles"))
    work()
    held_out = held_out_for(studio.settings, "castles", None)
    shared = {"num_inference_steps": 1}
    request = EvaluateLora(lora="castles", evaluation=str(ULID()), model="mini", **shared)
    studio.evaluate_lora(request, held_out, "held out by the training")
    grid = {"checkpoints": ("step-000002", "last"), "weights": (1.0,), "captions": 2}
    grid = LoraGrid(run=run, name="castles", evaluation=str(ULID()), **grid, **shared)
    studio.lora_grid(grid, plan_of(studio.settings, run).held_out, "held out by the training")
    work()
    studio.promote_lora(PromoteLora(run=run, name="castles", checkpoint="step-000002", weight=0.75))
    work()
    paused = begun_training(studio, place / "studio-home" / "datasets" / "castles", "paused")
    studio.cancel(studio.train_lora(TrainLora(run=paused, name="paused")).id)

    (place / "elsewhere").mkdir()
    save_tiny_pipeline(place / "elsewhere" / "mine")
    studio.add_model(str(place / "elsewhere" / "mine"))
    failing = studio.submit(studio.request({**small, "prompt": "a failing one", "model": "mine"}))
    (place / "elsewhere" / "mine" / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    work()
    assert studio.job(failing.id).error
    studio.cancel(studio.submit(studio.request({**small, "prompt": "cancelled"})).id)
    studio.submit(studio.request({**small, "prompt": "still waiting"}))
    studio.fetch_model("sd21")
    studio.database.dispose()


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    main(Path(sys.argv[1]))
