"""The list of LoRAs."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.weights.loras import list_loras


@pytest.mark.parametrize("style", ["kohya", "diffusers", "diffusers old", "peft"])
@pytest.mark.parametrize(
    ("width", "base"), [(768, "Stable Diffusion 1.x"), (1024, "Stable Diffusion 2.x"), (128, "Niji mini")]
)
def test_base_and_rank_are_read_from_each_way_to_name_weights(tmp_path, save_lora, style, width, base):
    save_lora(tmp_path / "ink.safetensors", width=width, rank=6, style=style)
    (lora,) = list_loras([tmp_path])
    assert (lora.name, lora.base, lora.cross_attention_dim, lora.rank, lora.problem) == ("ink", base, width, 6, "")
    assert lora.size_bytes == lora.path.stat().st_size


@pytest.mark.parametrize(
    ("metadata", "base"),
    [
        ({"ss_v2": "True"}, "Stable Diffusion 2.x"),
        ({"ss_base_model_version": "sd_v2_v"}, "Stable Diffusion 2.x"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "Stable Diffusion 2.x"),
        ({"ss_base_model_version": "sd_v1"}, "Stable Diffusion 1.x"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "SDXL"),
        ({"modelspec.architecture": "flux-1-dev/lora"}, "unknown"),
        (None, "unknown"),
    ],
)
def test_metadata_tell_the_base_where_the_tensors_do_not(tmp_path, metadata, base):
    tensors = {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": np.zeros((4, 320), np.float16)}
    save_file(tensors, tmp_path / "a.safetensors", metadata)
    (lora,) = list_loras([tmp_path])
    assert (lora.base, lora.rank) == (base, 4)


def test_tensors_win_over_metadata(tmp_path, save_lora):
    save_lora(tmp_path / "a.safetensors", width=768, metadata={"ss_v2": "True"})
    assert list_loras([tmp_path])[0].base == "Stable Diffusion 1.x"


def test_words_and_description_come_from_the_file_and_notes_win(tmp_path, save_lora):
    metadata = {
        "modelspec.trigger_phrase": "ink wash, misty",
        "ss_training_comment": "None",
        "ss_tag_frequency": json.dumps({"10_x": {"1girl": 500}}),
    }
    path = save_lora(tmp_path / "ink.safetensors", metadata=metadata)
    (lora,) = list_loras([tmp_path])
    assert (lora.trigger_words, lora.about, lora.preferred_weight) == (("ink wash", "misty"), "", 1.0)
    notes = {"activation text": "sumi-e, , sumi-e", "description": " Ink\x00 on paper ", "preferred weight": 0.7}
    path.with_suffix(".json").write_text(json.dumps(notes))
    (lora,) = list_loras([tmp_path])
    assert (lora.trigger_words, lora.about, lora.preferred_weight) == (("sumi-e",), "Ink on paper", 0.7)
    path.with_suffix(".json").write_text(json.dumps({"trigger_words": ["a, b", 3], "about": "Ours"}))
    (lora,) = list_loras([tmp_path])
    assert (lora.trigger_words, lora.about) == (("a, b",), "Ours")


@pytest.mark.parametrize("text", ["{", "[]", '{"preferred weight": 1e999, "activation text": {}, "description": 5}'])
def test_broken_notes_leave_the_lora_usable(tmp_path, save_lora, text):
    save_lora(tmp_path / "ink.safetensors").with_suffix(".json").write_text(text)
    (lora,) = list_loras([tmp_path])
    assert (lora.problem, lora.preferred_weight) == ("", 1.0)


def test_refused_files_are_listed_with_the_reason(tmp_path, save_checkpoint):
    (tmp_path / "pickle.safetensors").write_bytes(b"PK\x03\x04" + bytes(99))
    save_file({"lora_unet_x.hada_w1_a": np.zeros((2, 2), np.float16)}, tmp_path / "loha.safetensors")
    save_checkpoint(tmp_path / "model.safetensors")
    problem = {lora.name: lora.problem for lora in list_loras([tmp_path])}
    assert "a pickle" in problem["pickle"]
    assert "LyCORIS" in problem["loha"]
    assert "a whole model" in problem["model"]


def test_sub_folders_adapters_and_previews_are_found(tmp_path, save_lora):
    save_lora(tmp_path / "styles" / "ink.safetensors")
    save_lora(tmp_path / "castle" / "adapter_model.safetensors", style="peft")
    save_lora(tmp_path / "moss" / "pytorch_lora_weights.safetensors", style="peft")
    save_lora(tmp_path / "a" / "b" / "too-deep.safetensors")
    save_lora(tmp_path / ".hidden.safetensors")
    for picture in ("styles/ink.preview.png", "castle/preview.webp"):
        (tmp_path / picture).write_bytes(b"")
    found = {lora.name: lora for lora in list_loras([tmp_path])}
    assert set(found) == {"ink", "castle", "moss"}
    assert found["ink"].preview == tmp_path / "styles/ink.preview.png"
    assert found["castle"].preview == tmp_path / "castle/preview.webp"
    assert found["moss"].preview is None


def test_names_are_unique_and_the_first_folder_keeps_the_plain_one(tmp_path, save_lora):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for place in (own, own / "old", shipped):
        save_lora(place / "ink.safetensors")
    found = {lora.name: lora.path.parent for lora in list_loras([own, shipped, tmp_path / "missing", own])}
    assert found == {"ink": own, "ink (old)": own / "old", "ink (shipped)": shipped}


def test_list_follows_the_disk(tmp_path, save_lora):
    path = save_lora(tmp_path / "ink.safetensors", width=768)
    assert list_loras([tmp_path])[0].base == "Stable Diffusion 1.x"
    save_lora(path, width=1024, rank=8)
    assert list_loras([tmp_path])[0].base == "Stable Diffusion 2.x"
    path.unlink()
    assert list_loras([tmp_path]) == []


def test_file_name_that_is_no_unicode_can_still_be_stored(tmp_path, save_lora):
    save_lora(tmp_path / "a.safetensors").rename(tmp_path / b"b\xff\nc.safetensors".decode("utf-8", "surrogateescape"))
    assert list_loras([tmp_path])[0].name.encode() == b"b? c"
