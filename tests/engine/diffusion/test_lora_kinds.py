"""LoRAs of other kinds and under other tools' names change the model's layers as their definitions say."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.diffusion.ldm_names import ldm_names
from engine.diffusion.lora import applied
from engine.errors import LoraRefused, StudioError, UnsafeFile
from tests.tiny import build_tiny_pipeline
from tests.tiny_lora import kohya, lora_info, lora_layers, save_lora

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"  # 32 to 16
WIDE = "down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj"  # 16 to 128, with a bias
CONV = "down_blocks.0.resnets.0.conv1"  # 3x3
RANK, ALPHA = 4, 2.0


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) / 4


def halves(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Down and up of a layer with this weight, as kohya's scripts shape them."""
    up = randn(weight.shape[0], RANK, *[1] * (weight.ndim - 2), seed=1)
    return randn(RANK, *weight.shape[1:]), up


def product(down: Tensor, up: Tensor, weight: Tensor) -> Tensor:
    return (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)


def output(module: nn.Module, weight: Tensor | None = None) -> Tensor:
    """What a layer gives for a fixed input; with another weight in place of its own."""
    base = module.base_layer if hasattr(module, "base_layer") else module
    own = base.weight.detach()
    x = randn(2, own.shape[1], *([8, 8] if own.ndim == 4 else []), seed=2)
    with torch.no_grad():
        if weight is None:
            return module(x)
        if own.ndim == 4:
            return nn.functional.conv2d(x, weight, base.bias, base.stride, base.padding)
        return nn.functional.linear(x, weight, base.bias)


def save(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    return path


def assert_changes_to(tiny, path: Path, changed: dict[str, Callable[[Tensor], Tensor]]) -> None:
    """With the LoRA on, each of these modules of the U-Net computes with the weight that the function makes of its."""
    modules = {name: tiny.pipeline.unet.get_submodule(name) for name in changed}
    expected = {name: output(module, changed[name](module.weight.detach())) for name, module in modules.items()}
    bare = {name: output(module) for name, module in modules.items()}
    with applied(tiny, [(lora_info(path), 1.0)]) as (on,):
        assert on.keys_applied == on.keys_total, on
        for name, result in expected.items():
            assert not torch.allclose(result, bare[name], rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(output(tiny.pipeline.unet.get_submodule(name)), result, rtol=1e-4, atol=1e-4)


def kohya_layer(tiny, module: str, **more: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """A layer's tensors under kohya's names, and the change of its weight that down, up and alpha make."""
    weight = tiny.pipeline.unet.get_submodule(module).weight.detach()
    down, up = halves(weight)
    name = f"lora_unet_{module.replace('.', '_')}"
    parts = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(ALPHA), **more}
    return {f"{name}.{part}": tensor for part, tensor in parts.items()}, product(down, up, weight) * ALPHA / RANK


@pytest.mark.parametrize("module", [LINEAR, WIDE, CONV])
def test_dora_with_a_magnitude_for_each_output(tiny, tmp_path, module):
    """LyCORIS: W' = s (W + D) / |W + D|, the norm over all that goes into an output."""
    weight = tiny.pipeline.unet.get_submodule(module).weight.detach()
    scale = 1 + randn(weight.shape[0], *[1] * (weight.ndim - 1), seed=3)
    tensors, delta = kohya_layer(tiny, module, dora_scale=scale)

    def changed(weight: Tensor) -> Tensor:
        moved = weight + delta
        return scale * moved / moved.flatten(1).norm(dim=1).reshape(scale.shape)

    assert_changes_to(tiny, save(tmp_path / "a.safetensors", tensors), {module: changed})


@pytest.mark.parametrize("module", [LINEAR, WIDE, CONV])
def test_dora_with_a_magnitude_for_each_input(tiny, tmp_path, module):
    """OneTrainer and early LyCORIS: the norm over all that an input goes to."""
    weight = tiny.pipeline.unet.get_submodule(module).weight.detach()
    scale = 1 + randn(1, *weight.shape[1:2], *[1] * (weight.ndim - 2), seed=3)
    tensors, delta = kohya_layer(tiny, module, dora_scale=scale)

    def changed(weight: Tensor) -> Tensor:
        moved = weight + delta
        return scale * moved / moved.transpose(0, 1).flatten(1).norm(dim=1).reshape(scale.shape)

    assert_changes_to(tiny, save(tmp_path / "a.safetensors", tensors), {module: changed})


def test_dora_and_plain_layers_in_one_file(tiny, tmp_path):
    scale = 1 + randn(16, 1, seed=3)
    dora, delta = kohya_layer(tiny, LINEAR, dora_scale=scale)
    plain, change = kohya_layer(tiny, WIDE)
    path = save(tmp_path / "a.safetensors", dora | plain)
    changes = {
        LINEAR: lambda weight: scale * (weight + delta) / (weight + delta).norm(dim=1, keepdim=True),
        WIDE: lambda weight: weight + change,
    }
    assert_changes_to(tiny, path, changes)


def adapted(tmp_path: Path, **kind) -> StableDiffusionPipeline:
    """A pipeline with peft's own adapter of some kind, whose LoRA diffusers has saved."""
    pipeline = build_tiny_pipeline(tmp_path / "tiny", "v_prediction", 32, 0)
    pipeline.set_progress_bar_config(disable=True)
    torch.manual_seed(0)
    layers, metadata = {}, {}
    for component, modules in (("unet", ["to_out.0", "conv1"]), ("text_encoder", ["out_proj", "fc1"])):
        model = getattr(pipeline, component)
        model.add_adapter(LoraConfig(r=4, lora_alpha=6, target_modules=modules, **kind))
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_" in name:
                    parameter += 0.2 * torch.randn_like(parameter)
        layers[f"{component}_lora_layers"] = get_peft_model_state_dict(model)
        config = {name: value for name, value in LoraConfig(r=4, lora_alpha=6, **kind).to_dict().items() if value}
        metadata[f"{component}_lora_adapter_metadata"] = {**config, "target_modules": modules}
    StableDiffusionPipeline.save_lora_weights(tmp_path, **layers, **metadata)
    return pipeline


@pytest.mark.parametrize("kind", [{"use_dora": True}, {"lora_bias": True}, {"use_rslora": True}])
def test_peft_s_own_kinds_draw_as_in_peft(tiny, pixels, tmp_path, kind):
    pipeline = adapted(tmp_path, **kind)
    lora = lora_info(tmp_path / "pytorch_lora_weights.safetensors")
    with applied(tiny, [(lora, 1.0)]) as (on,):
        assert on.keys_applied == on.keys_total
    theirs = pipeline(
        "a castle on a mountain",
        negative_prompt="red",
        num_inference_steps=3,
        generator=torch.Generator().manual_seed(11),
    ).images[0]
    assert abs(pixels(tiny, [(lora, 1.0)]).astype(int) - np.asarray(theirs)).max() <= 1
    assert not np.array_equal(pixels(tiny), np.asarray(theirs))


def test_a_bias_without_a_place_is_left_out_and_said(tiny, tmp_path):
    tensors, delta = kohya_layer(tiny, LINEAR)  # no bias in the model
    name = next(iter(tensors)).split(".")[0]
    path = save(tmp_path / "a.safetensors", tensors | {f"{name}.lora_up.bias": torch.ones(16)})
    module = tiny.pipeline.unet.get_submodule(LINEAR)
    expected = output(module, module.weight.detach() + delta)
    with applied(tiny, [(lora_info(path), 1.0)]) as (on,):
        assert (on.keys_applied, on.keys_total) == (3, 4)
        assert "3 of its 4 tensors" in on.note
        torch.testing.assert_close(output(tiny.pipeline.unet.get_submodule(LINEAR)), expected)


@pytest.mark.parametrize("dora", [False, True])
def test_tucker_locon(tiny, tmp_path, dora):
    """Down of 1x1, mid of 3x3, up of 1x1, one after the other."""
    weight = tiny.pipeline.unet.get_submodule(CONV).weight.detach()
    scale = 1 + randn(weight.shape[0], 1, 1, 1, seed=3)
    down, mid = randn(RANK, weight.shape[1], 1, 1), randn(RANK, RANK, 3, 3, seed=4)
    up = randn(weight.shape[0], RANK, 1, 1, seed=1)
    name = f"lora_unet_{CONV.replace('.', '_')}"
    parts = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up, "alpha": torch.tensor(ALPHA)}
    parts |= {"dora_scale": scale} if dora else {}
    path = save(tmp_path / "a.safetensors", {f"{name}.{part}": tensor for part, tensor in parts.items()})
    delta = torch.einsum("oa,abhw,bi->oihw", up[:, :, 0, 0], mid, down[:, :, 0, 0]) * ALPHA / RANK

    def changed(weight: Tensor) -> Tensor:
        moved = weight + delta
        return scale * moved / moved.flatten(1).norm(dim=1).reshape(scale.shape) if dora else moved

    assert_changes_to(tiny, path, {CONV: changed})


@pytest.mark.parametrize("layer", ["mlp.fc1", "mlp.fc2", "self_attn.k_proj", "self_attn.out_proj"])
def test_each_layer_of_the_text_encoder_alone(tiny, tmp_path, layer):
    module = tiny.pipeline.text_encoder.get_submodule(f"encoder.layers.1.{layer}")
    down, up = halves(module.weight)
    name = f"lora_te_text_model_encoder_layers_1_{layer.replace('.', '_')}"
    path = save(
        tmp_path / "a.safetensors",
        {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(ALPHA)},
    )
    expected = output(module, module.weight.detach() + product(down, up, module.weight) * ALPHA / RANK)
    with applied(tiny, [(lora_info(path), 1.0)]):
        adapted = tiny.pipeline.text_encoder.get_submodule(f"encoder.layers.1.{layer}")
        torch.testing.assert_close(output(adapted), expected, rtol=1e-4, atol=1e-5)


NAMES: dict[str, Callable[[str, str], str]] = {
    "ComfyUI": lambda component, name: {
        "unet": f"diffusion_model.{name}",
        "text_encoder": f"text_encoders.clip_h.transformer.text_model.{name}",
    }[component],
    "original checkpoint": lambda component, name: {
        "unet": f"model.diffusion_model.{name}",
        "text_encoder": f"cond_stage_model.transformer.text_model.{name}",
    }[component],
    "kohya with original names": lambda component, name: {
        "unet": f"lora_unet_{name.replace('.', '_')}",
        "text_encoder": f"lora_te_text_model_{name.replace('.', '_')}",
    }[component],
}


@pytest.mark.parametrize("tool", NAMES)
def test_names_of_the_original_checkpoints(tiny, pixels, tmp_path, tool):
    layers, original = lora_layers(), ldm_names(tiny.pipeline.unet)
    tensors = {}
    for (component, module), (down, up) in layers.items():
        name = original[module] if component == "unet" else module.removeprefix("text_model.")
        tensors[f"{NAMES[tool](component, name)}.lora_down.weight"] = down
        tensors[f"{NAMES[tool](component, name)}.lora_up.weight"] = up
    lora = lora_info(save(tmp_path / "a.safetensors", tensors))
    with applied(tiny, [(lora, 1.0)]) as (on,):
        assert on.keys_applied == on.keys_total == len(tensors)
    same = save_lora(tmp_path / "b.safetensors", alpha=4.0)
    assert np.array_equal(pixels(tiny, [(lora, 1.0)]), pixels(tiny, [(same, 1.0)]))


def test_raw_names_of_onetrainer(tiny, pixels, tmp_path):
    tensors = {}
    for (component, module), (down, up) in lora_layers().items():
        name = {"unet": "lora_unet", "text_encoder": "lora_te"}[component] + f".{module}"
        tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": torch.tensor(4.0)}
    lora = lora_info(save(tmp_path / "a.safetensors", tensors))
    same = save_lora(tmp_path / "b.safetensors", alpha=4.0)
    assert np.array_equal(pixels(tiny, [(lora, 1.0)]), pixels(tiny, [(same, 1.0)]))


def test_original_names_of_stable_diffusion_2():
    """As in the checkpoints that Stability published; spot checks in each kind of block."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        names = ldm_names(UNet2DConditionModel(cross_attention_dim=1024, use_linear_projection=True))
    expected = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_2": "time_embed.2",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q": (
            "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
        ),
        "down_blocks.0.downsamplers.0.conv": "input_blocks.3.0.op",
        "down_blocks.1.resnets.0.conv_shortcut": "input_blocks.4.0.skip_connection",
        "down_blocks.2.attentions.1.proj_in": "input_blocks.8.1.proj_in",
        "down_blocks.3.resnets.1.time_emb_proj": "input_blocks.11.0.emb_layers.1",
        "mid_block.attentions.0.proj_out": "middle_block.1.proj_out",
        "mid_block.resnets.1.conv2": "middle_block.2.out_layers.3",
        "up_blocks.0.upsamplers.0.conv": "output_blocks.2.1.conv",
        "up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj": (
            "output_blocks.5.1.transformer_blocks.0.ff.net.0.proj"
        ),
        "up_blocks.1.upsamplers.0.conv": "output_blocks.5.2.conv",
        "up_blocks.3.resnets.2.conv1": "output_blocks.11.0.in_layers.2",
        "conv_out": "out.2",
    }
    assert {name: names[name] for name in expected} == expected


def test_a_lora_of_which_nothing_counts_is_noted(tiny, draw, pixels, tmp_path):
    lora = save_lora(tmp_path / "nothing.safetensors", alpha=0.0)
    (image,) = draw(tiny, [(lora, 1.0)])
    assert image.notes == ("LoRA nothing: Every alpha in it is 0, so it changes nothing.",)
    assert np.array_equal(np.asarray(image.image), pixels(tiny))


def test_what_is_left_out_is_named_with_the_picture(tiny, draw, tmp_path):
    tensors = kohya(lora_layers(), 4.0) | {"bundle_emb.my word.clip_l": torch.ones(2, 32)}
    lora = lora_info(save(tmp_path / "both.safetensors", tensors))
    (image,) = draw(tiny, [(lora, 1.0)])
    assert image.notes[0].endswith("Left out: the embedding my word.")


def test_halves_alone_are_refused_by_name(tiny, tmp_path):
    tensors = {name: tensor for name, tensor in kohya(lora_layers(), 4.0).items() if "lora_up" not in name}
    path = save(tmp_path / "half.safetensors", tensors)
    with pytest.raises(LoraRefused, match="the other half"), applied(tiny, [(lora_info(path), 1.0)]):
        pass


def test_bytes_behind_the_tensors_are_named(tiny, tmp_path):
    path = save_lora(tmp_path / "long.safetensors").path
    path.write_bytes(path.read_bytes() + bytes(16))
    with pytest.raises(UnsafeFile, match="16 bytes are appended"), applied(tiny, [(lora_info(path), 1.0)]):
        pass


@pytest.mark.parametrize(
    "more",
    [
        {"dora_scale": torch.ones(7, 1)},
        {"lora_mid.weight": torch.ones(3, 3, 3, 3)},
        {"lora_magnitude_vector": torch.ones(5)},
    ],
)
def test_parts_of_other_shapes_are_refused(tiny, tmp_path, more):
    tensors, _ = kohya_layer(tiny, LINEAR, **more)
    path = save(tmp_path / "odd.safetensors", tensors)
    with pytest.raises(LoraRefused, match="for a model of other shapes"), applied(tiny, [(lora_info(path), 1.0)]):
        pass


def test_hostile_peft_settings_configure_nothing(tiny, pixels, tmp_path):
    clean = save_lora(tmp_path / "clean.safetensors")
    record = {"unet.use_dora": True, "unet.lora_bias": True, "unet.target_modules": "(a+)+$"}
    metadata = {"lora_adapter_metadata": json.dumps(record)}
    evil = save_lora(tmp_path / "evil.safetensors", metadata=metadata)
    assert np.array_equal(pixels(tiny, [(evil, 1.0)]), pixels(tiny, [(clean, 1.0)]))


MODULES = (LINEAR, WIDE, CONV)
ODD_PARTS = (
    "lora_down.weight",
    "lora_up.weight",
    "lora_up.bias",
    "lora_mid.weight",
    "alpha",
    "dora_scale",
    "lora_magnitude_vector",
    "hada_w1_a",
    "diff",
)
odd_parts = st.dictionaries(
    st.tuples(st.sampled_from(MODULES), st.sampled_from(ODD_PARTS)),
    st.lists(st.sampled_from([1, 4, 16, 32]), max_size=4),
    max_size=4,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd=odd_parts, weight=st.sampled_from([0.0, -0.5, 1.0]))
def test_parts_of_any_shape_are_put_on_or_refused_in_words(tiny, tmp_path, odd, weight):
    tensors, _ = kohya_layer(tiny, LINEAR)
    for (module, part), shape in odd.items():
        tensors[f"lora_unet_{module.replace('.', '_')}.{part}"] = torch.ones(shape)
    lora = lora_info(save(tmp_path / "odd.safetensors", tensors))
    words = ""
    try:
        with applied(tiny, [(lora, weight)]) as (on,):
            assert 0 < on.keys_applied <= on.keys_total
            output(tiny.pipeline.unet.get_submodule(LINEAR))
    except StudioError as error:
        words = str(error)
    assert not words or words.startswith("odd")
    assert not any(hasattr(module, "lora_A") for module in tiny.pipeline.unet.modules())


def test_an_alpha_of_any_shape_with_one_number_counts(tiny, tmp_path):
    tensors, change = kohya_layer(tiny, LINEAR, alpha=torch.full((1, 1), ALPHA))
    assert_changes_to(tiny, save(tmp_path / "a.safetensors", tensors), {LINEAR: lambda weight: weight + change})


def test_a_strength_beyond_all_numbers_is_refused_before_anything_is_drawn(tiny, tmp_path):
    tensors, _ = kohya_layer(tiny, LINEAR, alpha=torch.tensor(1e300, dtype=torch.float64))
    path = save(tmp_path / "a.safetensors", tensors)
    with pytest.raises(LoraRefused, match="alpha / rank"), applied(tiny, [(lora_info(path), 1.0)]):
        pass
