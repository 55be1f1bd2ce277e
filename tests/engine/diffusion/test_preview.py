from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.diffusion import schedulers
from engine.diffusion.loading import load
from engine.diffusion.preview import CleanEstimate, LatentPreview
from engine.diffusion.text_to_image import generate
from engine.images import from_pil, to_pil
from engine.settings import PROJECT
from tests.tiny import REQUEST, tiny_info

MINI = PROJECT / "weights" / "mini"


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(np.corrcoef(a.flatten().numpy(), b.flatten().numpy())[0, 1])


def test_the_preview_resembles_the_picture(cpu):
    """With the shipped model: a VAE with random weights has no colours to speak of."""
    model = load(tiny_info(MINI, native_size=256), cpu)
    request = replace(REQUEST, width=256, height=256, num_inference_steps=6)
    previews = []
    (image,) = generate(model, request, report=lambda step: previews.append(step.preview()))
    shown = [from_pil(preview.resize((64, 64))) for preview in previews]
    finished = from_pil(image.image.resize((64, 64)))
    assert correlation(shown[2], finished) > 0.6
    assert correlation(shown[-1], finished) > 0.85


@pytest.mark.parametrize("channels", [4, 12])
def test_any_number_of_channels_and_any_shape(channels):
    generator = torch.Generator().manual_seed(0)
    preview = LatentPreview(torch.randn(3, channels, generator=generator), torch.zeros(3), factor=8)
    assert preview(torch.zeros(1, channels, 6, 4)).size == (32, 48)
    assert preview(torch.zeros(1, channels, 128, 64)).size == (192, 384)


def test_broken_latents_still_give_a_picture(tiny):
    assert tiny.preview(torch.full((1, 4, 8, 8), float("nan"))).size == (64, 64)


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("name", ["DDIM", "Euler", "Euler a"])
def test_the_clean_estimate_is_the_schedulers_own(tiny, name, prediction):
    config = {**tiny.pipeline.scheduler.config, "prediction_type": prediction}
    scheduler = schedulers.build(name, config)
    estimate = CleanEstimate(scheduler)
    scheduler.set_timesteps(10)
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(1, 4, 8, 8, generator=generator) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps[:6]:
        model_input = scheduler.scale_model_input(sample, timestep)
        output = torch.tanh(model_input)
        step = scheduler.step(output, timestep, sample)
        torch.testing.assert_close(estimate.latents(), step.pred_original_sample, rtol=1e-3, atol=1e-3)
        sample = step.prev_sample


def test_the_last_preview_shows_the_picture(tiny):
    """On the map's own terms: the last clean estimate is the finished image's latents."""
    previews = []

    def report(step):
        if step.step == step.steps:
            previews.append(from_pil(step.preview()))

    request = REQUEST
    list(generate(tiny, request, report=report))
    latents = tiny.pipeline(
        request.prompt,
        negative_prompt=request.negative_prompt,
        num_inference_steps=request.num_inference_steps,
        generator=torch.Generator().manual_seed(request.seed),
        output_type="latent",
    ).images
    assert correlation(previews[0], from_pil(tiny.preview(latents))) > 0.95


def test_previews_are_drawn_in_colour(tiny):
    picture = tiny.preview(torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert picture.mode == "RGB"
    assert to_pil(from_pil(picture))[0].tobytes() == picture.tobytes()
