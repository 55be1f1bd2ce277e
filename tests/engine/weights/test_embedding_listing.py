"""Which files of a folder are embeddings, and what is said of the others."""

from pathlib import Path

import pytest
import torch

from engine.weights.embeddings.listing import EmbeddingInfo, list_embeddings
from tests.tiny_embedding import save_embedding, save_tensors


def listed(folder: Path) -> dict[str, EmbeddingInfo]:
    return {info.name: info for info in list_embeddings([folder])}


def test_formats_names_and_tokens(tmp_path):
    save_embedding(tmp_path / "Ink-Wash.safetensors", 4)
    save_embedding(tmp_path / "toy.safetensors", 1, key="<cat-toy>")
    save_embedding(tmp_path / "dog/learned_embeds.safetensors", 1, key="<good-dog>")
    save_embedding(tmp_path / "half.safetensors", 2, key="clip_l", width=768)
    save_embedding(tmp_path / "more/ink-wash.safetensors", 2)
    save_tensors(tmp_path / "brain.safetensors", {"v": torch.ones(2, 8, dtype=torch.bfloat16)})
    facts = {name: (info.vectors, info.width, info.token, info.problem) for name, info in listed(tmp_path).items()}
    assert facts == {
        "Ink-Wash": (4, 32, "", ""),
        "ink-wash (more)": (2, 32, "", ""),
        "toy": (1, 32, "<cat-toy>", ""),
        "good-dog": (1, 32, "<good-dog>", ""),
        "half": (2, 768, "", ""),
        "brain": (2, 8, "", ""),
    }
    assert listed(tmp_path)["half"].base == "Stable Diffusion 1.x"


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"clip_g": torch.ones(2, 1280), "clip_l": torch.ones(2, 768)}, "got parts for SDXL (clip_g, clip_l)"),
        ({"a": torch.ones(2, 8), "b": torch.ones(2, 8)}, "got 2 tensors. It may be a LoRA"),
        ({"emb_params": torch.ones(76, 8)}, "1 to 75 vectors of 1 to 8192 numbers; got 76 x 8."),
        ({"emb_params": torch.ones(0, 8)}, "got 0 x 8."),
        ({"emb_params": torch.ones(1, 2, 8)}, "got 1 x 2 x 8."),
        ({"emb_params": torch.tensor(1.0)}, "got a single number."),
        ({"emb_params": torch.ones(2, 8, dtype=torch.int64)}, "got I64. Save it"),
        ({"emb_params": torch.tensor([1.0, float("nan"), float("-inf")])}, "2 of 3 are NaN or infinity."),
        ({"emb_params": torch.tensor([1.0, float("nan")]).half()}, "1 of 2 are NaN or infinity."),
        ({"emb_params": torch.tensor([1.0, float("inf")]).bfloat16()}, "1 of 2 are NaN or infinity."),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, tensors, said):
    save_tensors(tmp_path / "it.safetensors", tensors)
    assert said in listed(tmp_path)["it"].problem


def test_pickles_and_damaged_files_are_said(tmp_path):
    (tmp_path / "old.pt").write_bytes(b"PK\x03\x04" + bytes(400))
    whole = save_embedding(tmp_path / "cut.safetensors")
    whole.write_bytes(whole.read_bytes()[:-10])
    save_embedding(tmp_path / "named.bin")
    problems = {name: info.problem for name, info in listed(tmp_path).items()}
    assert "Pickles can run programs: get the .safetensors version." in problems["old"]
    assert "The file is cut short" in problems["cut"]
    assert "must end with .safetensors; got .bin" in problems["named"]
