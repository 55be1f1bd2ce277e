"""Tiny Stable Diffusion pipelines with random weights, saved in the real folder layout.

They run a step in milliseconds and go through the studio's real loaders, so tests need no mocks.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.diffusion.request import TextToImage
from engine.weights.layout import DEFAULTS
from engine.weights.models import ModelInfo

NATIVE_SIZE = 64  # pixels
SIZE_MULTIPLE = 8
WORDS = ("a", "castle", "cat", "on", "mountain", "red", "blue")

REQUEST = TextToImage(
    prompt="a castle on a mountain",
    negative_prompt="red",
    seed=11,
    num_inference_steps=3,
    width=NATIVE_SIZE,
    height=NATIVE_SIZE,
    model="tiny",
)


def save_tiny_pipeline(
    folder: Path,
    prediction_type: str = "v_prediction",
    cross_attention_dim: int = 32,
    seed: int = 0,
    guidance_width: int | None = None,
) -> Path:
    """Save a complete pipeline: 64 px, 4 latent channels, VAE factor 8, about 2 MB.

    Args:
        folder: made if it is missing.
        prediction_type: "v_prediction" or "epsilon".
        cross_attention_dim: width of the text encoder and of the UNet's cross-attention; a multiple of 8.
        seed: of the random weights.
        guidance_width: of the UNet's embedding of the guidance scale, as distilled models have it; None for none.

    Returns:
        The folder.
    """
    pipeline = build_tiny_pipeline(folder, prediction_type, cross_attention_dim, seed, guidance_width)
    pipeline.save_pretrained(folder)
    return folder


def weights_with_defaults(weights: Path, folder: Path, defaults: Mapping[str, Any]) -> Path:
    """A copy of a weights folder whose model `mini` says with which values it draws."""
    shutil.copytree(weights, folder)
    (folder / "mini" / DEFAULTS).write_text(json.dumps(defaults))
    return folder


def build_tiny_pipeline(
    folder: Path, prediction_type: str, cross_attention_dim: int, seed: int, guidance_width: int | None = None
) -> StableDiffusionPipeline:
    """The pipeline in memory; only its tokenizer's files are written to `folder`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return StableDiffusionPipeline(
            vae=_vae(),
            text_encoder=_text_encoder(cross_attention_dim),
            tokenizer=save_tiny_tokenizer(folder / "tokenizer"),
            unet=_unet(cross_attention_dim, guidance_width),
            scheduler=_scheduler(prediction_type),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def save_tiny_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's tokenizer, 77 tokens, on a vocabulary of `WORDS` and of single letters for all else."""
    folder.mkdir(parents=True, exist_ok=True)
    alphabet = [chr(code) for code in range(33, 127)]
    merges = _merges()
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *("".join(pair) for pair in merges)]
    vocabulary = {token: i for i, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    (folder / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "!"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _merges() -> list[tuple[str, str]]:
    """Byte-pair merges that build each of `WORDS` letter by letter."""
    merges = {}
    for word in WORDS:
        letters = [*word[:-1], f"{word[-1]}</w>"]
        while len(letters) > 1:
            merges[letters[0], letters[1]] = None
            letters[:2] = [letters[0] + letters[1]]
    return list(merges)


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=NATIVE_SIZE,
    )


def _text_encoder(width: int) -> CLIPTextModel:
    vocabulary = 2 * 94 + len(_merges()) + 2
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="gelu",
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=0,
        projection_dim=width,
    )
    return CLIPTextModel(config)


def _unet(cross_attention_dim: int, guidance_width: int | None) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=NATIVE_SIZE // SIZE_MULTIPLE,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=8,
        attention_head_dim=4,
        cross_attention_dim=cross_attention_dim,
        use_linear_projection=True,
        time_cond_proj_dim=guidance_width,
    )


def _scheduler(prediction_type: str) -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction_type,
        timestep_spacing="leading",
    )


def tiny_info(path: Path, **changes) -> ModelInfo:
    """The catalogue's entry for a tiny pipeline's folder or single file."""
    values = {
        "name": path.stem,
        "title": path.stem,
        "path": path,
        "single_file": path.is_file(),
        "base": "custom (width 32)",
        "cross_attention_dim": 32,
        "native_size": NATIVE_SIZE,
        "min_size": 32,
        "max_size": 128,
        "size_multiple": SIZE_MULTIPLE,
        "prediction_type": "v_prediction",
        "size_bytes": 1_100_000,
        "licence": "none",
        "available": True,
        "about": "",
    }
    return ModelInfo(**{**values, **changes})
