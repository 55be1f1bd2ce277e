"""The upscaler that ships, computed by OpenVINO: the same pixels, PyTorch where that fails, recipes that say which."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.computing.names import openvino_version, threads
from engine.device import choose
from engine.reproducing.comparing import differences
from engine.settings import OPENVINO, TORCH, Settings
from engine.studio import Studio
from engine.upscaling.catalogue import upscaler
from engine.upscaling.job import Upscaling
from engine.upscaling.loading import LoadedUpscaler
from engine.upscaling.quick import Quick
from engine.upscaling.request import DEFAULT_UPSCALER, Upscale
from engine.upscaling.running import enlarged
from engine.worker import device_place
from tests.engine.upscaling.test_upscaling import photo_file
from tests.tiny_upscaler import tiny_compact

pytestmark = pytest.mark.skipif(not openvino_version(), reason="OpenVINO is not installed")


def loaded(studio: Studio, backend: str = "") -> LoadedUpscaler:
    return LoadedUpscaler(upscaler(studio.settings, DEFAULT_UPSCALER), choose("cpu"), backend)


@pytest.mark.parametrize("size", [(1, 1), (30, 47), (300, 20)])
def test_both_engines_make_the_same_pixels(studio: Studio, size: tuple[int, int]) -> None:
    small = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    quick, plain = loaded(studio), loaded(studio, TORCH)
    assert (quick.backend, plain.backend) == (OPENVINO, TORCH)
    apart = enlarged(quick, small, 4).astype(int) - enlarged(plain, small, 4)
    assert np.abs(apart).max() <= 1


def test_where_openvino_fails_pytorch_goes_on() -> None:
    model = tiny_compact()
    quick = Quick(model)
    wrong = torch.rand(2, 3, 8, 8)  # two pictures, which the converted network does not take
    assert torch.equal(quick(wrong), model(wrong))
    assert quick.failed


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Of a studio that takes OpenVINO where it can."""
    return replace(settings, backend="")


def test_the_recipe_says_what_computed_it(studio: Studio, work: Callable[[], None]) -> None:
    job = studio.submit(Upscale(photos=(studio.add_photo(photo_file(), "a.png"),), factor=4))
    work()
    (picture,) = studio.gallery.of_job(job.id)
    assert picture.recipe.model["computed_by"] == "OpenVINO"
    assert picture.recipe.software["openvino"] == openvino_version()
    assert picture.recipe.environment["threads"] == threads()
    now = {"model": dict(picture.recipe.model)}
    then = {"model": {name: value for name, value in now["model"].items() if name != "computed_by"}}
    (difference,) = differences(then, now)
    assert (difference.what, difference.then) == ("the upscaler's engine", "PyTorch")


@pytest.mark.parametrize(("backend", "title"), [(TORCH, "PyTorch"), (OPENVINO, "OpenVINO")])
def test_what_draws_also_enlarges(studio: Studio, work: Callable[[], None], backend: str, title: str) -> None:
    asked = {"prompt": "a castle", "seed": 3, "num_inference_steps": 1, "width": 64, "height": 64, "enlarged": 2}
    job = studio.submit(studio.request("text_to_image", {**asked, "backend": backend}))
    work()
    (picture,) = studio.gallery.of_job(job.id)
    assert picture.recipe.model["enlarged_by"]["computed_by"] == title


def test_a_recipe_says_what_went_on_where_openvino_failed(studio: Studio) -> None:
    place, _ = device_place(studio.settings, studio.queue, studio.database)
    upscaling = place.one(Upscaling)
    enlarger = upscaling.enlarger(None)
    assert enlarger.facts()["computed_by"] == "OpenVINO"
    (model,) = upscaling._warm.values()
    model.network.ask(torch.rand(2, 3, 8, 8))  # two pictures, which the converted network does not take
    assert enlarger.facts()["computed_by"] == "PyTorch"
