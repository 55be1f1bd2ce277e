"""Generators that OpenVINO computes: the same pictures whole and in tiles, and recipes that say so."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from engine.computing.keeping import keep
from engine.computing.names import (
    DIED,
    MOST_TRIES,
    CannotCompute,
    compiled_folder,
    openvino_version,
    why_unfit,
)
from engine.device import Device, choose
from engine.errors import InvalidRequest
from engine.images import to_pil
from engine.jobs.schema import SUCCEEDED
from engine.reproducing.admission import of_picture
from engine.settings import OPENVINO, TORCH, Settings
from engine.translation.backends.choosing import Quick
from engine.translation.backends.names import FILES, default_backend, is_ready, place_of
from engine.translation.catalogue import Sidecar, Translator, describe, own_folder, translator
from engine.translation.checkpoints import save_translator
from engine.translation.networks.norms import InstanceNorm
from engine.translation.published import build
from engine.translation.request import Translate, translate
from engine.translation.running import LoadedTranslator

pytestmark = pytest.mark.skipif(not openvino_version(), reason="OpenVINO is not installed")
TINY = {
    "nijigan": {"width": 4, "blocks": 2, "solver": {"method": "euler", "steps": 1}, "refinement": {"radius": 3}},
    "cut": {"width": 4, "blocks": 1},
    "cyclegan": {"width": 4, "blocks": 1, "affine": True},
}
APART = 5e-3  # of pixels in [-1, 1]; a level of 255 is 8e-3


def tiny(folder: Path, architecture: str, **changes: object) -> Translator:
    """A generator with random weights that draws something."""
    torch.manual_seed(0)
    settings = {**TINY[architecture], **changes}
    model = build(architecture, settings)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter, 0.3)
    sidecar = Sidecar(
        architecture=architecture,
        settings=settings,
        title="Tiny",
        native_size=256,
        channel_order="rgb",
        licence="MIT",
        non_commercial=False,
        source="a test",
        source_sha256="",
        sha256="",
    )
    save_translator(folder / "tiny.safetensors", model.state_dict(), sidecar)
    return describe("tiny", folder / "tiny.safetensors")


@pytest.fixture(scope="module")
def cpu() -> Device:
    return choose("cpu")


def photo(height: int, width: int) -> torch.Tensor:
    noise = torch.rand((1, 3, 5, 7), generator=torch.Generator().manual_seed(0)) * 2 - 1
    return F.interpolate(noise, (height, width), mode="bicubic").clamp(-1, 1)


@pytest.mark.parametrize("architecture", TINY)
def test_a_whole_photo_is_the_same(architecture: str, tmp_path: Path, cpu) -> None:
    loaded = LoadedTranslator(tiny(tmp_path, architecture), cpu)
    usual = loaded(photo(90, 131))
    loaded.quick = Quick(Settings(home=tmp_path, device="cpu"), cpu).of(loaded.info, loaded.generator())
    quick = loaded(photo(90, 131))
    assert usual.std() > 0.05
    assert not loaded.quick.failed
    assert 0 < (quick - usual).abs().max() < APART
    assert torch.equal(loaded(photo(90, 131)), quick)


@pytest.mark.parametrize("over", ["channel", "picture"])
def test_norms_are_the_same_in_a_trace(over) -> None:
    norm, x = InstanceNorm(over), photo(20, 28)
    torch.testing.assert_close(torch.jit.trace(norm, (x,), check_trace=False)(x), norm(x), rtol=1e-4, atol=1e-4)


def test_tiles_are_the_same(tmp_path: Path, cpu) -> None:
    loaded = LoadedTranslator(tiny(tmp_path, "nijigan"), cpu)
    large = photo(1210, 1300)  # above 1.5 megapixels
    usual = loaded(large)
    loaded.quick = Quick(Settings(home=tmp_path, device="cpu"), cpu).of(loaded.info, loaded.generator())
    quick = loaded(large)
    assert not loaded.quick.failed
    assert 0 < (quick - usual).abs().max() < APART
    assert loaded.nfe == 2


def test_a_failure_meanwhile_leaves_the_photo_to_pytorch(tmp_path: Path, cpu) -> None:
    loaded = LoadedTranslator(tiny(tmp_path, "cut"), cpu)
    usual = loaded(photo(64, 64))
    loaded.quick = Quick(Settings(home=tmp_path, device="cpu"), cpu).of(loaded.info, loaded.generator())
    loaded.quick._graphs.clear()  # as nothing that is compiled
    assert torch.equal(loaded(photo(64, 64)), usual)
    assert loaded.quick.failed


def test_what_chooses_its_steps_or_needs_a_style_is_left_to_pytorch(tmp_path: Path, cpu) -> None:
    quick = Quick(settings := Settings(home=tmp_path, device="cpu"), cpu)
    loaded = LoadedTranslator(tiny(tmp_path, "nijigan", solver={"method": "dopri5"}), cpu)
    with pytest.raises(CannotCompute, match="fixed number of steps"):
        quick.of(loaded.info, loaded.generator())
    with pytest.raises(CannotCompute, match="a photo alone"):
        quick.of(translator(settings, "painter"), None)


def test_the_default_is_openvino_unless_the_settings_say_otherwise(tmp_path: Path, cpu) -> None:
    settings = Settings(home=tmp_path, device="cpu")
    info = tiny(tmp_path, "cut")
    assert default_backend(settings, info, None, False) == OPENVINO
    assert default_backend(replace(settings, backend=TORCH), info, None, False) == TORCH
    choosing = tiny(tmp_path / "choosing", "nijigan", solver={"method": "dopri5"})
    for others in ((info, "euler", False), (info, None, True), (None, None, False), (choosing, None, False)):
        assert default_backend(settings, *others) == TORCH


def test_what_ends_the_program_is_not_tried_for_ever(tmp_path: Path) -> None:
    place = tmp_path / "compiled" / "0123456789abcdef"

    class Ended(BaseException):
        """As a program that ends: nothing is written afterwards."""

    def end(folder: Path) -> None:
        raise Ended

    for number in range(MOST_TRIES):
        assert why_unfit(place, FILES) is None, number
        with pytest.raises(Ended):
            keep(place, "Tiny", 0, end)
    assert why_unfit(place, FILES) == DIED
    keep(place, "Tiny", 0, lambda folder: [(folder / name).touch() for name in FILES])
    assert why_unfit(place, FILES) == ""


def test_a_recipe_says_what_computed_it_and_the_same_computes_it_again(studio, work) -> None:
    tiny(own_folder(studio.settings), "nijigan")
    kept = studio.add_photo(png(), "a.png")
    asked = {"photos": [kept], "translator": "tiny"}
    info = next(each for each in studio.translators() if each.name == "tiny")
    assert not is_ready(studio.settings.home, info)
    quick, usual = (made(studio, work, {**asked, "backend": name}) for name in (OPENVINO, TORCH))
    assert is_ready(studio.settings.home, info)
    assert quick.recipe.request["backend"] == OPENVINO
    assert quick.recipe.environment["backend"] == "OpenVINO"
    assert quick.recipe.software["openvino"] == openvino_version()
    assert quick.recipe.model["nfe"] == usual.recipe.model["nfe"] == 2
    assert "backend" not in {**usual.recipe.request, **usual.recipe.environment}
    assert translate(usual.recipe.request).backend == TORCH
    again = made(studio, work, of_picture(studio.gallery, studio.kinds, quick.id).asked.to_dict())
    assert np.array_equal(pixels(studio, again.id), pixels(studio, quick.id))

    (about,) = compiled_folder(studio.settings.home).glob("*/about.json")
    about.write_text(json.dumps({"unfit": "it differs."}))
    kept_warm = made(studio, work, {**asked, "backend": OPENVINO})
    assert kept_warm.recipe.request["backend"] == OPENVINO
    other = tiny(own_folder(studio.settings), "nijigan", blocks=1)
    place_of(studio.settings.home, other).mkdir()
    (place_of(studio.settings.home, other) / "about.json").write_text(json.dumps({"unfit": "it differs."}))
    fallen = made(studio, work, {**asked, "backend": OPENVINO})
    assert "backend" not in fallen.recipe.request
    assert fallen.recipe.notes == ("PyTorch computed this, because OpenVINO could not: it differs.",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"translator": "painter"}, "OpenVINO cannot compute Painter"),
        ({"translator": "tiny", "solver": "rk4"}, "own solver"),
        ({"translator": "tiny", "backend": "onnx"}, "onnx"),
    ],
)
def test_what_cannot_be_is_said_before(studio, values: dict[str, str], words: str) -> None:
    tiny(own_folder(studio.settings), "nijigan")
    kept = studio.add_photo(png(), "a.png")
    with pytest.raises(InvalidRequest, match=words):
        studio.request(Translate.kind, {"photos": [kept], "backend": OPENVINO, **values})


def png() -> bytes:
    stream = io.BytesIO()
    (picture,) = to_pil(photo(34, 50))
    picture.save(stream, "PNG")
    return stream.getvalue()


def pixels(studio, image_id: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(studio.gallery.png(image_id))))


def made(studio, work, values):
    job = studio.submit(studio.request(Translate.kind, values))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    return studio.gallery.of_job(job.id)[0]
