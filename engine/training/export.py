"""From checkpoints to a folder that the studio, and any diffusers program, loads."""

import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from engine.errors import NotFound
from engine.training import mini, tokenizer
from engine.training.denoiser import Painter


def write(folder: Path, vae: AutoencoderKL, checkpoint: Path, tokenizer_folder: Path) -> None:
    """Write the averaged weights as float16 safetensors in the layout of StableDiffusionPipeline.

    Raises:
        NotFound: the denoiser has no checkpoint yet.
    """
    if not checkpoint.exists():
        raise NotFound(f"The denoiser must be trained before it is exported; {checkpoint} is missing.")
    words = tokenizer.read(tokenizer_folder)
    painter = Painter(len(words))
    average = torch.load(checkpoint, weights_only=True)["average"]
    painter.load_state_dict({name.removeprefix("module."): w for name, w in average.items() if name != "n_averaged"})
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=painter.text_encoder,
        tokenizer=words,
        unet=painter.unet,
        scheduler=mini.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(torch.float16).save_pretrained(folder)
    for name in ("vocab.json", "merges.txt"):  # not written by transformers 5, read by other programs
        shutil.copyfile(tokenizer_folder / name, folder / "tokenizer" / name)
