"""The list of translators: what is there, what is broken and why, without torch."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from engine.errors import ModelBroken, NotFound
from engine.kept_photos import PhotoRef
from engine.settings import Settings
from engine.translation.catalogue import (
    ARCHITECTURES,
    ORIGINS,
    PAINTER,
    SHIPPED,
    Sidecar,
    origin_of,
    own_folder,
    read_sidecar,
    translator,
    translators,
)
from engine.translation.checkpoints import load_translator, save_translator
from engine.translation.published import BUILDERS, OWN, build
from engine.translation.request import Translate


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path / "home", weights_dir=tmp_path / "weights")


def save(path: Path, **changes) -> Path:
    """A tiny NijiGAN with its sidecar."""
    values = {
        "architecture": "nijigan",
        "settings": {"width": 2, "blocks": 1},
        "title": "NijiGAN",
        "native_size": 256,
        "channel_order": "rgb",
        "licence": "MIT",
        "non_commercial": False,
        "source": "trained for the studio",
        "source_sha256": "",
        "sha256": "",
    }
    model = build("nijigan", values["settings"])
    save_translator(path, model.state_dict(), Sidecar(**{**values, **changes}))
    return path


def test_what_needs_no_weights_is_always_there(settings):
    assert [(known.name, known.path, known.problem) for known in translators(settings)] == [
        ("painter", None, ""),
        ("classical", None, ""),
        ("neural-style", None, ""),
    ]


def test_shipped_and_imported_translators_are_listed(settings):
    shipped = save(settings.weights_dir / "nijigan" / "model.safetensors")
    own = save(own_folder(settings) / "hills.safetensors", title="Hills")
    found = {known.name: known for known in translators(settings)}
    assert list(found) == ["painter", "classical", "nijigan", "hills", "neural-style"]
    assert (found["nijigan"].path, found["hills"].path) == (shipped, own)
    assert (found["hills"].title, found["hills"].size_multiple, found["hills"].min_size) == ("Hills", 4, 16)
    assert load_translator(translator(settings, "nijigan")).nfe == 0


def test_an_unknown_name_is_answered_with_the_known_ones(settings):
    with pytest.raises(NotFound, match=r"no translator named 'hills'; known are: painter, classical, neural-style\."):
        translator(settings, "hills")


def test_the_sidecar_is_read_as_it_was_written(tmp_path):
    path = save(tmp_path / "a.safetensors")
    sidecar = read_sidecar(path)
    assert asdict(sidecar) == json.loads(path.with_suffix(".json").read_text())
    assert sidecar.settings == {"width": 2, "blocks": 1}


def test_broken_translators_are_listed_with_the_reason(settings):
    folder = own_folder(settings)
    save(folder / "alone.safetensors").with_suffix(".json").unlink()
    save(folder / "other.safetensors", architecture="pix2pix", native_size=-1)
    (folder / "text.safetensors").touch()
    (folder / "text.json").write_text("[]")
    problems = {known.name: known.problem for known in translators(settings) if known.problem}
    assert list(problems) == ["alone", "other", "text"]
    assert problems["alone"].startswith("alone.json beside alone.safetensors cannot be read: No such file")
    assert problems["other"] == (
        "other.json must describe other.safetensors; got architecture 'pix2pix', native_size '-1'. "
        "Import its original file again."
    )
    assert "a JSON list in place of an object" in problems["text"]


def test_a_shipped_translator_that_changed_is_not_used(settings):
    path = save(settings.weights_dir / "nijigan" / "model.safetensors")
    facts = {"sha256": "0" * 64, "size": 1, "licence": "MIT", "source": ""}
    manifest = {"files": {"nijigan/model.safetensors": facts}}
    (settings.weights_dir / "manifest.json").write_text(json.dumps(manifest))
    found = translators(settings)[2]
    assert (found.name, found.path) == ("nijigan", path)
    assert "was changed since it shipped" in found.problem


@pytest.mark.parametrize("file", ["", "[1]", '{"architecture": "cut"}'])
def test_a_sidecar_that_is_none_is_refused(file, tmp_path):
    (tmp_path / "a.json").write_text(file)
    with pytest.raises(ModelBroken, match=r"a\.json .*Import its original file again"):
        read_sidecar(tmp_path / "a.safetensors")


def test_every_architecture_can_be_built_and_has_an_origin_for_any_file():
    assert list(ARCHITECTURES) == [*BUILDERS, *OWN]
    for architecture in BUILDERS:
        assert origin_of(architecture, "any.pth") is [o for o in ORIGINS if o.architecture == architecture][-1]
    assert origin_of("animegan2", "face_paint_512_v1.pt").native_size == 512
    assert origin_of("animegan2", "celeba_distill.pt").native_size == 256


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["nijigan", "cut", "cyclegan"])
def test_the_smallest_photo_can_be_translated(architecture):
    side = ARCHITECTURES[architecture].min_size
    assert build(architecture, {"width": 2, "blocks": 1})(torch.zeros(1, 3, side, side)).shape == (1, 3, side, side)


def test_the_default_is_the_painter_also_beside_the_weights_that_ship(tmp_path):
    known = [each.name for each in translators(Settings(home=tmp_path)) if not each.problem]
    assert known == ["painter", "classical", SHIPPED, "neural-style"]
    assert Translate(photos=(PhotoRef("0" * 64, "a.png"),)).translator == PAINTER == "painter"
