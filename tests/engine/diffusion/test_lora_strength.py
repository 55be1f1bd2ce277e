"""Each layer of a LoRA is as strong as its file says, which is what diffusers' and peft's own loaders make of it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel
from safetensors.torch import save_file
from torch import Tensor

from engine.diffusion.lora import applied
from engine.weights.lora_files.strength import strength
from tests.tiny_lora import Layers, kohya, lora_info, lora_layers, save_lora

FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COMPONENTS = ("unet", "text_encoder")
ODD = {"unet": "attn1.to_q", "text_encoder": "layers.1.self_attn.k_proj"}  # the layers that patterns name

Deltas = dict[tuple[str, str], Tensor]


@dataclass(frozen=True)
class Part:
    """How one component of a file is adapted; `odd` is the rank and alpha of the layer that patterns name."""

    rank: int
    alpha: float
    rank_stabilised: bool
    odd: tuple[int, float] | None

    def record(self, component: str, modules: list[str]) -> dict:
        """peft's settings."""
        patterns = {}
        if self.odd:
            patterns = {
                "rank_pattern": {ODD[component]: self.odd[0]},
                "alpha_pattern": {ODD[component]: self.odd[1]},
            }
        shared = {"r": self.rank, "lora_alpha": self.alpha, "use_rslora": self.rank_stabilised}
        return {**shared, **patterns, "target_modules": modules, "bias": "none"}


parts = st.builds(
    Part,
    rank=st.sampled_from([1, 2, 4, 8]),
    alpha=st.sampled_from([0.5, 1, 4, 16]),
    rank_stabilised=st.booleans(),
    odd=st.none() | st.tuples(st.sampled_from([2, 3, 16]), st.sampled_from([1, 5, 32])),
)
files = st.dictionaries(st.sampled_from(COMPONENTS), parts, min_size=1)


def layers_of(file: dict[str, Part]) -> Layers:
    """Layers of these ranks, with names as the model has them."""
    layers = {}
    for component, part in file.items():
        common, odd = lora_layers(rank=part.rank), lora_layers(rank=part.odd[0] if part.odd else 1)
        for place, pair in common.items():
            if place[0] == component:
                named = part.odd and place[1].endswith(f".{ODD[component]}")
                layers[component, place[1].removeprefix("text_model.")] = odd[place] if named else pair
    return layers


def deltas(pipeline) -> Deltas:
    """What all adapters together add to each weight."""
    found = {}
    for component in COMPONENTS:
        for name, module in getattr(pipeline, component).named_modules():
            if hasattr(module, "get_delta_weight"):
                found[component, name] = sum(module.get_delta_weight(adapter).detach() for adapter in module.lora_A)
    return found


def ours(tiny, path: Path) -> Deltas:
    with applied(tiny, [(lora_info(path), 1.0)]) as (on,):
        assert on.keys_applied == on.keys_total
        return deltas(tiny.pipeline)


def theirs(tiny, path: Path) -> Deltas:
    """By diffusers' loader, from the file."""
    try:
        tiny.pipeline.load_lora_weights(path.parent, weight_name=path.name)
        return deltas(tiny.pipeline)
    finally:
        tiny.pipeline.unload_lora_weights()


def assert_equal(mine: Deltas, other: Deltas) -> None:
    assert mine.keys() == other.keys()
    for place, delta in other.items():
        torch.testing.assert_close(mine[place], delta, rtol=1e-4, atol=1e-5)


@FEW
@given(file=files)
def test_diffusers_files_are_as_strong_as_with_diffusers(tiny, tmp_path, file):
    path, layers, record = tmp_path / "a.safetensors", layers_of(file), {}
    for component, part in file.items():
        modules = [module for place, module in layers if place == component]
        record |= {f"{component}.{name}": value for name, value in part.record(component, modules).items()}
    tensors = {}
    for (component, module), (down, up) in layers.items():
        tensors[f"{component}.{module}.lora_A.weight"] = down
        tensors[f"{component}.{module}.lora_B.weight"] = up.contiguous()
    save_file(tensors, path, {"format": "pt", "lora_adapter_metadata": json.dumps(record)})
    assert_equal(ours(tiny, path), theirs(tiny, path))


@FEW
@given(file=files)
def test_kohya_files_are_as_strong_as_with_diffusers(tiny, tmp_path, file):
    """With one alpha for each component: where layers differ, diffusers 0.42 takes the alpha that comes most often."""
    path, tensors = tmp_path / "a.safetensors", {}
    for (component, module), (down, up) in layers_of(file).items():
        prefix = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}[component]
        name = prefix + module.replace(".", "_")
        tensors[f"{name}.lora_down.weight"], tensors[f"{name}.lora_up.weight"] = down, up.contiguous()
        tensors[f"{name}.alpha"] = torch.tensor(float(file[component].alpha))
    save_file(tensors, path)
    assert_equal(ours(tiny, path), theirs(tiny, path))


@FEW
@given(component=st.sampled_from(COMPONENTS), part=parts)
def test_peft_folders_are_as_strong_as_with_peft(tiny, tmp_path, component, part):
    path, layers = tmp_path / "adapter_model.safetensors", layers_of({component: part})
    tensors = {}
    for (_, module), (down, up) in layers.items():
        tensors[f"base_model.model.{module}.lora_A.weight"] = down
        tensors[f"base_model.model.{module}.lora_B.weight"] = up.contiguous()
    save_file(tensors, path)
    LoraConfig(**part.record(component, [module for _, module in layers])).save_pretrained(tmp_path)
    wrapped = PeftModel.from_pretrained(getattr(tiny.pipeline, component), tmp_path)
    try:
        other = deltas(tiny.pipeline)
    finally:
        wrapped.unload()
    assert_equal(ours(tiny, path), other)


def test_kohya_alphas_count_layer_by_layer(tiny, tmp_path):
    """kohya's definition: alpha / rank of each layer; a layer without an alpha has the scale 1."""
    layers = lora_layers(rank=4)
    tensors = kohya(layers, 4.0)
    alphas = [name for name in tensors if name.endswith(".alpha")]
    for i, name in enumerate(alphas[1:]):
        tensors[name] = torch.tensor(float(i))
    del tensors[alphas[0]]
    save_file(tensors, tmp_path / "a.safetensors")
    expected = [1.0, *(i / 4 for i in range(len(alphas) - 1))]
    mine = ours(tiny, tmp_path / "a.safetensors")
    for ((component, module), (down, up)), scale in zip(layers.items(), expected, strict=True):
        delta = mine[component, module.removeprefix("text_model.")]
        torch.testing.assert_close(delta, scale * up @ down, rtol=1e-4, atol=1e-5)


def test_text_encoder_and_unet_have_their_own_alpha(tiny, tmp_path):
    """UNet of rank 8 with alpha 16 and text encoder of rank 4 with alpha 4: 2 and 1."""
    eight, four = lora_layers(rank=8), lora_layers(rank=4)
    layers = {place: eight[place] if place[0] == "unet" else four[place] for place in eight}
    tensors = {}
    for (component, module), (down, up) in layers.items():
        tensors[f"{component}.{module}.lora_A.weight"] = down
        tensors[f"{component}.{module}.lora_B.weight"] = up
    record = {"unet.r": 8, "unet.lora_alpha": 16, "text_encoder.r": 4, "text_encoder.lora_alpha": 4}
    save_file(tensors, tmp_path / "a.safetensors", {"lora_adapter_metadata": json.dumps(record)})
    mine = ours(tiny, tmp_path / "a.safetensors")
    for (component, module), (down, up) in layers.items():
        scale = {"unet": 2, "text_encoder": 1}[component]
        delta = mine[component, module.removeprefix("text_model.")]
        torch.testing.assert_close(delta, scale * up @ down, rtol=1e-4, atol=1e-5)


def factor(record: dict, module: str, rank: int = 4) -> float:
    metadata = {"lora_adapter_metadata": json.dumps(record)}
    return strength(metadata, Path("a.safetensors")).factor("unet", module, rank, None)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("to_q", True),
        ("attn1.to_q", True),
        ("down_blocks.0.attn1.to_q", True),
        ("^down_blocks.0.attn1.to_q", True),
        (r"down_blocks\.0\.attn1\.to_q$", True),
        ("^to_q", False),
        ("o_q", False),
        ("to_k", False),
        ("attn1_to_q", False),
        ("to.q", False),  # a dot is a dot
        ("to_(q|k)", False),
        (".*", False),
    ],
)
def test_patterns_are_names_or_their_ends(pattern, fits):
    record = {"unet.r": 4, "unet.lora_alpha": 4, "unet.alpha_pattern": {pattern: 20}}
    assert factor(record, "down_blocks.0.attn1.to_q") == (5 if fits else 1)


def test_the_first_pattern_that_fits_counts():
    record = {"unet.lora_alpha": 4, "unet.alpha_pattern": {"to_k": 1, "to_q": 8, "attn1.to_q": 16}}
    assert factor(record, "attn1.to_q") == 2


def test_a_pattern_that_would_run_for_ever_is_no_name():
    record = {"unet.lora_alpha": 4, "unet.alpha_pattern": {"(a+)+$": 1, "x" * 100_000: 2, "to_q": 8}}
    metadata = {"lora_adapter_metadata": json.dumps(record)}
    said = strength(metadata, Path("a.safetensors"))
    assert said.unread
    assert said.factor("unet", "a" * 40 + ".to_q", 4, None) == 2


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, 1),
        ({"unet.lora_alpha": 8}, 2),
        ({"text_encoder.lora_alpha": 8}, 1),
        ({"lora_alpha": 8}, 2),  # a record without components is for all
        ({"unet.r": 4}, 2),  # peft's own alpha is 8
        ({"unet.r": 16, "unet.rank_pattern": {"to_q": 4}}, 2),
        ({"unet.r": 16}, 1),  # the record is of another file
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, 4),
        ({"unet.lora_alpha": 8, "text_encoder.use_rslora": True}, 2),
        ({"unet.lora_alpha": "8"}, 1),
        ({"unet.lora_alpha": True}, 1),
        ({"unet.lora_alpha": math.inf}, 1),
        ({"unet.lora_alpha": 10**400}, 1),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 10**400}}, 2),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": ["to_q"], "unet.rank_pattern": 3}, 2),
        ({"unet.r": 10**400}, 1),
    ],
)
def test_what_a_record_means(record, expected):
    assert factor(record, "attn1.to_q") == expected


def test_a_layer_s_own_alpha_wins_over_the_record(tiny, tmp_path):
    path = tmp_path / "a.safetensors"
    record = {"unet.lora_alpha": 64, "unet.use_rslora": True}
    save_lora(path, alpha=4.0, metadata={"lora_adapter_metadata": json.dumps(record)})
    save_lora(tmp_path / "b.safetensors", alpha=4.0)
    assert_equal(ours(tiny, path), ours(tiny, tmp_path / "b.safetensors"))
