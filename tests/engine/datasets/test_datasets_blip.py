"""Captions by a tiny BLIP that is loaded like the real one."""

import shutil
import socket
from contextlib import closing

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.datasets.blip import HUB_ID, is_here, load_captioner
from engine.errors import ModelBroken, ModelUnavailable, Offline

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "castle", "on", "hill"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with a tiny BLIP; the beginning of a sentence is no word of its tokenizer, as in the real one."""
    from transformers import BlipConfig, BlipForConditionalGeneration
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder = tmp_path_factory.mktemp("blip")
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    tokens = {"vocab_size": len(WORDS) + 1, "bos_token_id": len(WORDS), "eos_token_id": 2, "sep_token_id": 3}
    config = BlipConfig(
        text_config={**small, **tokens, "max_position_embeddings": 64},
        vision_config={**small, "image_size": 32, "patch_size": 16, "initializer_range": 0.02},
        projection_dim=16,
        image_text_hidden_size=16,
    )
    torch.manual_seed(0)
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


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
    assert is_here(copy)
    (copy / "vocab.txt").unlink()
    assert not is_here(copy)
    with pytest.raises(ModelUnavailable, match=r"about 1 GB.*lacks tokenizer\.json or vocab\.txt\. Copy a folder with"):
        load_captioner(copy)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_without_the_model_it_is_said_at_once_what_to_do(empty_cache):
    assert not is_here()
    with pytest.raises(ModelUnavailable, match=r"not on this machine.*Copy a folder .* Or allow its download"):
        load_captioner()


def test_the_hubs_cache_is_looked_into(tiny, tmp_path, empty_cache):
    revision = "0123456789abcdef0123456789abcdef01234567"
    place = tmp_path / "cache" / f"models--{HUB_ID.replace('/', '--')}"
    shutil.copytree(tiny, place / "snapshots" / revision)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(revision)
    assert is_here()
    assert load_captioner().caption(Image.new("RGB", (90, 70), "red"))


def test_an_allowed_download_that_cannot_be_is_told_at_once(empty_cache, monkeypatch):
    with pytest.raises(Offline, match="HF_HUB_OFFLINE is set"):
        load_captioner(allow_download=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(Offline, match=r"download failed: .*refused.*Try again later"):
            load_captioner(allow_download=True)
