"""Models that the artist adds: looked up on the hub, found in its cache, and removed again."""

import json
import os
import shutil
import socket

import pytest
from filelock import FileLock

from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, NotFound, StudioBusy
from engine.weights.models import Catalogue


@pytest.fixture
def catalogue(settings):
    return Catalogue(settings)


def test_a_hub_id_is_looked_up_before_it_is_remembered(catalogue, settings, hub, save_model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    place = f"/api/models/{hub.hub_id}"
    hub.holds(save_model(tmp_path / "served"))
    hub.statuses[place] = [(401, "GatedRepo")]
    whole = dict(hub.files)
    for source, error, text in (
        ("studio/mispelt", NotFound, r"no public model 'studio/mispelt'"),
        (hub.hub_id, ModelUnavailable, r"accept its conditions"),
    ):
        with pytest.raises(error, match=text):
            catalogue.add(source)
    hub.files = {"README.md": b"a dataset"}
    with pytest.raises(ModelBroken, match=r"diffusers layout; it lacks model_index\.json"):
        catalogue.add(hub.hub_id)
    assert not (settings.home / "weights/models.json").exists()

    hub.files = whole
    added = catalogue.add(f"https://huggingface.co/{hub.hub_id}")
    assert (added.name, added.note, added.added) == ("tiny", "", True)
    assert added.size_bytes == sum(map(len, whole.values()))
    assert not hub.ranges("unet/config.json")


def test_without_a_network_it_is_remembered_and_said(catalogue, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        added = catalogue.add("someone/else")
    assert "Added without a look at the hub" in added.note
    assert "cannot be reached" in added.note
    assert catalogue.get("else").note == ""
    catalogue.remove("else")
    assert [info.name for info in catalogue.all()] == ["sd21"]


def test_parts_of_different_precision_are_one_model(catalogue, hub, save_model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    hub.holds(save_model(tmp_path / "served"))
    plain, half = (f"vae/diffusion_pytorch_model{variant}.safetensors" for variant in ("", ".fp16"))
    hub.files[half] = hub.files.pop(plain)
    added = catalogue.add(hub.hub_id)
    assert added.size_bytes == sum(map(len, hub.files.values()))


def test_downloaded_files_go_only_when_told_so(catalogue, settings, save_model, tmp_path):
    weights = settings.home / "weights"
    folder = save_model(weights / "tiny")
    (weights / "tiny.partial").mkdir()
    catalogue.add("studio/tiny")
    catalogue.remove("tiny")
    assert (catalogue.get("tiny").available, catalogue.get("tiny").added) == (True, False)

    catalogue.add("studio/tiny")
    lock = FileLock(weights / ".tiny.partial.lock")
    with lock, pytest.raises(StudioBusy, match="being downloaded"):
        catalogue.remove("tiny", delete_files=True)
    assert catalogue.get("tiny").added
    catalogue.remove("tiny", delete_files=True)
    assert not folder.exists()
    assert not (weights / "tiny.partial").exists()
    assert [info.name for info in catalogue.all()] == ["sd21"]

    own = save_model(tmp_path / "own")
    catalogue.add(str(own))
    with pytest.raises(InvalidRequest, match=r"Only files that the studio fetched .*own is yours"):
        catalogue.remove("own", delete_files=True)
    assert own.is_dir()
    assert catalogue.get("own").added


# -- the hub's cache

OLD, NEW = "0" * 40, "1" * 40


@pytest.fixture
def cached(save_model, tmp_path):
    """A model as the hub's own tools cache it: links into `blobs`, and a second, later commit that is not main."""
    top = tmp_path / "hub" / "models--some-org--My--Model"
    for commit in (OLD, NEW):
        folder = save_model(top / "snapshots" / commit)
        for path in sorted(folder.rglob("*.*")):
            blob = top / "blobs" / f"{commit[0]}-{path.parent.name}-{path.name}"
            blob.parent.mkdir(exist_ok=True)
            shutil.move(path, blob)
            path.symlink_to(os.path.relpath(blob, path.parent))
    (top / "refs").mkdir()
    (top / "refs/main").write_text(OLD)
    return top


@pytest.mark.parametrize("below", ["", "snapshots", f"snapshots/{OLD}"])
def test_a_cached_model_is_added_by_any_of_its_folders(catalogue, cached, below):
    added = catalogue.add(str(cached / below))
    assert (added.name, added.available) == ("My--Model", True)
    assert added.path == cached / "snapshots" / OLD


def test_a_cached_model_follows_main_and_does_without_it(catalogue, cached):
    catalogue.add(str(cached))
    (cached / "refs/main").write_text(f"{NEW}\n")
    assert catalogue.get("My--Model").path.name == NEW
    (cached / "refs/main").unlink()
    assert catalogue.get("My--Model").available


def test_the_cache_itself_is_answered_with_a_hint(catalogue, cached):
    with pytest.raises(ModelBroken, match=r"cache of the model hub: .*models--some-org--My--Model"):
        catalogue.add(str(cached.parent))
    with pytest.raises(ModelBroken, match=f"Add .*{OLD} instead"):
        catalogue.add(str(cached / "snapshots" / OLD / "unet"))
    shutil.rmtree(cached / "snapshots")
    with pytest.raises(ModelBroken, match="no whole model lies under its snapshots"):
        catalogue.add(str(cached))


def test_a_cached_model_copied_into_the_weights_folder_is_listed(catalogue, settings, cached):
    shutil.copytree(cached, settings.home / "weights" / cached.name, symlinks=True)
    assert catalogue.get("My--Model").available
    shutil.rmtree(settings.home / "weights" / cached.name / "blobs")
    assert "My--Model" not in {info.name for info in catalogue.all()}


def test_a_pointer_with_a_wrong_size_is_read_without_it(catalogue, settings):
    for size in (-1, "1", 2**60, None, True):
        (settings.home / "weights").mkdir(parents=True, exist_ok=True)
        pointers = {"x": {"hub_id": "a/b", "size_bytes": size}}
        (settings.home / "weights/models.json").write_text(json.dumps(pointers))
        assert catalogue.get("x").size_bytes == 0


def test_two_cached_models_of_one_name_are_both_listed_by_their_owners(catalogue, settings, save_model):
    own = settings.home / "weights"
    folders = {owner: save_model(own / f"models--{owner}--x/snapshots/{OLD}") for owner in ("orga", "orgb")}
    save_model(own / f"models--orgc--alone/snapshots/{OLD}")
    found = {info.name: info for info in catalogue.all()}
    assert {found[f"{owner}-x"].path for owner in folders} == set(folders.values())
    assert found["alone"].available
    with pytest.raises(NotFound):
        catalogue.get("x")
