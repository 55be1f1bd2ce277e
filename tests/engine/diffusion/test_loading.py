import dataclasses
import json
import shutil
import socket
import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.device import Device
from engine.diffusion.loading import SINGLE_FILE_CONFIG, load
from engine.errors import ModelBroken
from tests.ldm import ldm_checkpoint
from tests.tiny import save_tiny_pipeline, tiny_info

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(tiny_folder, tmp_path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def checkpoint(tiny, tmp_path_factory) -> Path:
    """The tiny model as one file in the original layout."""
    path = tmp_path_factory.mktemp("single") / "tiny.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in ldm_checkpoint(tiny.pipeline).items()}, path)
    return path


def refused(folder: Path, cpu, text: str, **options) -> None:
    with pytest.raises(ModelBroken, match=text):
        load(tiny_info(folder), cpu, **options)


def test_a_loaded_model_says_what_it_is(tiny, tiny_folder):
    sizes = [
        tensor.numel() * 4
        for part in ("unet", "vae", "text_encoder")
        for tensor in getattr(tiny.pipeline, part).parameters()
    ]
    assert tiny.size_bytes == sum(sizes)
    assert tiny.dtype == torch.float32
    assert tiny.info == tiny_info(tiny_folder)
    assert not tiny.offloaded


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_prediction_type_comes_from_the_folder(tmp_path, cpu, prediction):
    folder = save_tiny_pipeline(tmp_path / "model", prediction_type=prediction)
    assert load(tiny_info(folder), cpu).pipeline.scheduler.config.prediction_type == prediction


def test_fp16_files_are_found(copy, cpu, tiny, pixels):
    for path in copy.glob("*/*.safetensors"):
        half = {name: tensor.half() for name, tensor in load_file(path).items()}
        save_file(half, path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")), {"format": "pt"})
        path.unlink()
    model = load(tiny_info(copy), cpu)
    assert model.pipeline.unet.dtype == torch.float32
    assert abs(pixels(model).astype(int) - pixels(tiny)).mean() < 4


def test_text_encoders_saved_before_transformers_5(copy, cpu, tiny, pixels):
    path = copy / "text_encoder" / "model.safetensors"
    old = {f"text_model.{name}": tensor for name, tensor in load_file(path).items()}
    old["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    save_file(old, path, {"format": "pt"})
    assert np.array_equal(pixels(load(tiny_info(copy), cpu)), pixels(tiny))


def test_vaes_saved_before_attention_was_renamed(copy, cpu, tiny, pixels):
    """As in the published Stable Diffusion 2.1."""
    path = copy / "vae/diffusion_pytorch_model.safetensors"
    old = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}
    tensors = load_file(path)
    for new, name in old.items():
        tensors = {key.replace(f"attentions.0.{new}", f"attentions.0.{name}"): t for key, t in tensors.items()}
    save_file(tensors, path, {"format": "pt"})
    assert np.array_equal(pixels(load(tiny_info(copy), cpu)), pixels(tiny))


def test_the_variant_that_suits_the_device_is_read(copy, cpu, tiny, pixels):
    path = copy / UNET
    wrong = {name: torch.zeros_like(tensor).half() for name, tensor in load_file(path).items()}
    save_file(wrong, path.with_name("diffusion_pytorch_model.fp16.safetensors"), {"format": "pt"})
    assert np.array_equal(pixels(load(tiny_info(copy), cpu)), pixels(tiny))
    half = load(tiny_info(copy), Device(torch.device("cpu"), torch.float16, "half"))
    assert not any(tensor.any() for tensor in half.pipeline.unet.parameters())


def test_other_weights_in_the_folder_are_left_alone(copy, cpu):
    (copy / "unet/diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"unfinished")
    load(tiny_info(copy), cpu)


def test_the_network_is_never_asked(copy, checkpoint, cpu, tiny_folder, monkeypatch):
    asked = []

    def refuse(self, address):
        asked.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: refuse(None, args))
    load(tiny_info(copy), cpu)
    load(tiny_info(checkpoint), cpu, single_file_config=tiny_folder)
    (copy / "text_encoder/model.safetensors").unlink()
    refused(copy, cpu, "no .safetensors weights")
    assert asked == []


def test_weights_in_shards(copy, cpu, tiny, pixels):
    tiny.pipeline.unet.save_pretrained(copy / "unet", max_shard_size="300KB")
    (copy / UNET).unlink()
    assert len(list((copy / "unet").glob("*.safetensors"))) > 1
    assert np.array_equal(pixels(load(tiny_info(copy), cpu)), pixels(tiny))


def test_pickled_weights_are_never_opened(copy, cpu):
    shutil.move(copy / UNET, copy / "unet/diffusion_pytorch_model.bin")
    refused(copy, cpu, r"only as diffusion_pytorch_model\.bin, a format that can run code")


@pytest.mark.parametrize("missing", ["unet/config.json", "scheduler/scheduler_config.json", UNET])
def test_a_missing_file_is_named(copy, cpu, missing):
    (copy / missing).unlink()
    refused(copy, cpu, missing if missing != UNET else r"unet has no \.safetensors weights")


@pytest.mark.parametrize("gone", [["tokenizer.json"], ["vocab.json", "merges.txt"]])
def test_either_form_of_tokenizer_is_enough(copy, cpu, tiny, pixels, gone):
    for name in gone:
        (copy / "tokenizer" / name).unlink()
    assert np.array_equal(pixels(load(tiny_info(copy), cpu)), pixels(tiny))


def test_a_missing_tokenizer_is_named(copy, cpu):
    shutil.rmtree(copy / "tokenizer")
    refused(copy, cpu, r"lacks tokenizer/vocab\.json, tokenizer/merges\.txt")


def test_a_folder_that_is_not_there(tmp_path, cpu):
    refused(tmp_path / "nowhere", cpu, r"nowhere lacks unet/config\.json, vae/config\.json")


def test_truncated_weights(copy, cpu):
    path = copy / UNET
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(copy, cpu, r"diffusion_pytorch_model\.safetensors")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", struct.pack("<Q", 2**63) + b"{}", b"\0" * 4096])
def test_weights_of_another_kind(copy, cpu, content):
    (copy / UNET).write_bytes(content)
    refused(copy, cpu, r"diffusion_pytorch_model\.safetensors")


def test_missing_tensors_are_not_made_up(copy, cpu):
    tensors = load_file(copy / UNET)
    del tensors["conv_in.weight"]
    save_file(tensors, copy / UNET, {"format": "pt"})
    refused(copy, cpu, r"unet lacks 1 tensors, such as conv_in\.weight")
    shutil.copy(next((copy / "vae").glob("*.safetensors")), copy / UNET)
    refused(copy, cpu, "unet lacks")


def test_missing_text_tensors_are_not_made_up(copy, cpu):
    path = copy / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    del tensors["final_layer_norm.weight"]
    save_file(tensors, path, {"format": "pt"})
    refused(copy, cpu, r"text_encoder lacks 1 tensors, such as final_layer_norm\.weight")


def test_tensors_of_another_model(copy, cpu, tmp_path):
    wide = save_tiny_pipeline(tmp_path / "wide", cross_attention_dim=64)
    shutil.copy(wide / UNET, copy / UNET)
    refused(copy, cpu, "cannot be read as Stable Diffusion")


@pytest.mark.parametrize("text", ["", "[]", '{"_class_name": "UNet2DConditionModel", "sample_size": "x"}'])
def test_unreadable_configuration(copy, cpu, text):
    (copy / "unet/config.json").write_text(text)
    refused(copy, cpu, "copy")


def test_a_folder_cannot_name_other_classes(copy, cpu, tiny, pixels):
    """model_index.json may be anybody's text; which classes are made is decided here."""
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps({**index, "unet": ["os", "system"], "_class_name": "Evil"}))
    assert np.array_equal(pixels(load(tiny_info(copy), cpu)), pixels(tiny))


def test_a_single_file_draws_what_its_folder_draws(checkpoint, cpu, tiny, tiny_folder, pixels):
    model = load(tiny_info(checkpoint), cpu, single_file_config=tiny_folder)
    assert np.array_equal(pixels(model), pixels(tiny))
    assert model.size_bytes == tiny.size_bytes


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_prediction_type_of_a_single_file_comes_from_the_catalogue(checkpoint, cpu, tiny_folder, prediction):
    info = tiny_info(checkpoint, prediction_type=prediction)
    model = load(info, cpu, single_file_config=tiny_folder)
    assert model.pipeline.scheduler.config.prediction_type == prediction


def test_a_single_file_of_zero_terminal_snr_begins_at_pure_noise(checkpoint, cpu, tiny_folder, draw):
    model = load(tiny_info(checkpoint, zero_terminal_snr=True), cpu, single_file_config=tiny_folder)
    scheduler = model.pipeline.scheduler
    assert (scheduler.config.timestep_spacing, float(scheduler.alphas_cumprod[-1])) == ("trailing", 0.0)
    for name in ("DDIM", "DPM++ 2M Karras", "LMS"):
        assert not draw(model, scheduler=name)[0].notes


@pytest.mark.parametrize("extra", [{"use_karras_sigmas": True}, {"solver_order": 3, "clip_sample": True}])
def test_what_other_samplers_left_in_a_folder_changes_no_pixel(copy, cpu, tiny, pixels, extra):
    path = copy / "scheduler/scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **extra, "_class_name": "UniPCMultistepScheduler"}))
    odd = load(tiny_info(copy), cpu)
    for name in ("DDIM", "DPM++ 2M"):
        assert np.array_equal(pixels(odd, scheduler=name), pixels(tiny, scheduler=name))


@pytest.mark.parametrize(
    "part", ["model.diffusion_model.out.2", "first_stage_model.decoder.conv_in", "cond_stage_model.model.ln_final"]
)
def test_an_incomplete_single_file(checkpoint, cpu, tiny_folder, tmp_path, part):
    tensors = {name: tensor for name, tensor in load_file(checkpoint).items() if not name.startswith(part)}
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(ModelBroken, match=r"part\.safetensors lacks (some|2) tensors"):
        load(tiny_info(tmp_path / "part.safetensors"), cpu, single_file_config=tiny_folder)


def test_single_files_that_are_something_else(checkpoint, cpu, tiny_folder, tmp_path):
    path = tmp_path / "odd.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    refused(path, cpu, "odd", single_file_config=tiny_folder)
    path.write_bytes(checkpoint.read_bytes()[:5000])
    refused(path, cpu, "odd", single_file_config=tiny_folder)
    path.unlink()
    missing = dataclasses.replace(tiny_info(path), single_file=True)
    with pytest.raises(ModelBroken, match=r"lacks odd\.safetensors"):
        load(missing, cpu, single_file_config=tiny_folder)


def test_a_stable_diffusion_1_file_is_not_read_as_2(checkpoint, cpu):
    """The shipped configuration is the real one; a file of other widths cannot fill it."""
    refused(checkpoint, cpu, "tiny")


def test_shipped_configuration_is_stable_diffusion_2():
    with init_empty_weights():
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(SINGLE_FILE_CONFIG / "unet"))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(SINGLE_FILE_CONFIG / "vae"))
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(SINGLE_FILE_CONFIG / "text_encoder"))
    sizes = [sum(tensor.numel() for tensor in model.parameters()) for model in (unet, vae, text)]
    assert sizes == [865_910_724, 83_653_863, 340_387_840]


def test_a_full_size_checkpoint_fits_the_shipped_configuration():
    """Every tensor of the original layout, by name and shape, without its gigabytes."""
    with init_empty_weights():
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(SINGLE_FILE_CONFIG / "unet"))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(SINGLE_FILE_CONFIG / "vae"))
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(SINGLE_FILE_CONFIG / "text_encoder"))
    checkpoint = ldm_checkpoint(SimpleNamespace(unet=unet, vae=vae, text_encoder=text))
    assert sum(name.startswith("model.diffusion_model.") for name in checkpoint) == 686
    for model, tensors in (
        (unet, convert_ldm_unet_checkpoint(dict(checkpoint), dict(unet.config))),
        (vae, convert_ldm_vae_checkpoint(dict(checkpoint), dict(vae.config))),
        (text, convert_open_clip_checkpoint(text, dict(checkpoint))),
    ):
        expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
        got = {name.removeprefix("text_model."): tensor.shape for name, tensor in tensors.items()}
        assert expected.items() <= got.items()


def test_shipped_tokenizer_is_clips():
    tokenizer = CLIPTokenizer.from_pretrained(SINGLE_FILE_CONFIG / "tokenizer", local_files_only=True)
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert (len(tokenizer), tokenizer.pad_token_id, tokenizer.model_max_length) == (49408, 0, 77)
