"""The commands for models; what they do is tested where it is done."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.__main__ import main


@pytest.fixture
def said(studio, monkeypatch, capsys):
    """said(*words) -> what a command wrote to its two outputs, run on the test's studio."""
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)

    def said(*words):
        capsys.readouterr()
        main([str(word) for word in words])
        return capsys.readouterr()

    return said


def checkpoint(path):
    block = "model.diffusion_model.input_blocks"
    tensors = {
        f"{block}.0.0.weight": np.zeros((2, 4, 3, 3), np.float16),
        f"{block}.1.1.transformer_blocks.0.attn2.to_k.weight": np.zeros((2, 1024), np.float16),
        "cond_stage_model.model.ln_final.weight": np.zeros(2, np.float16),
        "first_stage_model.decoder.conv_in.weight": np.zeros(2, np.float16),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


def listed(said):
    return {row["name"]: row for row in map(json.loads, said("models", "--json").out.splitlines())}


def test_what_decided_the_prediction_type_is_said_and_can_be_corrected(said, tmp_path):
    path = checkpoint(tmp_path / "a-vpred.safetensors")
    assert "It predicts v (v_prediction): its name says 'vpred'" in said("add-model", path).out
    assert "its name says 'vpred'" in said("models").out
    assert "you said so" in said("add-model", path, "--prediction-type", "epsilon").out
    assert listed(said)["a-vpred"]["prediction_type"] == "epsilon"
    assert "epsilon or v_prediction; got 'x'" in said("add-model", path, "--prediction-type", "x").err


def test_a_file_of_the_weights_folder_can_be_corrected(said, studio):
    path = checkpoint(studio.settings.home / "weights/mine.safetensors")
    assert listed(said)["mine"]["prediction_type"] == "v_prediction"
    said("add-model", path, "--prediction-type", "epsilon")
    assert (listed(said)["mine"]["prediction_type"], listed(said)["mine"]["added"]) == ("epsilon", False)


def test_a_hub_model_is_added_with_a_word_and_removed_with_or_without_its_files(said, studio):
    assert "Added without a look at the hub" in said("add-model", "someone/tiny").out
    folder = shutil.copytree(studio.settings.weights_dir / "mini", studio.settings.home / "weights/tiny")
    assert "is yours" not in said("remove-model", "tiny").err
    assert folder.is_dir()
    said("add-model", "someone/tiny")
    said("remove-model", "tiny", "--delete-files")
    assert not folder.exists()
    assert "no model named 'tiny'" in said("remove-model", "tiny").err


def test_for_how_few_steps_a_model_was_made_is_said_and_its_defaults_are_kept(said, studio, tmp_path):
    path = checkpoint(tmp_path / "quick.safetensors")
    assert (
        "in 1 to 4 steps without guidance (Turbo): you said so" in said("add-model", path, "--few-steps", "turbo").out
    )
    assert listed(said)["quick"]["few_steps"] == "turbo"
    assert said("model-defaults", "quick").out == "quick: Steps 1, guidance 0, Turbo, as this model wants.\n"
    assert "Steps 3, guidance 0, Turbo, as you saved" in said("model-defaults", "quick", "--steps", 3).out
    assert json.loads(said("model-defaults", "quick", "--json").out)["num_inference_steps"] == 3
    assert "as this model wants" in said("model-defaults", "quick", "--forget").out
    assert "No defaults are saved for 'quick'" in said("model-defaults", "quick", "--forget").err
    assert "from 1 to 150; got 0" in said("model-defaults", "quick", "--steps", 0).err
    assert "no model named 'none'" in said("model-defaults", "none").err
    assert "one of turbo, lcm, none; got 'x'" in said("add-model", path, "--few-steps", "x").err
