"""Captions by a tiny BLIP that is loaded like the real one."""

import shutil

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.captioning.blip import load_captioner
from engine.errors import ModelBroken, ModelUnavailable
from engine.metrics.published.catalogue import BLIP_HUB_ID, BLIP_REVISION, captioner, network_named
from tests.tiny_blip import WORDS, save_blip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "blip")


def test_pictures_of_every_mode_get_captions_of_the_models_words(tiny):
    captioner = load_captioner(tiny)
    captions = [captioner.caption(Image.new("RGB", (90, 70), colour)) for colour in ("red", "red", "blue")]
    assert captions[0] == captions[1] != captions[2]
    assert set(" ".join(captions).split()) <= set(WORDS[5:])
    assert captioner.caption(Image.new("RGBA", (90, 70), (0, 0, 0, 0))) == captioner.caption(
        Image.new("L", (90, 70), 255)
    )


def test_published_weights_are_read_as_tensors(tiny, copy):
    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(tensors, copy / "pytorch_model.bin")
    image = Image.new("RGB", (90, 70), "red")
    assert load_captioner(copy).caption(image) == load_captioner(tiny).caption(image)


def test_a_pickle_with_code_is_not_run(copy, tmp_path):
    (copy / "model.safetensors").unlink()
    torch.save({"weight": torch.zeros(1), "code": Harm(tmp_path / "harm")}, copy / "pytorch_model.bin")
    with pytest.raises(ModelBroken, match="cannot be read as BLIP"):
        load_captioner(copy)
    assert not (tmp_path / "harm").exists()


class Harm:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_missing_tensors_are_not_made_up(copy):
    tensors = load_file(copy / "model.safetensors")
    lost = next(name for name in tensors if name.startswith("vision_model"))
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, copy / "model.safetensors")
    with pytest.raises(ModelBroken, match=f"lacks 1 tensors, such as {lost}"):
        load_captioner(copy)


def test_a_folder_without_its_files_is_told(copy):
    (copy / "vocab.txt").unlink()
    with pytest.raises(ModelUnavailable, match=r"lacks tokenizer\.json or vocab\.txt\. .*about 1 GB"):
        load_captioner(copy)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_without_the_model_it_is_said_at_once_what_to_do(empty):
    assert not captioner().available
    with pytest.raises(ModelUnavailable, match=r"BSD-3.*not on this machine\. Download it .*fetch-network blip"):
        load_captioner()


def test_it_is_found_where_it_is_brought_to(tiny, empty):
    shutil.copytree(tiny, network_named("blip").place)
    assert captioner().available
    assert load_captioner().caption(Image.new("RGB", (90, 70), "red"))


def test_the_hubs_cache_is_looked_into_at_the_revision_that_is_fetched(tiny, tmp_path, empty):
    other = "0123456789abcdef0123456789abcdef01234567"
    place = tmp_path / "cache" / f"models--{BLIP_HUB_ID.replace('/', '--')}"
    shutil.copytree(tiny, place / "snapshots" / other)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(other)
    assert not captioner().available
    (place / "snapshots" / other).rename(place / "snapshots" / BLIP_REVISION)
    assert captioner().available
    assert load_captioner().caption(Image.new("RGB", (90, 70), "red"))
