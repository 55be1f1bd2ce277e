"""What computes a drawing: each backend draws the same picture, and says what it did."""

import hashlib
import json
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.computing.keeping import sweep
from engine.computing.names import CannotCompute, compiled_folder, openvino_version, threads
from engine.diffusion.backends.choosing import Backends
from engine.diffusion.backends.names import (
    default_backend,
    is_converted,
    place_of,
    sources,
    why_unfit,
)
from engine.diffusion.backends.seam import Backend
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.request import text_to_image
from engine.diffusion.starting import Start
from engine.diffusion.text_to_image import GeneratedImage, generate
from engine.settings import OPENVINO, TORCH, Settings
from engine.weights.hashes import file_sha256
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info
from tests.tiny_lora import kohya, lora_layers, save_lora

needs_openvino = pytest.mark.skipif(not openvino_version(), reason="OpenVINO is not installed")
NEEDS_IT = ("engine.diffusion.backends.compiled", "engine.diffusion.backends.converting")
LEVELS = 1  # of 255 that pictures of the two may be apart


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def backends(home: Path) -> Backends:
    return Backends(Settings(home=home, device="cpu"))


@pytest.fixture(scope="module")
def guided(tmp_path_factory, cpu) -> LoadedModel:
    """A tiny model that is told the guidance scale."""
    return load(tiny_info(save_tiny_pipeline(tmp_path_factory.mktemp("told") / "lcm", guidance_width=8)), cpu)


def drawn(model: LoadedModel, backend: Backend | None, loras=(), start=None, **changes) -> GeneratedImage:
    return next(generate(model, replace(REQUEST, **changes), loras, start=start, backend=backend))


def kohya_dora(layers, alpha: float) -> dict[str, torch.Tensor]:
    """As `kohya`, with a magnitude for each output."""
    tensors = kohya(layers, alpha)
    ups = {name.removesuffix(".lora_up.weight"): up for name, up in tensors.items() if name.endswith(".lora_up.weight")}
    return tensors | {f"{name}.dora_scale": torch.linspace(0.5, 1.5, len(up))[:, None] for name, up in ups.items()}


def apart(one: GeneratedImage, other: GeneratedImage) -> int:
    return int(np.abs(np.asarray(one.image).astype(int) - np.asarray(other.image)).max())


def weights_hash(model: LoadedModel) -> str:
    digest = hashlib.sha256()
    for part in (model.pipeline.unet, model.pipeline.text_encoder, model.pipeline.vae):
        for tensor in part.state_dict().values():
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture
def openvino(backends: Backends) -> Backend:
    return backends.of(replace(REQUEST, backend=OPENVINO))


@needs_openvino
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scheduler": "Euler a"},
        {"scheduler": "DPM++ 2M Karras"},  # visits fractions of a timestep
        {"guidance_scale": 1.0},  # one pass a step
        {"width": 72, "height": 88},  # latents that do not halve to whole numbers
        {"prompt": "a castle " * 60, "prompt_syntax": "a1111"},  # several chunks of text
        {"variation_strength": 0.3, "variation_seed": 5},
    ],
    ids=str,
)
def test_openvino_draws_what_pytorch_draws(tiny, openvino, changes):
    quick, reference = drawn(tiny, openvino, **changes), drawn(tiny, None, **changes)
    assert (quick.backend, reference.backend) == (OPENVINO, TORCH)
    assert quick.notes == reference.notes
    assert apart(quick, reference) <= LEVELS


@needs_openvino
def test_openvino_draws_the_same_bits_each_time_and_leaves_the_pipeline_as_it_was(tiny, openvino, home):
    before = drawn(tiny, None)
    first = drawn(tiny, openvino)
    alone = list(generate(tiny, replace(REQUEST, seed=REQUEST.seed - 1, num_images=2), backend=openvino))[1]
    again = drawn(tiny, Backends(Settings(home=home)).of(replace(REQUEST, backend=OPENVINO)))
    assert apart(first, alone) == apart(first, again) == 0
    assert apart(drawn(tiny, None), before) == 0


@needs_openvino
def test_openvino_draws_over_a_picture_and_a_part_of_it(tiny, openvino):
    picture = drawn(tiny, None, seed=3).image
    mask = picture.convert("L").point(lambda level: 255 if level > 100 else 0)
    for start in (Start(picture, 0.7), Start(picture, 0.7, mask)):
        assert apart(drawn(tiny, openvino, start=start), drawn(tiny, None, start=start)) <= LEVELS


@needs_openvino
def test_a_model_that_is_told_the_guidance_scale(guided, openvino):
    told = {"guidance_scale": 8.0, "scheduler": "LCM"}
    assert apart(drawn(guided, openvino, **told), drawn(guided, None, **told)) <= LEVELS
    assert apart(drawn(guided, openvino, **told), drawn(guided, openvino, **told | {"guidance_scale": 2.0})) > LEVELS


@pytest.mark.parametrize("name", [TORCH, pytest.param(OPENVINO, marks=needs_openvino)])
def test_merged_loras_draw_what_loras_beside_the_weights_draw_and_come_off_exactly(tiny, backends, tmp_path, name):
    loras = [
        (save_lora(tmp_path / "one.safetensors"), 0.8),
        (save_lora(tmp_path / "two.safetensors", layers=lora_layers(seed=1)), -0.5),
    ]
    backend = backends.of(replace(REQUEST, backend=name))
    before, base = weights_hash(tiny), drawn(tiny, backend)
    for chosen in (loras[:1], loras, loras[1:]):
        merged, beside = drawn(tiny, backend, chosen, loras_merged=True), drawn(tiny, None, chosen)
        assert merged.backend == name
        assert apart(merged, beside) <= LEVELS < apart(merged, base)
        assert weights_hash(tiny) == before
    assert apart(drawn(tiny, backend), base) == 0


def test_weights_come_back_after_an_error_inside(tiny, tmp_path):
    def fail(step):
        raise ZeroDivisionError

    before = weights_hash(tiny)
    request = replace(REQUEST, loras_merged=True)
    with pytest.raises(ZeroDivisionError):
        next(generate(tiny, request, [(save_lora(tmp_path / "one.safetensors"), 1.0)], report=fail))
    assert weights_hash(tiny) == before


@needs_openvino
def test_loras_that_cannot_be_merged_are_drawn_by_pytorch_and_it_is_said(tiny, openvino, tmp_path):
    dora = save_lora(tmp_path / "dora.safetensors", kohya_dora)
    plain = save_lora(tmp_path / "plain.safetensors", layers=lora_layers(seed=1))
    alone = drawn(tiny, openvino, [(dora, 1.0)], loras_merged=True)
    assert (alone.backend, alone.notes) == (OPENVINO, ())
    assert apart(alone, drawn(tiny, None, [(dora, 1.0)])) <= LEVELS
    both = [(dora, 1.0), (plain, 1.0)]
    together = drawn(tiny, openvino, both, loras_merged=True)
    assert together.backend == TORCH
    assert "cannot be added to the weights" in together.notes[-1]
    assert apart(together, drawn(tiny, None, both)) == 0


class Failing:
    """A backend that gives up, at the beginning or at a step."""

    name = OPENVINO

    def __init__(self, at_once: bool):
        self.at_once = at_once

    def engaged(self, model, request, worn):
        from contextlib import contextmanager

        def fail(*args, **kwargs):
            raise CannotCompute("a disk is full.")

        @contextmanager
        def engage():
            if self.at_once:
                fail()
            model.pipeline.unet.forward = fail
            try:
                yield
            finally:
                del model.pipeline.unet.forward

        return engage()


@pytest.mark.parametrize("at_once", [True, False])
def test_pytorch_goes_on_where_a_backend_cannot(tiny, at_once):
    request = replace(REQUEST, num_images=2)
    images = list(generate(tiny, request, backend=Failing(at_once)))
    assert [image.backend for image in images] == [TORCH, TORCH]
    assert all("PyTorch drew this, because OpenVINO could not: a disk is full." in image.notes for image in images)
    assert [apart(image, other) for image, other in zip(images, generate(tiny, request), strict=True)] == [0, 0]


def test_a_request_that_does_not_say_means_pytorch_with_loras_beside():
    values = REQUEST.to_dict()
    assert not {"backend", "loras_merged"} & values.keys()
    request = text_to_image(values)
    assert (request.backend, request.loras_merged) == (TORCH, False)
    told = replace(request, backend=OPENVINO, loras_merged=True)
    assert text_to_image(told.to_dict()) == told


@needs_openvino
def test_openvino_is_the_default_once_a_model_is_ready(tiny, backends, home):
    settings = Settings(home=home)
    drawn(tiny, backends.of(replace(REQUEST, backend=OPENVINO)))
    assert is_converted(home, tiny.info)
    assert default_backend(settings, tiny.info, accelerated=False) == OPENVINO
    assert default_backend(settings, tiny.info, accelerated=True) == TORCH
    assert default_backend(replace(settings, backend=TORCH), tiny.info, accelerated=False) == TORCH
    other = replace(settings, home=home / "other")
    assert default_backend(other, tiny.info, accelerated=False) == TORCH
    assert default_backend(replace(other, backend=OPENVINO), tiny.info, accelerated=False) == OPENVINO


@needs_openvino
def test_a_model_that_computes_something_else_is_not_tried_again(tiny, tmp_path, cpu):
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    hashes = [file_sha256(path, settings.home / "hashes.json") for path in sources(tiny.info)]
    place = place_of(settings.home, tiny.info, hashes)
    place.mkdir(parents=True)
    (place / "about.json").write_text(json.dumps({"openvino": openvino_version(), "unfit": "it differs."}))
    model = replace(tiny, compiled={})
    image = drawn(model, Backends(settings).of(replace(REQUEST, backend=OPENVINO)))
    assert image.notes == ("PyTorch drew this, because OpenVINO could not: it differs.",)
    assert not is_converted(settings.home, tiny.info)


@needs_openvino
def test_a_full_disk_is_said(tiny, tmp_path):
    model = replace(tiny, compiled={})
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    (settings.home / "compiled").write_text("in the way")
    image = drawn(model, Backends(settings).of(replace(REQUEST, backend=OPENVINO)))
    assert image.backend == TORCH
    assert "because OpenVINO could not" in image.notes[0]
    assert compiled_folder(settings.home).read_text() == "in the way"


@needs_openvino
def test_a_disk_that_was_full_is_tried_again(tiny, tmp_path):
    model, settings = replace(tiny, compiled={}), Settings(home=tmp_path)
    backend = Backends(settings).of(replace(REQUEST, backend=OPENVINO))
    hashes = [file_sha256(path, tmp_path / "hashes.json") for path in sources(tiny.info)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))
    try:
        assert drawn(model, backend).backend == TORCH
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert why_unfit(place_of(tmp_path, tiny.info, hashes)) is None


@needs_openvino
def test_another_precision_is_left_to_pytorch(tiny, openvino, cpu):
    half = replace(tiny, device=replace(cpu, dtype=torch.bfloat16), compiled={})
    with pytest.raises(CannotCompute, match="float32"):
        openvino.engaged(half, REQUEST, None).__enter__()


def test_an_openvino_that_does_not_start_leaves_the_drawing_to_pytorch(tiny, tmp_path, monkeypatch):
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text('raise ImportError("libtbb.so.12 is missing")')
    (tmp_path / "openvino-1.dist-info").mkdir()
    (tmp_path / "openvino-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: openvino\nVersion: 1\n")
    for name in [name for name in sys.modules if name.split(".")[0] == "openvino" or name in NEEDS_IT]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    openvino_version.cache_clear()
    try:
        backends = Backends(Settings(home=tmp_path, device="cpu"))
        image = drawn(tiny, backends.of(replace(REQUEST, backend=OPENVINO)))
    finally:
        openvino_version.cache_clear()
    assert image.backend == TORCH
    assert "libtbb.so.12 is missing" in image.notes[0]


def test_what_another_worker_is_converting_is_not_swept_away(tmp_path):
    begun, abandoned, old = (compiled_folder(tmp_path) / name for name in (".making-a", ".making-b", "0123"))
    for folder in (begun, abandoned, old):
        folder.mkdir(parents=True)
    os.utime(abandoned, (0, 0))
    sweep(tmp_path)
    assert [folder.is_dir() for folder in (begun, abandoned, old)] == [True, False, False]


@pytest.mark.parametrize(("said", "count"), [("3", 3), ("2,4", 2), ("", None), ("0", None), ("many", None)])
def test_openvino_takes_all_cores_or_as_many_as_one_says(monkeypatch, said, count):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == count if count else 1 <= threads() <= os.cpu_count()
