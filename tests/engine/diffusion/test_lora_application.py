import dataclasses
import json

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file

from engine.diffusion.lora import applied, worn
from engine.errors import LoraRefused, UnsafeFile
from tests.tiny import build_tiny_pipeline
from tests.tiny_lora import DIALECTS, diffusers, kohya, lora_info, lora_layers, peft, save_lora

NAMED = (("first", 4.0), ("second", 2.0))
KEYS = 2 * 16  # down and up of eight layers in the UNet and eight in the text encoder


def test_weight_zero_is_the_base(tiny, pixels, tmp_path):
    lora = save_lora(tmp_path / "style.safetensors")
    assert np.array_equal(pixels(tiny, [(lora, 0.0)]), pixels(tiny))


def test_afterwards_the_model_is_the_base_again(tiny, pixels, tmp_path):
    before = pixels(tiny)
    names = [name for name, _ in tiny.pipeline.unet.named_modules()]
    with_lora = pixels(tiny, [(save_lora(tmp_path / "style.safetensors"), 1.0)])
    assert not np.array_equal(with_lora, before)
    assert np.array_equal(pixels(tiny), before)
    assert [name for name, _ in tiny.pipeline.unet.named_modules()] == names


def test_the_same_lora_gives_the_same_picture_each_time(tiny, pixels, tmp_path):
    loras = [(save_lora(tmp_path / "style.safetensors"), 0.7)]
    assert np.array_equal(pixels(tiny, loras), pixels(tiny, loras))


def test_the_base_comes_back_after_an_error_inside(tiny, pixels, tmp_path):
    before = pixels(tiny)
    with pytest.raises(ZeroDivisionError), applied(tiny, [(save_lora(tmp_path / "style.safetensors"), 1.0)]):
        raise ZeroDivisionError
    assert np.array_equal(pixels(tiny), before)


def test_drafts_with_a_lora_between_drawings_change_neither(tiny, pixels, tmp_path):
    def weights():
        return {name: tensor.clone() for name, tensor in tiny.pipeline.unet.state_dict().items()}

    before, full = weights(), pixels(tiny)
    first, second = ([(save_lora(tmp_path / f"{name}.safetensors", alpha=alpha), 1.0)] for name, alpha in NAMED)
    merged = {"loras_merged": True}
    drafts = [pixels(tiny, loras, **merged) for loras in (first, first, second, first)]
    assert np.array_equal(pixels(tiny), full)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights().items())
    assert np.array_equal(drafts[0], drafts[1])
    assert np.array_equal(drafts[0], drafts[3])
    assert not np.array_equal(drafts[0], drafts[2])
    save_lora(tmp_path / "first.safetensors", alpha=8.0)  # another file in its place
    assert not np.array_equal(pixels(tiny, first, **merged), drafts[0])


@pytest.mark.parametrize("alpha", [4.0, 2.0])
def test_every_dialect_of_one_lora_draws_the_same(tiny, pixels, tmp_path, alpha):
    pictures = []
    for dialect in DIALECTS:
        name = "adapter_model" if dialect is peft else "style"
        lora = save_lora(tmp_path / dialect.__name__ / f"{name}.safetensors", dialect, alpha)
        with applied(tiny, [(lora, 1.0)]) as (on,):
            assert on.keys_applied == on.keys_total == (KEYS * 3 // 2 if "kohya" in dialect.__name__ else KEYS)
        pictures.append(pixels(tiny, [(lora, 1.0)]))
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures[1:])


def test_alpha_is_strength(tiny, pixels, tmp_path):
    full = save_lora(tmp_path / "full.safetensors", alpha=4.0)
    half = save_lora(tmp_path / "half.safetensors", alpha=2.0)
    assert np.array_equal(pixels(tiny, [(half, 1.0)]), pixels(tiny, [(full, 0.5)]))


def test_the_text_encoder_is_adapted_too(tiny, pixels, tmp_path):
    layers = {place: pair for place, pair in lora_layers().items() if place[0] == "text_encoder"}
    lora = save_lora(tmp_path / "words.safetensors", layers=layers)
    assert not np.array_equal(pixels(tiny, [(lora, 1.0)]), pixels(tiny))


def test_layers_of_different_rank(tiny, pixels, tmp_path):
    small, large = lora_layers(rank=2), lora_layers(rank=8)
    layers = {place: (small if i % 3 else large)[place] for i, place in enumerate(small)}
    # Padding every layer with zeros to one rank does not change what it computes.
    padded = {
        place: (
            torch.cat([down, torch.zeros(8 - len(down), down.shape[1])]),
            torch.cat([up, torch.zeros(len(up), 8 - up.shape[1])], dim=1) * (8 / len(down)),
        )
        for place, (down, up) in layers.items()
    }
    mixed = save_lora(tmp_path / "mixed.safetensors", alpha=1.0, layers=layers)
    even = save_lora(tmp_path / "even.safetensors", alpha=1.0, layers=padded)
    difference = pixels(tiny, [(mixed, 1.0)]).astype(int) - pixels(tiny, [(even, 1.0)])
    assert abs(difference).max() <= 1


def test_two_loras_in_either_order(tiny, pixels, tmp_path):
    one = save_lora(tmp_path / "one.v1.5.safetensors"), 0.8  # dots in names are common
    two = save_lora(tmp_path / "two.safetensors", layers=lora_layers(seed=1, rank=2)), -0.5
    forth, back = pixels(tiny, [one, two]).astype(int), pixels(tiny, [two, one])
    assert abs(forth - back).max() <= 1
    assert not np.array_equal(forth, pixels(tiny, [one]))
    assert not np.array_equal(forth, pixels(tiny, [two]))


def test_files_written_by_diffusers_and_peft_themselves(tiny, pixels, tmp_path):
    pipeline = build_tiny_pipeline(tmp_path / "tiny", "v_prediction", 32, 0)
    torch.manual_seed(0)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_v"], init_lora_weights=False)
    pipeline.unet.add_adapter(config)
    layers = get_peft_model_state_dict(pipeline.unet)
    metadata = {name: value for name, value in config.to_dict().items() if name in ("r", "lora_alpha")}
    StableDiffusionPipeline.save_lora_weights(tmp_path, layers, unet_lora_adapter_metadata=metadata)
    lora = lora_info(tmp_path / "pytorch_lora_weights.safetensors")
    with applied(tiny, [(lora, 1.0)]) as (on,):
        assert on.keys_applied == on.keys_total == len(layers)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        "a castle on a mountain",
        negative_prompt="red",
        num_inference_steps=3,
        generator=torch.Generator().manual_seed(11),
    ).images[0]
    assert np.array_equal(pixels(tiny, [(lora, 1.0)]), np.asarray(theirs))


def test_another_base_is_refused_by_both_names(tiny, tmp_path):
    lora = save_lora(tmp_path / "sd1.safetensors", layers=lora_layers(cross_attention_dim=768))
    with pytest.raises(LoraRefused, match=r"Stable Diffusion 1\.x.*custom \(width 32\)"), applied(tiny, [(lora, 1.0)]):
        pass


def test_other_shapes_are_refused(tiny, tmp_path):
    layers = {place: (down, up[:-1]) for place, (down, up) in lora_layers().items()}
    lora = save_lora(tmp_path / "odd.safetensors", layers=layers)
    with pytest.raises(LoraRefused, match=r"\(32, 32\), the LoRA's \(31, 4\) x \(4, 32\)"), applied(tiny, [(lora, 1)]):
        pass


def test_a_lora_that_changes_nothing_is_refused(tiny, tmp_path):
    layers = {("unet", f"elsewhere.{i}"): pair for i, pair in enumerate(lora_layers().values())}
    lora = save_lora(tmp_path / "other.safetensors", layers=layers)
    with pytest.raises(LoraRefused, match="0 of its 48 tensors belong to a layer"), applied(tiny, [(lora, 1.0)]):
        pass


def test_keys_without_a_place_are_counted(tiny, tmp_path):
    layers = lora_layers() | {("unet", "elsewhere"): (torch.ones(4, 8), torch.ones(8, 4))}
    lora = save_lora(tmp_path / "more.safetensors", diffusers, layers=layers)
    with applied(tiny, [(lora, 1.0)]) as (on,):
        assert (on.keys_applied, on.keys_total) == (KEYS, KEYS + 2)


def test_a_lora_that_fits_only_in_part_is_noted(tiny, draw, tmp_path):
    layers = lora_layers() | {("unet", "elsewhere"): (torch.ones(4, 8), torch.ones(8, 4))}
    lora = save_lora(tmp_path / "more.safetensors", diffusers, layers=layers)
    (image,) = draw(tiny, [(lora, 1.0)])
    assert image.notes == ("LoRA more: 32 of its 34 tensors belong to this model's layers; the rest was left out.",)


def test_nan_weights_are_refused(tiny, tmp_path):
    layers = {place: (down * float("nan"), up) for place, (down, up) in lora_layers().items()}
    lora = save_lora(tmp_path / "nan.safetensors", layers=layers)
    with pytest.raises(LoraRefused, match="16 tensors hold NaN"), applied(tiny, [(lora, 1.0)]):
        pass


def test_a_known_problem_is_repeated(tiny, tmp_path):
    lora = dataclasses.replace(save_lora(tmp_path / "bad.safetensors"), problem="Too large.")
    with pytest.raises(LoraRefused, match="Too large"), applied(tiny, [(lora, 1.0)]):
        pass


def test_a_file_that_is_no_safetensors_is_refused(tiny, tmp_path):
    path = tmp_path / "cut.safetensors"
    save_lora(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UnsafeFile, match="cut"), applied(tiny, [(lora_info(path), 1.0)]):
        pass


@pytest.mark.parametrize("merge", [False, True])
def test_a_file_that_is_gone_is_said(tiny, tmp_path, merge):
    lora = save_lora(tmp_path / "style.safetensors")
    (tmp_path / "style.safetensors").unlink()
    with pytest.raises(UnsafeFile, match="cannot be read"), worn(tiny, [(lora, 1.0)], merge=merge):
        pass


def test_one_bad_lora_leaves_the_model_as_it_was(tiny, pixels, tmp_path):
    before = pixels(tiny)
    good = save_lora(tmp_path / "good.safetensors")
    bad = save_lora(tmp_path / "bad.safetensors", layers=lora_layers(cross_attention_dim=768))
    with pytest.raises(LoraRefused), applied(tiny, [(good, 1.0), (bad, 1.0)]):
        pass
    assert np.array_equal(pixels(tiny), before)


def test_a_hostile_header_configures_nothing(tiny, pixels, tmp_path):
    """Passed on, its patterns would run as regular expressions and never end."""
    hostile = {
        "unet.r": 1,
        "unet.target_modules": ".*",
        "unet.rank_pattern": {"([a-z_0-9.]+)+X": 4096},
        "unet.layer_replication": [[0, 99]],
        "unet.use_dora": True,
    }
    metadata = {"lora_adapter_metadata": json.dumps(hostile), "format": "pt"}
    clean = save_lora(tmp_path / "clean.safetensors", diffusers)
    evil = save_lora(tmp_path / "evil.safetensors", diffusers, metadata=metadata)
    assert np.array_equal(pixels(tiny, [(evil, 1.0)]), pixels(tiny, [(clean, 1.0)]))


@pytest.mark.parametrize("record", ["[" * 5000, "null", '{"unet.lora_alpha": 1e999}', '{"unet.lora_alpha": "8"}'])
def test_nonsense_in_the_header_is_ignored(tiny, pixels, tmp_path, record):
    clean = save_lora(tmp_path / "clean.safetensors", diffusers)
    odd = save_lora(tmp_path / "odd.safetensors", diffusers, metadata={"lora_adapter_metadata": record})
    assert np.array_equal(pixels(tiny, [(odd, 1.0)]), pixels(tiny, [(clean, 1.0)]))


def test_tensors_of_odd_shape_do_not_crash(tiny, tmp_path):
    tensors = kohya(lora_layers(), 4.0)
    tensors["lora_unet_conv_in.lora_down.weight"] = torch.zeros(3)
    tensors["lora_unet_conv_in.lora_up.weight"] = torch.zeros(())
    tensors["lora_unet_conv_in.alpha"] = torch.zeros(7)
    save_file(tensors, tmp_path / "odd.safetensors")
    with applied(tiny, [(lora_info(tmp_path / "odd.safetensors"), 1.0)]) as (on,):
        assert on.keys_total - on.keys_applied == 3
