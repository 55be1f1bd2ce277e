"""Noise and its removal as a picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.lora.training.noising import noising_sheet, one_step
from engine.metrics.sheets import LABEL, TILE
from engine.training.noise import noised
from tests.engine.lora.lora_runs import tiny_model
from tests.tiny import save_tiny_pipeline


@pytest.fixture(scope="module", params=["v_prediction", "epsilon"])
def model(request, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("models") / request.param
    return tiny_model(save_tiny_pipeline(folder, request.param))


def test_a_model_that_is_right_gives_the_clean_latents_back(model, monkeypatch):
    """The UNet answers with the true target, so one step must undo the noise."""
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    noisy, velocity = noised(clean, noise, model.pipeline.scheduler.alphas_cumprod[600:601])
    target = velocity if model.pipeline.scheduler.config.prediction_type == "v_prediction" else noise
    answer = type("Answer", (), {"sample": target})()
    monkeypatch.setattr(model.pipeline.unet, "forward", lambda *args, **kwargs: answer)
    assert torch.allclose(one_step(model, noisy, 600, "a castle"), clean, atol=1e-4)


def test_the_sheet_has_a_column_for_each_level(model):
    picture = Image.new("RGB", (200, 100), (200, 40, 40))
    sheet = noising_sheet(model, picture, "a castle", levels=(0.0, 1.0), seed=3)
    assert sheet.size == (2 * TILE, 2 * (TILE + LABEL))
    pixels = np.asarray(sheet).astype(int)
    clean, noisy = pixels[LABEL : LABEL + TILE, :TILE], pixels[LABEL : LABEL + TILE, TILE:]
    assert np.abs(clean - noisy).mean() > 1
    assert sheet.tobytes() == noising_sheet(model, picture, "a castle", levels=(0.0, 1.0), seed=3).tobytes()
    assert sheet.tobytes() != noising_sheet(model, picture, "a castle", levels=(0.0, 1.0), seed=4).tobytes()
