import dataclasses
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.device import Device
from engine.diffusion import schedulers
from engine.diffusion.loading import load
from engine.diffusion.request import SCHEDULERS
from engine.diffusion.text_to_image import ALL_BLACK, DRAWN_AGAIN, generate, planned_steps
from engine.errors import Cancelled, ImageFailed
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info
from tests.tiny_lora import save_lora

TOP_SEED = 2**64 - 1
HALF = Device(torch.device("cpu"), torch.float16, "the CPU in half precision")


def bare(model, **changes) -> np.ndarray:
    """The library's pipeline, called directly."""
    request = dataclasses.replace(REQUEST, **changes)
    kept, model.pipeline.scheduler = (
        model.pipeline.scheduler,
        schedulers.build(request.scheduler, model.pipeline.scheduler.config, request.seed),
    )
    try:
        image = model.pipeline(
            request.prompt,
            negative_prompt=request.negative_prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator().manual_seed(request.seed),
        ).images[0]
    finally:
        model.pipeline.scheduler = kept
    return np.asarray(image)


def change_weights(folder, file: str, change) -> None:
    """Edit the tensors of one file of a saved model in place."""
    tensors = load_file(folder / file)
    change(tensors)
    save_file(tensors, folder / file, {"format": "pt"})


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


@pytest.mark.parametrize("name", SCHEDULERS)
def test_pixels_are_the_bare_pipelines(tiny, pixels, name):
    assert np.array_equal(pixels(tiny, scheduler=name), bare(tiny, scheduler=name))


@pytest.mark.parametrize("changes", [{"guidance_scale": 1.0}, {"width": 96, "height": 48}, {"negative_prompt": ""}])
def test_pixels_are_the_bare_pipelines_for_other_requests(tiny, pixels, changes):
    assert np.array_equal(pixels(tiny, **changes), bare(tiny, **changes))


def test_epsilon_models_too(tmp_path, cpu, pixels, tiny):
    model = load(tiny_info(save_tiny_pipeline(tmp_path / "model", prediction_type="epsilon")), cpu)
    assert np.array_equal(pixels(model), bare(model))
    assert not np.array_equal(pixels(model), pixels(tiny))


def test_image_i_is_the_single_image_of_its_seed(tiny, draw):
    batch = draw(tiny, num_images=4)
    assert [image.index for image in batch] == [0, 1, 2, 3]
    assert [image.seed for image in batch] == [11, 12, 13, 14]
    for image in batch:
        (alone,) = draw(tiny, seed=image.seed)
        assert alone.image.tobytes() == image.image.tobytes()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_sampler_draws_another_picture_from_a_longer_seed(tiny, pixels, name):
    pictures = [pixels(tiny, scheduler=name, seed=seed) for seed in (11, 2**32 + 11, 2**63 + 11, TOP_SEED)]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert np.array_equal(pictures[1], pixels(tiny, scheduler=name, seed=2**32 + 11))


def test_after_the_highest_seed_comes_0(tiny, draw):
    images = draw(tiny, num_images=3, seed=TOP_SEED - 1)
    assert [image.seed for image in images] == [TOP_SEED - 1, TOP_SEED, 0]
    assert images[2].image.tobytes() == draw(tiny, seed=0)[0].image.tobytes()


def test_resuming_draws_only_the_rest(tiny, draw):
    whole = draw(tiny, num_images=3)
    rest = list(generate(tiny, dataclasses.replace(REQUEST, num_images=3), first=2))
    assert [image.index for image in rest] == [2]
    assert rest[0].image.tobytes() == whole[2].image.tobytes()


def test_order_of_requests_does_not_matter(tiny, pixels, tmp_path):
    lora = save_lora(tmp_path / "style.safetensors")
    wishes = [{"scheduler": "UniPC"}, {"loras": [(lora, 1.0)]}, {"width": 96}, {"guidance_scale": 1.0}]
    forth = [pixels(tiny, **wish) for wish in wishes]
    back = [pixels(tiny, **wish) for wish in reversed(wishes)]
    assert all(np.array_equal(a, b) for a, b in zip(forth, reversed(back), strict=True))


def test_global_random_state_is_neither_used_nor_changed(tiny, pixels):
    torch.manual_seed(1)
    first, state = pixels(tiny, scheduler="DPM++ SDE Karras"), torch.random.get_rng_state()
    torch.manual_seed(2)
    assert np.array_equal(pixels(tiny, scheduler="DPM++ SDE Karras"), first)
    torch.manual_seed(1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_guidance_one_ignores_the_negative_prompt(tiny, pixels):
    wishes = [{"negative_prompt": text, "guidance_scale": 1.0} for text in ("", "blue")]
    assert np.array_equal(*(pixels(tiny, **wish) for wish in wishes))
    assert not np.array_equal(pixels(tiny, negative_prompt="blue"), pixels(tiny, negative_prompt=""))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_steps_are_reported_as_planned(tiny, name):
    request = dataclasses.replace(REQUEST, scheduler=name, num_images=2)
    seen = []
    list(generate(tiny, request, report=lambda step: seen.append((step.image_index, step.step, step.steps))))
    steps = planned_steps(request, tiny)
    assert seen == [(image, step + 1, steps) for image in range(2) for step in range(steps)]


def test_previews_change_no_pixels(tiny, pixels):
    seen = []
    (image,) = generate(tiny, REQUEST, report=lambda step: seen.append(step.preview()))
    assert {picture.size for picture in seen} == {(64, 64)}
    assert np.array_equal(np.asarray(image.image), pixels(tiny))


def test_cancel_stops_at_the_next_step(tiny, pixels):
    before, seen = pixels(tiny), []
    drawing = generate(
        tiny,
        dataclasses.replace(REQUEST, num_inference_steps=20),
        report=lambda step: seen.append(step.step),
        should_stop=lambda: len(seen) >= 2,
    )
    with pytest.raises(Cancelled, match="step 2 of 20 of image 1"):
        list(drawing)
    assert seen == [1, 2]
    assert np.array_equal(pixels(tiny), before)


def test_cancel_before_the_first_step(tiny):
    with pytest.raises(Cancelled, match="before image 1 of 1"):
        list(generate(tiny, REQUEST, should_stop=lambda: True))


def test_closing_the_iterator_takes_loras_off(tiny, pixels, tmp_path):
    before = pixels(tiny)
    request = dataclasses.replace(REQUEST, num_images=2)
    drawing = generate(tiny, request, [(save_lora(tmp_path / "style.safetensors"), 1.0)])
    next(drawing)
    drawing.close()
    assert np.array_equal(pixels(tiny), before)


def test_two_drawings_at_once_are_stopped_before_they_mix(tiny, draw):
    first = generate(tiny, dataclasses.replace(REQUEST, num_images=2))
    next(first)
    with pytest.raises(RuntimeError, match="is drawing already"):
        draw(tiny)
    first.close()
    assert len(draw(tiny)) == 1


def test_a_request_needs_its_seed(tiny, draw):
    with pytest.raises(ValueError, match="with_seed"):
        draw(tiny, seed=None)


def test_nan_weights_fail_with_an_explanation(copy, cpu, draw):
    change_weights(copy, "unet/diffusion_pytorch_model.safetensors", lambda t: t["conv_out.bias"].fill_(float("nan")))
    with pytest.raises(ImageFailed, match=r"no numbers that make a picture \(seed 11\)"):
        draw(load(tiny_info(copy), cpu))


def test_infinite_pixels_fail_too(copy, cpu, draw):
    change_weights(
        copy, "vae/diffusion_pytorch_model.safetensors", lambda t: t["decoder.conv_out.bias"].fill_(float("inf"))
    )
    with pytest.raises(ImageFailed):
        draw(load(tiny_info(copy), cpu))


def test_a_picture_that_really_is_black_is_kept(copy, cpu, draw):
    def darken(tensors):
        tensors["decoder.conv_out.weight"].zero_()
        tensors["decoder.conv_out.bias"].fill_(-2)

    change_weights(copy, "vae/diffusion_pytorch_model.safetensors", darken)
    (image,) = draw(load(tiny_info(copy), cpu))
    assert image.image.getextrema() == ((0, 0),) * 3
    assert image.notes == (ALL_BLACK,)


def test_half_precision_overflow_is_drawn_again_in_full(copy, draw, cpu):
    """Activations beyond 65504 are infinite in float16; a norm layer brings them back in float32."""

    def amplify(tensors):
        tensors["post_quant_conv.weight"].mul_(6e4)
        tensors["post_quant_conv.bias"].mul_(6e4)

    change_weights(copy, "vae/diffusion_pytorch_model.safetensors", amplify)
    model = load(tiny_info(copy), HALF)
    weights = [tensor.clone() for tensor in model.pipeline.unet.parameters()]
    (image,) = draw(model)
    assert image.notes == (DRAWN_AGAIN,)
    (full,) = draw(load(tiny_info(copy), cpu))
    assert abs(np.asarray(image.image, dtype=int) - np.asarray(full.image)).mean() < 4
    assert model.pipeline.unet.dtype == model.pipeline.vae.dtype == torch.float16
    assert all(torch.equal(a, b) for a, b in zip(weights, model.pipeline.unet.parameters(), strict=True))


def test_half_precision_draws_nearly_the_same(tiny_folder, tiny, pixels):
    half = load(tiny_info(tiny_folder), HALF)
    assert abs(pixels(half).astype(int) - pixels(tiny)).mean() < 8


def test_the_unread_end_of_a_prompt_is_named(tiny, draw):
    # "castle" and "cat" are one token each; 75 fit between start and end.
    prompt = "castle " * 75 + "cat On a Red Mountain"
    (image,) = draw(tiny, prompt=prompt, negative_prompt="blue")
    assert image.notes == ("The end of the prompt was not read: 'cat On a Red Mountain'. Shorten it.",)


def test_a_prompt_that_just_fits_has_no_note(tiny, draw):
    assert draw(tiny, prompt="castle " * 75)[0].notes == ()


def test_a_long_negative_prompt_is_named_too(tiny, draw):
    (image,) = draw(tiny, negative_prompt="cat " * 76)
    assert image.notes == ("The end of the negative prompt was not read: 'cat'. Shorten it.",)


def test_large_pictures_are_decoded_in_tiles(tiny, draw):
    large = dataclasses.replace(REQUEST, width=1280, height=1280)
    with pytest.raises(Cancelled):
        list(generate(tiny, large, should_stop=lambda: True))
    assert tiny.pipeline.vae.use_tiling
    draw(tiny)
    assert not tiny.pipeline.vae.use_tiling
