"""The measurement of the real model, gone through once with a tiny one on a CPU."""

import json

import pytest
import torch
from safetensors.torch import load_file

from benchmarks import real_size
from engine.device import Device, choose
from engine.errors import OutOfMemory
from engine.weights.facts import has_weights
from tests.tiny import save_tiny_pipeline


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    """A model's folder without weights, as weights/sd21 is."""
    folder = save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")
    for weights in folder.rglob("*.safetensors"):
        weights.unlink()
    return folder


def test_a_model_is_made_drawn_with_and_trained(configuration, tmp_path, capsys):
    out = tmp_path / "real_size.json"
    real_size.main(["--model", str(configuration), "--device", "cpu", "--out", str(out)])
    results = json.loads(out.read_text())
    rows = results["rows"]
    assert all(row["seconds"] > 0 and row["ram"] > 1e8 and row["gpu_allocated"] is None for row in rows.values())
    assert len(rows["draw"]["each"]) == len(rows["draw_with_lora"]["each"]) == real_size.DRAWINGS
    assert rows["put_on_lora"]["keys_applied"] == rows["put_on_lora"]["keys_total"] == 64  # 2 of 8 layers, 4 blocks
    assert len(rows["train"]["losses"]) == real_size.WARM_UP + real_size.TIMED
    assert "keys of the LoRA applied: 64 of 64" in capsys.readouterr().out
    assert not has_weights(configuration)


def test_one_step_leaves_the_drawings_out(configuration, capsys):
    real_size.main(["--model", str(configuration), "--device", "cpu", "--one-step"])
    told = capsys.readouterr().out
    assert "training: a step of one picture" in told
    assert "draw with it" not in told


def test_random_weights_are_saved_in_the_precision_of_the_device(configuration, tmp_path):
    half = Device(torch.device("cpu"), torch.float16, "a CPU that computes as a GPU does")
    info = real_size.model_of(configuration, tmp_path / "model", half)
    assert info.available
    assert info.native_size == 64
    for component in ("unet", "vae", "text_encoder"):
        (weights,) = (info.path / component).glob("*.safetensors")
        assert {tensor.dtype for tensor in load_file(weights).values()} == {torch.float16}


def test_a_model_with_weights_is_taken_as_it_is(tmp_path):
    folder = save_tiny_pipeline(tmp_path / "tiny")
    assert real_size.model_of(folder, tmp_path / "unused", choose("cpu")).path == folder
    assert not (tmp_path / "unused").exists()


def test_what_does_not_fit_is_a_result():
    rows = {}

    def train():
        raise OutOfMemory("Training needs more memory than there is.")

    real_size.attempt(rows, "train", train)
    assert rows == {"train": {"failed": "OutOfMemory: Training needs more memory than there is."}}
    assert real_size._cells(rows["train"]).strip() == rows["train"]["failed"]
