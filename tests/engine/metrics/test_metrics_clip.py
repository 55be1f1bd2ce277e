"""CLIP through the real loader, with a tiny one of random weights."""

import json
import shutil

import pytest
import torch
from huggingface_hub import constants
from transformers import CLIPConfig, CLIPModel

from engine.errors import ModelBroken, ModelUnavailable, Offline
from engine.metrics.clip import HUB_ID, MEAN, OTHER_NAME, STD, clip_score, load_clip
from engine.metrics.published.catalogue import CLIP_TEXTS as TEXTS
from engine.metrics.published.fetching import Access
from tests.tiny import save_tiny_tokenizer

SIZE, WIDTH, LENGTH = 32, 16, 24
TOWER = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_tiny_clip(folder, safe=True):
    """A CLIP of about 20,000 weights in the hub's layout."""
    tokenizer = save_tiny_tokenizer(folder)
    text = TOWER | {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH}
    text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    vision = TOWER | {"image_size": SIZE, "patch_size": 8}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CLIPModel(config)
    model.save_pretrained(folder)
    if not safe:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return model.eval()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    return folder, save_tiny_clip(folder)


@pytest.fixture(scope="module")
def pixels():
    return torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def empty_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@torch.no_grad()
def test_embeddings_are_the_models_own_at_length_one(tiny, pixels):
    folder, model = tiny
    found = load_clip(folder).image_embeddings(pixels)
    seen = ((pixels + 1) / 2 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    expected = model.get_image_features(pixel_values=seen).pooler_output
    torch.testing.assert_close(found, expected / expected.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)
    assert (found.dtype, found.shape) == (torch.float32, (3, 8))


@torch.no_grad()
def test_texts_go_through_the_tokenizer_and_long_ones_are_cut(tiny):
    folder, model = tiny
    clip = load_clip(folder)
    captions = ["a castle", "a red castle on a mountain", "cat " * 100]
    found = clip.text_embeddings(captions)
    for caption, embedding in zip(captions, found, strict=True):
        tokens = clip.tokenizer(caption, truncation=True, max_length=LENGTH, return_tensors="pt").input_ids
        expected = model.get_text_features(input_ids=tokens).pooler_output[0]
        torch.testing.assert_close(embedding, expected / expected.norm(), rtol=1e-4, atol=1e-5)


def test_the_middle_square_counts_at_any_size(tiny, pixels):
    clip = load_clip(tiny[0])
    wide = torch.cat([torch.ones(3, 3, SIZE, 8), pixels, -torch.ones(3, 3, SIZE, 8)], dim=3)
    torch.testing.assert_close(clip.image_embeddings(wide), clip.image_embeddings(pixels))
    large = pixels.repeat_interleave(3, 2).repeat_interleave(3, 3)
    assert (clip.image_embeddings(large) * clip.image_embeddings(pixels)).sum(1).min() > 0.95


def test_other_weights_have_another_name(tiny, pixels):
    clip = load_clip(tiny[0])
    assert not clip.genuine
    assert clip.extractor.name == OTHER_NAME
    torch.testing.assert_close(clip.extractor(pixels), clip.image_embeddings(pixels).double())


def test_a_checkpoint_of_tensors_is_read_like_safetensors(tiny, pixels, tmp_path):
    save_tiny_clip(tmp_path, safe=False)
    torch.testing.assert_close(
        load_clip(tmp_path).image_embeddings(pixels), load_clip(tiny[0]).image_embeddings(pixels)
    )


def test_it_is_found_in_the_hubs_cache(tiny, pixels, empty_caches, tmp_path):
    model = tmp_path / "hub" / f"models--{HUB_ID.replace('/', '--')}"
    shutil.copytree(tiny[0], model / "snapshots" / "abc")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("abc")
    torch.testing.assert_close(load_clip().image_embeddings(pixels), load_clip(tiny[0]).image_embeddings(pixels))


def test_without_its_files_it_says_what_to_bring(empty_caches, tmp_path):
    with pytest.raises(
        ModelUnavailable,
        match=r"CMMD and the CLIP score \(CLIP ViT-L/14-336\) needs a network that is not here: "
        r"get .*openai/clip-vit-large-patch14-336/resolve/.*/config.json and .*pytorch_model.bin beside it "
        r"\(1,713.4 MB\) into .*clip-vit-large-patch14-336",
    ):
        load_clip()
    with pytest.raises(Offline, match="HF_HUB_OFFLINE"):
        load_clip(tmp_path / "own", Access(allowed=True))


def test_what_is_no_clip_is_refused(tiny, tmp_path):
    for name in (*TEXTS, "tokenizer_config.json"):
        shutil.copy(tiny[0] / name, tmp_path / name)
    (tmp_path / "pytorch_model.bin").write_bytes(b"no tensors")
    with pytest.raises(ModelBroken, match=r"that fit each other; .* cannot be read \(UnpicklingError\)"):
        load_clip(tmp_path)
    torch.save({"logit_scale": torch.tensor(1.0)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelBroken, match=r"pytorch_model.bin lacks \d+ tensors, such as "):
        load_clip(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip", "projection_dim": "wide"}))
    with pytest.raises(ModelBroken, match="cannot be read"):
        load_clip(tmp_path)


def test_the_clip_score_is_a_hundred_cosines_and_never_negative():
    images = torch.tensor([[1.0, 0], [1, 0], [3, 4], [1, 0]])
    texts = torch.tensor([[5.0, 0], [0, 1], [4, 3], [-1, 0]])
    assert clip_score(images, texts).tolist() == pytest.approx([100, 0, 96, 0])
    with pytest.raises(ValueError, match="Every picture needs one caption"):
        clip_score(images, texts[:1])
