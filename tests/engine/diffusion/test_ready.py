"""A folder that is listed as ready loads and draws; one that cannot is listed with the reason."""

import json
import shutil
from codecs import BOM_UTF8
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.diffusion.loading import load
from engine.diffusion.tokens import tokens_of
from engine.errors import ModelBroken
from engine.weights.facts import folder_info

UNET = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tiny_folder, tmp_path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "model")


def change(path: Path, **values) -> None:
    content = json.loads(path.read_text())
    content.update({key: value for key, value in values.items() if value is not None})
    path.write_text(json.dumps({key: value for key, value in content.items() if values.get(key, "") is not None}))


def mark(*names: str):
    def add(folder: Path) -> None:
        for name in names:
            path = folder / name
            path.write_bytes(BOM_UTF8 + path.read_bytes())

    return add


def without_limit(folder: Path) -> None:
    change(folder / "tokenizer/tokenizer_config.json", model_max_length=None)


def named(variant: str):
    def rename(folder: Path) -> None:
        for path in list(folder.glob("*/*.safetensors")):
            path.rename(path.with_suffix(f".{variant}.safetensors"))

    return rename


READY = {
    "marks in configurations": mark(
        "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json"
    ),
    "marks in the tokenizer": mark("tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json"),
    "a mark in the index": mark("model_index.json"),
    "no limit": without_limit,
    "the limit of no limit": lambda folder: change(folder / "tokenizer/tokenizer_config.json", model_max_length=10**30),
    "a wider limit": lambda folder: change(folder / "tokenizer/tokenizer_config.json", model_max_length=512),
    "no settings": lambda folder: (folder / "tokenizer/tokenizer_config.json").unlink(),
    "files named fp32": named("fp32"),
}


@pytest.mark.parametrize("case", READY)
def test_what_is_listed_as_ready_draws_the_same(case, folder, cpu, tiny, pixels):
    READY[case](folder)
    info = folder_info("model", folder)
    assert (info.available, info.problem) == (True, "")
    model = load(info, cpu)
    assert model.pipeline.tokenizer.model_max_length == 77
    if case != "no settings":  # the padding is named there
        assert np.array_equal(pixels(model), pixels(tiny))


def quantised(folder: Path) -> None:
    path = folder / "unet" / UNET
    tensors = load_file(path)
    save_file({**tensors, "conv_in.weight": torch.zeros(16, 4, 3, 3, dtype=torch.uint8)}, path)


def said(file: str, **values):
    return lambda folder: change(folder / file, **values)


def broken(file: str, text: str = "{"):
    return lambda folder: (folder / file).write_text(text)


SCHEDULER, TEXT = "scheduler/scheduler_config.json", "text_encoder/config.json"
REFUSED = {
    "quantised UNet": (said("unet/config.json", quantization_config={"quant_method": "bitsandbytes"}), "bitsandbytes"),
    "quantised texts": (said(TEXT, quantization_config={"quant_method": "torchao"}), "quantised .torchao."),
    "bytes for weights": (quantised, "conv_in.weight is U8"),
    "texts of another width": (said(TEXT, hidden_size=768), "width 32; the text encoder gives 768"),
    "broken text encoder": (broken(TEXT), "text_encoder/config.json cannot be read as JSON"),
    "broken vocabulary": (broken("tokenizer/vocab.json"), "vocab.json cannot be read as JSON"),
    "a list for a tokenizer": (broken("tokenizer/tokenizer.json", "[]"), "tokenizer.json .* JSON list in place"),
    "broken settings": (broken("tokenizer/tokenizer_config.json", ""), "tokenizer_config.json cannot be read"),
    "bytes for merges": (
        lambda f: (f / "tokenizer/merges.txt").write_bytes(b"\xff\xfe\0"),
        "merges.txt cannot be read",
    ),
    "no room": (said("tokenizer/tokenizer_config.json", model_max_length=2), "model_max_length must be 3 or more"),
    "no places": (said(TEXT, max_position_embeddings="77"), "max_position_embeddings must be 3 or more.* got '77'"),
    "betas": (said(SCHEDULER, beta_schedule="sigmoid"), "beta_schedule must be one of linear, .*got 'sigmoid'"),
    "too few betas": (said(SCHEDULER, trained_betas=[0.1]), "trained_betas must list 1000 numbers"),
    "spacing": (said(SCHEDULER, timestep_spacing="even"), "timestep_spacing must be one of leading"),
    "no levels": (said(SCHEDULER, num_train_timesteps=0), "num_train_timesteps must be a whole number"),
    "other variants only": (named("ema"), "precision that the studio reads.*there is .*ema"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_with_is_listed_with_the_reason(case, folder, cpu):
    act, text = REFUSED[case]
    act(folder)
    info = folder_info("model", folder)
    assert not info.available
    with pytest.raises(ModelBroken, match=text):
        raise ModelBroken(info.problem)
    if case != "bytes for weights":  # told by the headers, which the loader does not look into a second time
        with pytest.raises(ModelBroken, match=text):
            load(info, cpu)


def test_an_encoder_with_fewer_places_counts_everywhere(folder, cpu, draw):
    change(folder / TEXT, max_position_embeddings=20)
    path = folder / "text_encoder/model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith("position_embedding.weight"))
    save_file({**tensors, name: tensors[name][:20].clone()}, path, {"format": "pt"})
    without_limit(folder)
    model = load(folder_info("model", folder), cpu)
    assert tokens_of(model.pipeline.tokenizer, ["a castle", "red " * 40]).shape == (2, 20)
    (image,) = draw(model, prompt="red " * 18 + "blue cat")
    assert image.notes == ("The end of the prompt was not read: 'blue cat'. Shorten it.",)
