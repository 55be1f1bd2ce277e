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


BROKEN_NOTES = [
    "{",
    "[]",
    '{"preferred weight": 1e999, "activation text": {}, "description": 5}',
    '{"preferred_weight": NaN}',
    '{"preferred_weight": 1%s}' % ("0" * 400),
    '{"preferred_weight": -%s}' % ("9" * 5000),
    '{"preferred weight": 3}',
    '{"preferred weight": true}',
]


@pytest.mark.parametrize("text", BROKEN_NOTES)
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
    save_lora(tmp_path / "a" / "b" / "deep.safetensors")
    save_lora(tmp_path / "a" / "frog" / "unet" / "adapter_model.safetensors", style="peft")
    save_lora(tmp_path / ".hidden.safetensors")
    for picture in ("styles/ink.preview.png", "castle/preview.webp"):
        (tmp_path / picture).write_bytes(b"")
    found = {lora.name: lora for lora in list_loras([tmp_path])}
    assert set(found) == {"ink", "castle", "moss", "deep", "frog (unet)"}
    assert found["ink"].preview == tmp_path / "styles/ink.preview.png"
    assert found["castle"].preview == tmp_path / "castle/preview.webp"
    assert found["moss"].preview is None


def test_names_are_unique_and_the_first_folder_keeps_the_plain_one(tmp_path, save_lora):
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    for place in (own, own / "old", shipped):
        save_lora(place / "ink.safetensors")
    found = {lora.name: lora.path.parent for lora in list_loras([own, shipped, tmp_path / "missing", own])}
    assert found == {"ink": own, "ink (old)": own / "old", "ink (shipped)": shipped}


def test_steps_of_two_trainings_are_told_apart_by_their_trainings(tmp_path, save_lora):
    for training in ("moss", "rust"):
        save_lora(tmp_path / training / "checkpoint-500" / "pytorch_lora_weights.safetensors", style="peft")
    assert [lora.name for lora in list_loras([tmp_path])] == ["checkpoint-500", "checkpoint-500 (rust)"]


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


LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_"


def layer(name: str = f"{LAYER}q", alpha: float = 4.0) -> dict[str, np.ndarray]:
    """One whole layer under kohya's names."""
    return {
        f"{name}.lora_down.weight": np.ones((4, 8), np.float16),
        f"{name}.lora_up.weight": np.ones((8, 4), np.float16),
        f"{name}.alpha": np.array(alpha, np.float16),
    }


def half(*names: str, part: str = "lora_down") -> dict[str, np.ndarray]:
    return {f"{name}.{part}.weight": np.ones((4, 8), np.float16) for name in names}


def parts(*names: str) -> dict[str, np.ndarray]:
    return {name: np.ones((4, 4), np.float16) for name in names}


UNFIT = {
    "LoHa": (
        parts("lora_unet_x.hada_w1_a", "lora_unet_x.hada_w2_a", "lora_unet_y.hada_w1_a"),
        "2 LoHa (LyCORIS) layers",
    ),
    "LoKr": (parts("lora_unet_x.lokr_w1", "lora_unet_x.alpha"), "1 LoKr (LyCORIS) layer."),
    "norm": (parts("lora_unet_norm1.w_norm", "lora_unet_norm1.b_norm"), "1 norm layer."),
    "differences": (parts("diffusion_model.out.0.diff", "diffusion_model.out.0.diff_b"), "1 full difference layer."),
    "two kinds": (parts("lora_unet_x.oft_blocks", "lora_unet_n.w_norm"), "1 OFT layer and 1 norm layer."),
    "only down": (half(f"{LAYER}q", f"{LAYER}k"), "only the down half of 2 layers: the other half (up) is missing"),
    "only up": (half(f"{LAYER}q", part="lora_up"), "only the up half of 1 layer: the other half (down) is missing"),
    "only A": (parts("base_model.model.x.lora_A.weight"), "the other half (up) is missing"),
    "bundle alone": (parts("bundle_emb.my word.clip_l"), "an embedding (textual inversion)"),
    "embedding": (parts("emb_params"), "an embedding (textual inversion)"),
    "Flux": (
        layer("lora_unet_double_blocks_0_img_attn_qkv") | layer("lora_te1_text_model_encoder_layers_0_mlp_fc1"),
        "a transformer model",
    ),
    "SD 3": (
        parts("transformer.transformer_blocks.0.x.lora_A.weight", "transformer.transformer_blocks.0.x.lora_B.weight"),
        "a transformer model",
    ),
    "second encoder": (layer("lora_te2_text_model_encoder_layers_0_mlp_fc1"), "a second text encoder alone (SDXL)"),
    "something else": (parts("a.weight"), "other tensors"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_is_no_lora_is_listed_under_its_true_name(tmp_path, kind):
    tensors, words = UNFIT[kind]
    save_file(tensors, tmp_path / "a.safetensors")
    (lora,) = list_loras([tmp_path])
    assert words in lora.problem


NOTES = {
    "nothing": (layer(), ""),
    "LoHa": (layer() | parts("lora_unet_x.hada_w1_a", "lora_unet_x.alpha"), "Left out: 1 LoHa (LyCORIS) layer."),
    "norm": (layer() | parts("lora_unet_n.w_norm", "lora_unet_m.w_norm"), "Left out: 2 norm layers."),
    "ComfyUI's": (layer() | parts("diffusion_model.out.0.diff"), "Left out: 1 full difference layer."),
    "embedding": (layer() | parts("bundle_emb.ema yasuhara.clip_l"), "Left out: the embedding ema yasuhara."),
    "embeddings": (
        layer() | parts("bundle_emb.b.string_to_param.*", "bundle_emb.a.clip_l", "bundle_emb.a.clip_g"),
        "Left out: the embeddings a, b.",
    ),
    "half": (layer() | half(f"{LAYER}k"), "Left out: 1 layer whose other half is missing."),
    "unknown": (layer() | parts("x.y", "z"), "Left out: 2 tensors of unknown kind."),
    "SDXL": (
        layer() | layer("lora_te2_text_model_encoder_layers_0_mlp_fc1"),
        "Left out: 1 layer of a second text encoder (SDXL).",
    ),
    "three kinds": (
        layer() | half(f"{LAYER}k") | parts("lora_unet_n.w_norm", "bundle_emb.a.clip_l"),
        "Left out: 1 norm layer, 1 layer whose other half is missing and the embedding a.",
    ),
    "all alphas 0": (layer(alpha=0) | layer(f"{LAYER}k", 0), "Every alpha in it is 0, so it changes nothing."),
    "an alpha 0": (layer(alpha=0) | layer(f"{LAYER}k"), "1 of its 2 layers has alpha 0 and so no effect."),
    "DoRA": (layer() | {f"{LAYER}q.dora_scale": np.ones((8, 1), np.float16)}, ""),
    "Tucker": (layer() | parts(f"{LAYER}q.lora_mid.weight"), ""),
}


@pytest.mark.parametrize("kind", NOTES)
def test_what_is_left_out_is_said(tmp_path, kind):
    tensors, note = NOTES[kind]
    save_file(tensors, tmp_path / "a.safetensors")
    (lora,) = list_loras([tmp_path])
    assert (lora.problem, lora.note) == ("", note)


@pytest.mark.parametrize(
    ("record", "note"),
    [
        ({"unet.lora_alpha": 0}, "Every alpha in it is 0, so it changes nothing."),
        ({"unet.lora_alpha": 0, "unet.alpha_pattern": {"to_q": 8}}, ""),  # this layer is on
        ({"unet.lora_alpha": 4, "unet.alpha_pattern": {"to_(q|k)": 8}}, "holds what is not read"),
        ({"unet.lora_alpha": 4, "unet.alpha_pattern": ["to_q"]}, "holds what is not read"),
        ({"unet.lora_alpha": 10**400}, "holds what is not read"),
        ({"unet.lora_alpha": "4"}, "holds what is not read"),
        ([], "holds what is not read"),
        ({"unet.lora_alpha": 4, "unet.alpha_pattern": None, "unet.rank_pattern": {}}, ""),
        ({}, ""),
        ({"unet.lora_alpha": 4, "unet.alpha_pattern": {"to_q": 8}}, ""),
    ],
)
def test_what_the_record_of_strengths_means_is_said(tmp_path, record, note):
    tensors = {name: tensor for name, tensor in layer().items() if "alpha" not in name}
    save_file(tensors, tmp_path / "a.safetensors", {"lora_adapter_metadata": json.dumps(record)})
    (lora,) = list_loras([tmp_path])
    assert note in lora.note
    assert bool(note) == bool(lora.note)


def test_a_record_does_not_matter_where_each_layer_has_its_alpha(tmp_path):
    save_file(layer(), tmp_path / "a.safetensors", {"lora_adapter_metadata": "{"})
    assert list_loras([tmp_path])[0].note == ""


@pytest.mark.parametrize("text", ["{", "", '{"lora_alpha": %s}' % ("9" * 5000), "[" * 9999])
def test_a_damaged_record_of_peft_is_said(tmp_path, save_lora, text):
    save_lora(tmp_path / "ink" / "adapter_model.safetensors", style="peft")
    (tmp_path / "ink" / "adapter_config.json").write_text(text)
    (lora,) = list_loras([tmp_path])
    assert ("holds what is not read" in lora.note) == bool(text)
    assert lora.problem == ""


def test_pickles_and_files_with_a_wrong_ending_get_their_line(tmp_path, save_lora):
    for name in ("old.pt", "older.ckpt", "x/pytorch_lora_weights.bin", "y/new.PTH"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"PK\x03\x04" + bytes(99))
    for name in ("optimizer.bin", "x/optimizer.pt", "x/random_states_0.pt", "scheduler.bin", "notes.txt"):
        (tmp_path / name).write_bytes(b"PK\x03\x04" + bytes(99))
    save_lora(tmp_path / "ink.safetensors").rename(tmp_path / "ink.ckpt")
    problems = {lora.name: lora.problem for lora in list_loras([tmp_path])}
    assert set(problems) == {"old", "older", "ink", "x", "new"}
    assert all("a pickle" in problems[name] for name in ("old", "older", "x", "new"))
    assert "Rename it" in problems["ink"]


def test_bytes_behind_the_tensors_are_named(tmp_path, save_lora):
    path = save_lora(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes() + bytes(16))
    (lora,) = list_loras([tmp_path])
    assert "16 bytes are appended behind the last tensor" in lora.problem
    assert "download it again" not in lora.problem


def test_five_megabytes_of_statistics_are_no_problem(tmp_path):
    tags = json.dumps({"10_style": {f"tag number {number}": number for number in range(200_000)}})
    assert len(tags) > 5_000_000
    save_file(layer(), tmp_path / "a.safetensors", {"ss_tag_frequency": tags})
    (lora,) = list_loras([tmp_path])
    assert (lora.problem, lora.rank) == ("", 4)


def test_a_folder_that_links_to_itself_is_listed_once(tmp_path, save_lora):
    save_lora(tmp_path / "ink.safetensors")
    (tmp_path / "again").symlink_to(tmp_path)
    assert [lora.name for lora in list_loras([tmp_path])] == ["ink"]


@pytest.mark.parametrize(
    "name", ["diffusion_model.input_blocks.1.1.attn2.to_k", "lora_unet_input_blocks_1_1_attn2_to_k"]
)
def test_names_of_original_checkpoints_tell_the_base(tmp_path, name):
    tensors = {
        f"{name}.lora_down.weight": np.ones((4, 1024), np.float16),
        f"{name}.lora_up.weight": np.ones((8, 4), np.float16),
    }
    save_file(tensors, tmp_path / "a.safetensors")
    (lora,) = list_loras([tmp_path])
    assert (lora.base, lora.problem, lora.note) == ("Stable Diffusion 2.x", "", "")


def test_a_magnitude_counts_whatever_alpha_is(tmp_path):
    tensors = layer(alpha=0.0) | {f"{LAYER}q.dora_scale": np.ones((8, 1), np.float16)}
    save_file(tensors, tmp_path / "a.safetensors")
    assert list_loras([tmp_path])[0].note == ""
