"""Drawing in few steps: models that were distilled for it, and what the library draws with the same."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, LatentConsistencyModelPipeline, LCMScheduler, StableDiffusionPipeline

from engine.diffusion.loading import load
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info

TURBO = {"scheduler": "Turbo", "guidance_scale": 0.0}
LCM = {"scheduler": "LCM", "num_inference_steps": 4}


@pytest.fixture(scope="module")
def distilled_folder(tmp_path_factory):
    """A model whose UNet is told the guidance scale, as latent consistency models are."""
    folder = tmp_path_factory.mktemp("distilled") / "tiny"
    return save_tiny_pipeline(folder, "epsilon", seed=4, guidance_width=16)


@pytest.fixture(scope="module")
def distilled(distilled_folder, cpu):
    return load(tiny_info(distilled_folder, prediction_type="epsilon"), cpu)


@contextmanager
def passes(model):
    """The batch sizes of all that the UNet is asked meanwhile."""
    asked = []
    hook = model.pipeline.unet.register_forward_pre_hook(lambda unet, args: asked.append(len(args[0])))
    try:
        yield asked
    finally:
        hook.remove()


def by_the_library(pipeline_type, folder, scheduler, steps, guidance, **options):
    """(H, W, 3) uint8 of the first picture of `REQUEST` as the library draws it."""
    pipeline = pipeline_type.from_pretrained(folder, safety_checker=None, requires_safety_checker=False, **options)
    pipeline.scheduler = scheduler(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    told = {"negative_prompt": REQUEST.negative_prompt} if pipeline_type is StableDiffusionPipeline else {}
    picture = pipeline(
        REQUEST.prompt,
        width=REQUEST.width,
        height=REQUEST.height,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(REQUEST.seed),
        **told,
    ).images[0]
    return np.asarray(picture)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_turbo_draws_what_the_library_draws(tiny, tiny_folder, pixels, steps):
    def published(config):
        return EulerDiscreteScheduler.from_config(config, timestep_spacing="trailing")

    expected = by_the_library(StableDiffusionPipeline, tiny_folder, published, steps, 0.0)
    assert np.array_equal(pixels(tiny, **TURBO, num_inference_steps=steps), expected)


def test_one_step_without_guidance_asks_the_model_once(tiny, pixels):
    with passes(tiny) as asked:
        picture = pixels(tiny, **TURBO, num_inference_steps=1)
    assert asked == [1]
    for guidance in (0.5, 1.0):
        assert np.array_equal(pixels(tiny, scheduler="Turbo", guidance_scale=guidance, num_inference_steps=1), picture)
    with passes(tiny) as asked:
        guided = pixels(tiny, scheduler="Turbo", guidance_scale=1.5, num_inference_steps=2)
    assert asked == [2, 2]
    assert not np.array_equal(guided, picture)


def test_without_guidance_a_negative_prompt_changes_nothing(tiny, pixels):
    first, second = (pixels(tiny, **TURBO, negative_prompt=text) for text in ("", "a red cat"))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("pipeline_type", [StableDiffusionPipeline, LatentConsistencyModelPipeline])
@pytest.mark.parametrize("guidance", [8.0, 1.0])
def test_a_latent_consistency_model_draws_what_the_library_draws(
    distilled, distilled_folder, pixels, pipeline_type, guidance
):
    own = {} if pipeline_type is StableDiffusionPipeline else {"feature_extractor": None}
    expected = by_the_library(pipeline_type, distilled_folder, LCMScheduler.from_config, 4, guidance, **own)
    assert np.array_equal(pixels(distilled, **LCM, guidance_scale=guidance), expected)


def test_a_model_that_is_told_the_guidance_is_asked_once_a_step(distilled, pixels):
    with passes(distilled) as asked:
        strong = pixels(distilled, **LCM, guidance_scale=8.0)
    assert asked == [1] * 4
    assert not np.array_equal(strong, pixels(distilled, **LCM, guidance_scale=3.0))


def test_lcm_draws_its_noise_from_the_seed(distilled, draw):
    first, second = draw(distilled, **LCM, num_images=2)
    (alone,) = draw(distilled, **LCM, seed=REQUEST.seed + 1)
    assert first.image.tobytes() != second.image.tobytes() == alone.image.tobytes()
