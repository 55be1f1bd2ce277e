"""A trained LoRA as files: other loaders read the same numbers from them, and the records are true."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file, save

from engine.device import choose
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.lora import applied
from engine.diffusion.text_to_image import generate
from engine.lora.runs.config import Config
from engine.lora.training.adapter import lora_on
from engine.training.lora_layers import LAYERS
from engine.weights.hashes import tensor_sha256
from engine.weights.lora_export import export_lora, kohya_tensors
from engine.weights.lora_metadata import LoraCard, kohya_metadata
from engine.weights.loras import list_loras
from gallery.metadata import read_digital_source
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info

torch.set_num_threads(1)

CONFIG = Config(rank=4, alpha=6.0, target_modules=LAYERS, text_encoder=True, gradient_checkpointing=False)
SCALE = CONFIG.lora_alpha / CONFIG.rank


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    return load(tiny_info(save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny")), choose("cpu"))


@pytest.fixture(scope="module")
def trained(model):
    """Tensors and peft's settings of a LoRA that changes every layer, and what the model draws with it."""
    generator = torch.Generator().manual_seed(0)
    with lora_on(model.pipeline, CONFIG) as adapter:
        for parameter in adapter.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
        adapter.train(False)
        return adapter.arrays(), adapter.settings(CONFIG), picture(model)


def card(info, **changes) -> LoraCard:
    values = {
        "name": "my-style",
        "model": info,
        "rank": CONFIG.rank,
        "alpha": CONFIG.lora_alpha,
        "settings": CONFIG.to_dict(),
        "steps": 300,
        "passes": 12.5,
        "resolution": 768,
        "captions": ("a castle, ink", "a castle, oil"),
        "held_out_pictures": 1,
        "started_at": 1_700_000_000.0,
        "finished_at": 1_700_003_600.0,
        "trigger_words": ("mystyle", "inky"),
        "about": "Ink and oil.",
        "preferred_weight": 0.8,
    }
    return LoraCard(**values | changes)


@pytest.fixture(scope="module")
def exported(model, trained, tmp_path_factory):
    tensors, settings, _ = trained
    preview = Image.new("RGBA", (300, 200), (10, 200, 30, 255))
    return export_lora(tmp_path_factory.mktemp("result"), tensors, settings, card(model.info), preview)


def picture(model: LoadedModel, loras=()) -> np.ndarray:
    return np.asarray(next(generate(model, REQUEST, loras)).image).astype(int)


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "np") as file:
        return file.metadata()


def assert_same_picture(drawn: np.ndarray, expected: np.ndarray) -> None:
    """Loaders multiply alpha / rank in at another place, so float32 rounds differently: one grey level of 255."""
    assert np.abs(drawn - expected).max() <= 1


def test_the_lora_changes_the_picture(model, trained):
    assert np.abs(picture(model) - trained[2]).mean() > 5


def test_the_studio_draws_the_same_with_both_files(model, trained, exported):
    found = list_loras([exported.kohya.parent])
    assert {info.path for info in found} == {exported.kohya, exported.diffusers}
    for info in found:
        with applied(model, [(info, 1.0)]) as (lora,):
            assert lora.keys_applied == lora.keys_total > 0
        assert_same_picture(picture(model, [(info, 1.0)]), trained[2])


@pytest.mark.parametrize("kind", ["kohya", "diffusers"])
def test_diffusers_draws_the_same_with_both_files(model, trained, exported, kind):
    path = getattr(exported, kind)
    model.pipeline.load_lora_weights(path.parent, weight_name=path.name)
    try:
        assert_same_picture(picture(model), trained[2])
    finally:
        model.pipeline.unload_lora_weights()


def test_another_reader_finds_the_same_weights(model, trained, exported):
    """By the published names: lora_unet_ or lora_te_ and the module with underscores; scale = alpha / rank."""
    modules = {
        f"{prefix}_{name.replace('.', '_')}": f"{part}.{name.removeprefix('text_model.')}"
        for part, prefix, outer in (("unet", "lora_unet", ""), ("text_encoder", "lora_te", "text_model."))
        for name in (outer + name for name, _ in getattr(model.pipeline, part).named_modules())
    }
    file = load_file(exported.kohya)
    layers = sorted({name.split(".")[0] for name in file})
    assert len(file) == 3 * len(layers)
    assert {"lora_te_text_model_encoder_layers_0_self_attn_q_proj"} < set(layers)
    assert "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_out_0" in layers
    assert file["lora_unet_up_blocks_0_resnets_0_conv1.lora_down.weight"].shape[2:] == (3, 3)
    assert file["lora_unet_up_blocks_0_resnets_0_conv1.lora_up.weight"].shape[2:] == (1, 1)
    for layer in layers:
        down, up = file[f"{layer}.lora_down.weight"], file[f"{layer}.lora_up.weight"]
        delta = product(up, down) * (float(file[f"{layer}.alpha"]) / down.shape[0])
        a, b = (trained[0][f"{modules[layer]}.lora_{matrix}.weight"] for matrix in "AB")
        assert np.allclose(delta, SCALE * product(b, a), atol=1e-6)
    assert len(layers) == len(trained[0]) / 2


def product(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Of the two matrices; those of a convolution hold one row for each of its outputs, or inputs."""
    return up.reshape(len(up), -1) @ down.reshape(len(down), -1)


def test_the_hash_is_of_what_follows_the_header(exported):
    content = exported.kohya.read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert json.loads(content[8 : 8 + length])["__metadata__"]
    expected = hashlib.sha256(content[8 + length :]).hexdigest()
    assert metadata(exported.kohya)["sshs_model_hash"] == expected == tensor_sha256(exported.kohya)
    assert metadata(exported.kohya)["modelspec.hash_sha256"] == f"0x{expected}"


def test_the_old_hash_is_left_out_where_it_would_be_of_nothing(model, exported):
    assert "sshs_legacy_hash" not in metadata(exported.kohya)
    large = {"lora_unet_x.lora_down.weight": np.random.default_rng(0).random((300, 1024), dtype=np.float32)}
    values = kohya_metadata(card(model.info), large)
    piece = save(large, {name: value for name, value in values.items() if name.startswith("ss_")})[2**20 :][: 2**16]
    assert values["sshs_legacy_hash"] == hashlib.sha256(piece).hexdigest()[:8]


def test_records_for_stable_diffusion_2_are_what_other_tools_look_for(model):
    info = replace(model.info, cross_attention_dim=1024, path=Path("v2-1_768-ema-pruned.safetensors"), single_file=True)
    values = kohya_metadata(card(info, model_sha256="ad2a33c361"), kohya_tensors({}, 1.0))
    expected = {
        "ss_v2": "True",
        "ss_base_model_version": "sd_v2_v",
        "ss_network_module": "networks.lora",
        "ss_network_dim": "4",
        "ss_network_alpha": "6.0",
        "ss_network_args": '{"conv_dim": "4", "conv_alpha": "6"}',
        "ss_output_name": "my-style",
        "ss_sd_model_name": "v2-1_768-ema-pruned.safetensors",
        "ss_new_sd_model_hash": "ad2a33c361",
        "ss_resolution": "(768, 768)",
        "ss_num_train_images": "2",
        "ss_num_validation_images": "1",
        "ss_clip_skip": "None",
        "ss_text_encoder_lr": "2e-05",
        "ss_steps": "300",
        "ss_max_train_steps": "400",
        "ss_epoch": "13",
        "ss_num_epochs": "17",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v2-768-v/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": "my-style",
        "modelspec.resolution": "768x768",
        "modelspec.prediction_type": "v",
        "modelspec.date": "2023-11-14T23:13:20+00:00",
        "modelspec.trigger_phrase": "mystyle, inky",
    }
    assert {name: values.get(name) for name in expected} == expected
    assert json.loads(values["ss_tag_frequency"]) == {"pictures": {"a castle": 2, "ink": 1, "oil": 1}}
    assert all(isinstance(value, str) for value in values.values())


@pytest.mark.parametrize(
    ("width", "prediction_type", "version", "architecture", "v2"),
    [
        (1024, "epsilon", "sd_v2", "stable-diffusion-v2-512/lora", "True"),
        (768, "epsilon", "sd_v1", "stable-diffusion-v1/lora", "False"),
        (32, "v_prediction", "custom-width-32", "custom-width-32/lora", "False"),
    ],
)
def test_other_bases_are_not_called_stable_diffusion_2(model, width, prediction_type, version, architecture, v2):
    info = replace(model.info, cross_attention_dim=width, prediction_type=prediction_type)
    values = kohya_metadata(card(info), {})
    assert (values["ss_base_model_version"], values["modelspec.architecture"]) == (version, architecture)
    assert values["ss_v2"] == v2


def test_the_pickers_find_notes_and_preview(exported):
    info = next(info for info in list_loras([exported.kohya.parent]) if info.path == exported.kohya)
    assert (info.trigger_words, info.about, info.preferred_weight) == (("mystyle", "inky"), "Ink and oil.", 0.8)
    assert Image.open(info.preview).size == (300, 200)
    assert read_digital_source(info.preview) == "trainedAlgorithmicMedia"
    assert metadata(exported.kohya)["modelspec.thumbnail"].startswith("data:image/jpeg;base64,")
    notes = json.loads(exported.notes.read_text())
    assert (notes["activation text"], notes["preferred weight"]) == ("mystyle, inky", 0.8)
    assert notes["training"]["settings"] == CONFIG.to_dict()


def test_the_adapters_record_holds_rank_and_alpha(exported):
    record = json.loads(metadata(exported.diffusers)["lora_adapter_metadata"])
    assert (record["unet.r"], record["unet.lora_alpha"], record["text_encoder.lora_alpha"]) == (4, 6.0, 6.0)
    assert record["unet.target_modules"] == list(LAYERS)


def test_only_whole_files_are_left(model, trained, exported):
    tensors, settings, _ = trained
    export_lora(exported.kohya.parent, tensors, settings, card(model.info))
    files = {path.relative_to(exported.kohya.parent).as_posix() for path in exported.kohya.parent.rglob("*.*")}
    weights = {"my-style.safetensors", "my-style-diffusers/pytorch_lora_weights.safetensors"}
    assert files == weights | {"my-style.json", "my-style.png"}
