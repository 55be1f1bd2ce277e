"""Drawing from a picture, against the diffusers library's own pipelines, and variations of a seed's noise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline, UNet2DConditionModel
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from engine.diffusion import schedulers
from engine.diffusion.loading import load
from engine.diffusion.noise import slerp
from engine.diffusion.request import SCHEDULERS, steps_run
from engine.diffusion.starting import Start, encode
from engine.diffusion.text_to_image import generate, planned_steps
from engine.images import to_pil
from engine.seeding import generator_of
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info

SIDE = REQUEST.width
SIX = replace(REQUEST, num_inference_steps=6)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Soft colours, as no network made them."""
    small = np.random.default_rng(5).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def left_half() -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (0, 0, SIDE // 2, SIDE))
    return mask


def drawn(model, request=SIX, start=None, **more) -> np.ndarray:
    return np.asarray(next(generate(model, request, start=start, **more)).image).astype(int)


def library(kind, model, request, **more) -> np.ndarray:
    """The library's pipeline on the same parts and latents."""
    parts = {**model.pipeline.components}
    parts["scheduler"] = schedulers.build(request.scheduler, model.pipeline.scheduler.config, request.seed)
    pipeline = kind(**parts, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline(
        request.prompt,
        negative_prompt=request.negative_prompt,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        generator=generator_of(request.seed),
        **more,
    ).images[0]
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_it_is_the_library_s_image_to_image(tiny, picture, name):
    request = replace(SIX, scheduler=name)
    latents = encode(tiny.pipeline.vae, picture, tiny.device.torch_device)
    theirs = library(StableDiffusionImg2ImgPipeline, tiny, request, image=latents, strength=0.5)
    ours = drawn(tiny, request, Start(picture, 0.5))
    assert np.abs(ours - theirs).max() <= 1  # it scales the same latents in another order
    assert np.abs(ours - drawn(tiny, request)).max() > 1


@pytest.mark.parametrize("name", ["DDIM", "Euler a", "DPM++ 2M Karras"])
def test_a_mask_holds_as_in_the_library_s_inpainting(tiny, picture, left_half, name):
    request = replace(SIX, scheduler=name)
    latents = encode(tiny.pipeline.vae, picture, tiny.device.torch_device)
    more = {"image": latents, "masked_image_latents": latents, "mask_image": left_half, "strength": 0.5}
    theirs = library(StableDiffusionInpaintPipeline, tiny, request, **more, width=SIDE, height=SIDE)
    assert np.abs(drawn(tiny, request, Start(picture, 0.5, left_half)) - theirs).max() <= 1


def test_a_denoiser_that_was_trained_to_inpaint_sees_mask_and_picture(tmp_path, cpu, tiny, picture, left_half):
    model = load(tiny_info(save_tiny_pipeline(tmp_path / "model")), cpu)
    torch.manual_seed(0)
    unet = UNet2DConditionModel.from_config({**model.pipeline.unet.config, "in_channels": 9}).eval()
    model.pipeline.unet = unet
    grey = (picture, Image.new("RGB", picture.size, (127, 127, 127)))
    whole = [drawn(model, SIX, Start(each, 1.0, left_half)) for each in grey]
    assert np.abs(whole[0] - whole[1]).max() > 1  # also at pure noise it sees the picture beside the hole
    hole = Image.composite(grey[1], picture, left_half)
    assert np.array_equal(drawn(model, SIX, Start(hole, 1.0, left_half)), whole[0])  # and nothing of what was in it


@pytest.mark.parametrize("name", SCHEDULERS)
def test_all_strength_is_text_to_image(tiny, picture, name):
    request = replace(SIX, scheduler=name)
    assert np.array_equal(drawn(tiny, request, Start(picture, 1.0)), drawn(tiny, request))


def test_no_strength_gives_the_picture_back_as_the_autoencoder_does(tiny, picture):
    vae = tiny.pipeline.vae
    with torch.no_grad():
        latents = encode(vae, picture, tiny.device.torch_device) / vae.config.scaling_factor
        (back,) = to_pil(vae.decode(latents).sample)
    reports = []
    ours = drawn(tiny, SIX, Start(picture, 0.0), report=reports.append)
    assert np.array_equal(ours, np.asarray(back))
    assert reports == []


@pytest.mark.parametrize(
    ("steps", "strength", "run"),
    [(25, 0.6, 15), (25, 0.001, 1), (25, 0, 0), (25, 1, 25), (100, 0.29, 29), (1, 0.5, 1), (3, 0.99, 2)],
)
def test_so_many_steps_are_run(tiny, picture, steps, strength, run):
    assert steps_run(steps, strength) == run
    assert planned_steps(replace(SIX, num_inference_steps=steps), tiny, strength) == run


def test_the_steps_are_counted_as_planned(tiny, picture):
    for name in ("Heun", "DPM++ SDE Karras", "UniPC"):
        reports, request = [], replace(SIX, scheduler=name)
        drawn(tiny, request, Start(picture, 0.5), report=reports.append)
        assert [report.step for report in reports] == list(range(1, planned_steps(request, tiny, 0.5) + 1))
        assert {report.steps for report in reports} == {len(reports)}


def test_each_image_of_a_job_is_its_own_and_repeats(tiny, picture):
    two = [image.image.tobytes() for image in generate(tiny, replace(SIX, num_images=2), start=Start(picture, 0.5))]
    assert two[0] != two[1]
    (alone,) = generate(tiny, replace(SIX, seed=SIX.seed + 1), start=Start(picture, 0.5))
    assert alone.image.tobytes() == two[1]


def test_a_variation_of_nothing_is_the_picture_itself(tiny):
    request = replace(SIX, scheduler="Euler a")
    assert np.array_equal(drawn(tiny, replace(request, variation_seed=3)), drawn(tiny, request))


def test_variations_lie_between_two_seeds(tiny):
    first, second = drawn(tiny), drawn(tiny, replace(SIX, seed=99))
    varied = [drawn(tiny, replace(SIX, variation_seed=99, variation_strength=share)) for share in (0.1, 0.5, 0.9, 1)]
    to_first = [np.abs(each - first).mean() for each in varied]
    assert to_first == sorted(to_first)
    assert np.abs(varied[-1] - second).max() <= 1


def test_the_images_of_a_variation_keep_the_seed(tiny):
    request = replace(SIX, variation_seed=2**64 - 1, variation_strength=0.5, num_images=2)
    one, two = generate(tiny, request)
    assert one.seed == two.seed == SIX.seed
    (alone,) = generate(tiny, replace(request, variation_seed=0, num_images=1))
    assert alone.image.tobytes() == two.image.tobytes() != one.image.tobytes()


def test_mixed_noise_stays_noise():
    low, high = (randn_tensor((1, 4, 64, 64), generator=generator_of(seed)) for seed in (1, 2))
    for share in (0.0, 0.2, 0.5, 0.8, 1.0):
        mixed = slerp(low, high, share)
        assert float(mixed.std()) == pytest.approx(1, abs=0.03)
    assert torch.allclose(slerp(low, high, 0.0), low, atol=1e-5)
    assert torch.allclose(slerp(low, low, 0.3), low, atol=1e-5)
