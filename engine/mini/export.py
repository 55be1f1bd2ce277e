"""From checkpoints to a folder that the studio, and any diffusers program, loads."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from engine.files import put, scratch_of
from engine.mini import networks
from engine.mini.denoiser import Denoiser
from engine.mini.tokenizer import read_tokenizer
from engine.training.loop import averaged_weights


def write(folder: Path, vae: AutoencoderKL, denoiser_folder: Path, tokenizer_folder: Path) -> None:
    """Write the averaged weights as float16 safetensors in the layout of StableDiffusionPipeline.

    A folder of that name is replaced when the new one is complete.
    """
    tokenizer = read_tokenizer(tokenizer_folder)
    model = Denoiser(len(tokenizer))
    model.load_state_dict(averaged_weights(denoiser_folder))
    with _replacing(folder) as scratch:
        networks.pipeline(vae, model.text_encoder, tokenizer, model.unet).to(torch.float16).save_pretrained(scratch)
        for name in ("vocab.json", "merges.txt"):  # not written by transformers 5, read by other programs
            shutil.copyfile(tokenizer_folder / name, scratch / "tokenizer" / name)


def write_with_decoder(folder: Path, model_folder: Path, vae: AutoencoderKL) -> None:
    """Write a copy of an exported model with another autoencoder; a folder of that name is replaced."""
    with _replacing(folder) as scratch:
        shutil.copytree(model_folder, scratch)
        vae.to(torch.float16).save_pretrained(scratch / "vae")


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Where a folder grows until it is complete; it then takes the other's place."""
    scratch = scratch_of(folder)
    shutil.rmtree(scratch, ignore_errors=True)
    yield scratch
    shutil.rmtree(folder, ignore_errors=True)
    put(scratch, folder)
