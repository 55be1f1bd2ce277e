"""The manifest of shipped files: what it names, and that a changed byte is noticed before it draws."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.errors import ModelBroken, ModelUnavailable
from engine.settings import PROJECT, Settings
from engine.studio import Studio
from engine.weights import manifest
from engine.weights.hashes import file_sha256
from engine.weights.models import Catalogue, require_available

WEIGHTS = PROJECT / "weights"
UNET = "mini/unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A studio whose weights folder is a copy of the shipped one, with its manifest."""
    shipped = tmp_path / "weights"
    shutil.copytree(WEIGHTS / "mini", shipped / "mini")
    shutil.copy(WEIGHTS / "manifest.json", shipped)
    return Settings(home=tmp_path / "home", weights_dir=shipped)


def change_a_byte(path: Path, position: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_every_shipped_file_is_named_as_it_is():
    if not (PROJECT / ".git").exists():
        pytest.skip("which files ship is told by git")
    command = ["git", "ls-files", "--", "weights"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    named = manifest.read(WEIGHTS)
    assert set(named) == {name.removeprefix("weights/") for name in listed} - {"manifest.json"}
    for name, file in named.items():
        assert (file.sha256, file.size) == (file_sha256(WEIGHTS / name), (WEIGHTS / name).stat().st_size), name
        assert file.licence
        assert file.source


def test_as_it_shipped_the_model_is_available(settings):
    assert require_available(Catalogue(settings).get("mini"))
    (settings.weights_dir / "mini/README.md").write_text("my notes")
    assert require_available(Catalogue(settings).get("mini"))


@pytest.mark.parametrize("name", [UNET, "mini/unet/config.json", "mini/tokenizer/merges.txt"])
def test_a_changed_byte_is_noticed_and_named(settings, name):
    change_a_byte(settings.weights_dir / name)
    with pytest.raises(ModelUnavailable, match=rf"weights/{name} was changed since it shipped: .* Fetch .* anew"):
        require_available(Catalogue(settings).get("mini"))


def test_both_hashes_are_told(settings):
    was = file_sha256(settings.weights_dir / UNET)
    change_a_byte(settings.weights_dir / UNET)
    (text,) = manifest.damaged(settings.weights_dir, settings.weights_dir / "mini")
    assert was[:12] in text
    assert file_sha256(settings.weights_dir / UNET)[:12] in text


def test_a_change_while_the_studio_runs_is_noticed(settings):
    studio = Studio(settings)
    assert studio.request("text_to_image", {"prompt": "a castle"}).model == "mini"
    change_a_byte(settings.weights_dir / UNET)
    assert "was changed since it shipped" in studio.model("mini").problem
    studio.database.dispose()


def test_missing_files_are_named(settings):
    (settings.weights_dir / "mini/tokenizer/tokenizer_config.json").unlink()
    (settings.weights_dir / UNET).unlink()
    problem = Catalogue(settings).get("mini").problem
    assert f"weights/{UNET} shipped with the studio and is missing" in problem
    assert "weights/mini/tokenizer/tokenizer_config.json shipped with the studio and is missing" in problem


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {"mini/x.json": {"sha256": 1}}}', "\0"])
def test_a_broken_manifest_is_told_and_hides_no_model(settings, text):
    (settings.weights_dir / "manifest.json").write_text(text)
    models = {info.name: info for info in Catalogue(settings).all()}
    assert "weights/manifest.json cannot be read" in models["mini"].problem
    assert models["sd21"].problem == ""


def test_models_that_never_shipped_are_not_checked(settings):
    shutil.copytree(settings.weights_dir / "mini", settings.weights_dir / "mine")
    shutil.copytree(settings.weights_dir / "mini", settings.home / "weights" / "own")
    for folder in (settings.weights_dir / "mine", settings.home / "weights" / "own"):
        change_a_byte(folder / "unet/diffusion_pytorch_model.safetensors")
        assert Catalogue(settings).get(folder.name).available


def test_a_folder_without_a_manifest_is_not_checked(settings):
    (settings.weights_dir / "manifest.json").unlink()
    change_a_byte(settings.weights_dir / UNET)
    assert Catalogue(settings).get("mini").available


def test_the_manifest_is_written_anew_after_a_change_on_purpose(settings):
    before = (settings.weights_dir / "manifest.json").read_text()
    change_a_byte(settings.weights_dir / UNET)
    assert manifest.write(settings.weights_dir) == len(list((settings.weights_dir / "mini").rglob("*.*")))
    assert Catalogue(settings).get("mini").available
    assert json.loads(before)["origins"] == json.loads((settings.weights_dir / "manifest.json").read_text())["origins"]


def test_every_file_needs_a_licence_and_a_source(settings):
    (settings.weights_dir / "styles").mkdir()
    (settings.weights_dir / "styles/new.safetensors").write_bytes(b"x")
    with pytest.raises(ModelBroken, match=r"styles/new\.safetensors needs a licence and a source"):
        manifest.write(settings.weights_dir)
