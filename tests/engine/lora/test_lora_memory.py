"""How much memory a training needs: counted on real models where they are small enough."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.device import choose
from engine.diffusion.loading import load
from engine.errors import ModelUnavailable, OutOfMemory
from engine.lora.runs.config import Config
from engine.lora.runs.memory import estimate_memory, require_memory
from engine.lora.training.adapter import lora_on
from engine.settings import Settings
from engine.training.lora_layers import LAYERS
from engine.weights.models import Catalogue
from tests.engine.lora.lora_runs import tiny_model
from tests.tiny import save_tiny_pipeline, tiny_info

T4 = 15_800_000_000  # bytes that PyTorch sees of its 16 GB


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def sd21(tmp_path_factory):
    """As the catalogue knows it before it is downloaded."""
    return Catalogue(Settings(home=tmp_path_factory.mktemp("home"), device="cpu")).get("sd21")


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(rank=3, target_modules=("to_k", "to_out.0"), text_encoder=True),
        Config(rank=2, target_modules=LAYERS),
        Config(rank=5, target_modules=("conv_shortcut", "ff.net.2")),
    ],
)
def test_the_loras_numbers_are_counted_from_the_configuration(folder, config):
    pipeline = tiny_model(folder).pipeline
    with lora_on(pipeline, config) as adapter:
        numbers = sum(parameter.numel() for parameter in adapter.parameters())
    estimate = estimate_memory(tiny_info(folder), config, on_gpu=False)
    assert estimate.lora_parameters == numbers
    assert estimate.lora == 16 * numbers


def test_the_numbers_of_a_lora_on_all_blocks_are_those_of_the_shipped_model(tmp_path):
    """Its three blocks have one residual block each, the tiny model's two have two."""
    info = Catalogue(Settings(home=tmp_path, device="cpu")).get("mini")
    config = Config(rank=2, target_modules=LAYERS)
    with lora_on(load(info, choose("cpu")).pipeline, config) as adapter:
        numbers = sum(parameter.numel() for parameter in adapter.parameters())
    assert estimate_memory(info, config, on_gpu=False).lora_parameters == numbers


def test_the_models_weights_are_counted_in_the_precision_of_the_device(folder):
    pipeline = tiny_model(folder).pipeline
    parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder)
    numbers = sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert estimate_memory(tiny_info(folder), Config(), on_gpu=True).weights == 2 * numbers
    assert estimate_memory(tiny_info(folder), Config(), on_gpu=False).weights == 4 * numbers


def test_stable_diffusion_fits_a_t4(sd21):
    estimate = estimate_memory(sd21, Config(), on_gpu=True)
    assert estimate.lora_parameters == 3_319_808
    assert 4.9e9 < estimate.total < 5.1e9  # 4.1 GB allocated and 0.8 GB outside PyTorch were measured on an H100
    require_memory(estimate, T4, "a T4")
    assert estimate.in_words().startswith("About 5.0 GB: 2.6 GB model, 53 MB LoRA with its optimizer, 1.5 GB")


def test_activations_grow_with_pixels_batch_and_without_checkpointing(sd21):
    def activations(**changes) -> int:
        return estimate_memory(sd21, replace(Config(), **changes), on_gpu=True).activations

    plain = activations(gradient_checkpointing=False)
    assert plain == pytest.approx(2.53e9, rel=0.01)
    assert activations(gradient_checkpointing=False, batch_size=3) == 3 * plain
    assert activations(resolution=384) == activations() // 4
    assert activations() < plain


def test_a_training_that_cannot_fit_is_refused_with_its_parts(sd21):
    huge = estimate_memory(sd21, Config(batch_size=16, gradient_checkpointing=False), on_gpu=True)
    with pytest.raises(OutOfMemory, match=r"more memory than a T4 has \(15\.8 GB\)\. About .* GB model.*Lower the"):
        require_memory(huge, T4, "a T4")


def test_a_model_of_which_nothing_is_known_is_refused(tmp_path):
    info = tiny_info(tmp_path, available=False, size_bytes=0)
    with pytest.raises(ModelUnavailable, match="no configuration at"):
        estimate_memory(info, Config(), on_gpu=True)
