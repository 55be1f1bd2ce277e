"""The published generators: the right numbers of weights, keys that are told apart, and the published pictures."""

import pytest
import torch

from engine.errors import ModelBroken
from engine.translation.networks.animegan2 import AnimeGan2
from engine.translation.published import build, published_keys, recognise
from tests.engine.translation.published import (
    PUBLISHED,
    affine_cyclegan,
    affine_cyclegan_state,
    animegan2,
    animegan2_state,
    cut_state,
    cyclegan_state,
    tutorial,
    tutorial_state,
)

SIZES = {"cut": 11_378_179, "cyclegan": 11_378_179, "cartoongan": 11_129_667, "animegan2": 2_143_552}


def photo(height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(7)) * 2 - 1


def loaded(state: dict[str, torch.Tensor]) -> torch.nn.Module:
    found = recognise("file.pth", state)
    model = build(found.architecture, found.settings)
    model.load_state_dict(found.tensors)
    return model.eval()


@pytest.mark.parametrize("architecture", SIZES)
def test_has_the_published_numbers_of_weights_and_tensors(architecture):
    model = build(architecture, {})
    assert sum(parameter.numel() for parameter in model.parameters()) == SIZES[architecture]
    keys = published_keys(architecture, model)
    assert sorted(keys.values()) == sorted(model.state_dict())
    if architecture == "animegan2":
        assert len(keys) == 77
        assert all(key == own for key, own in keys.items())


@torch.no_grad()
@pytest.mark.parametrize("architecture", PUBLISHED)
def test_gives_the_published_picture(architecture):
    make, published = PUBLISHED[architecture]
    state = make()
    found = recognise("file.pth", state)
    assert found.architecture == architecture
    assert found.settings in ({}, {"width": 8, "blocks": 9})
    model = loaded(state)
    for contrast in (1.0, 0.01):  # the smaller one also tells the epsilons of the norms apart
        expected, pixels = published(state, photo() * contrast), model(photo() * contrast)
        assert pixels.shape == (2, 3, 32, 48)
        assert expected.std() > 0.1
        torch.testing.assert_close(pixels, expected, rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_animegan2_enlarges_features_in_either_way():
    state = animegan2_state()
    model = AnimeGan2(align_corners=True).eval()
    model.load_state_dict(state)
    expected = animegan2(state, photo(), align_corners=True)
    torch.testing.assert_close(model(photo()), expected, rtol=1e-3, atol=1e-4)
    assert (animegan2(state, photo()) - expected).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("architecture", PUBLISHED)
def test_a_photo_of_one_colour_gives_finite_pixels(architecture):
    """Its variance is zero, and CartoonGAN divides by the root of that plus 1e-9."""
    flat = torch.full((1, 3, 32, 32), 0.3)
    model = loaded(PUBLISHED[architecture][0]())
    for pixels in (model(flat), model.to(memory_format=torch.channels_last)(flat)):
        assert torch.isfinite(pixels).all()


@torch.no_grad()
def test_older_files_are_the_same_generator():
    state = cyclegan_state(width=4, blocks=6)
    expected = loaded(state)(photo())
    old = {f"module.{key.replace('.conv_block.5.', '.conv_block.6.')}": value for key, value in state.items()}
    for norm in ("model.2", "model.10.conv_block.2", "model.10.conv_block.7"):
        old |= {f"module.{norm}.running_mean": torch.ones(4), f"module.{norm}.running_var": torch.ones(4)}
        old[f"module.{norm}.num_batches_tracked"] = torch.tensor(3)
    assert recognise("old.pth", old).settings == {"width": 4, "blocks": 6}
    assert torch.equal(loaded(old)(photo()), expected)


@torch.no_grad()
@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("word", ["block", "conv_block", "main"])
def test_scales_and_shifts_of_norms_and_other_words_for_blocks_are_read(word, nearest):
    state = affine_cyclegan_state(word=word, nearest=nearest)
    found = recognise("G.pth", state)
    assert found.settings == {"width": 4, "blocks": 2, "affine": True} | ({"enlarging": "nearest"} if nearest else {})
    expected = affine_cyclegan(state, photo(), word=word, nearest=nearest)
    torch.testing.assert_close(loaded(state)(photo()), expected, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_norms_that_change_nothing_and_missing_biases_are_the_published_generator():
    state = cyclegan_state(width=4, blocks=2)
    state = {key: value * (key.endswith("weight") or key == "model.19.bias") for key, value in state.items()}
    expected = loaded(state)(photo())
    bare = {key: value for key, value in state.items() if not key.endswith("bias") or key == "model.19.bias"}
    bare |= {f"model.{place}.weight": torch.ones(8) for place in (2, 5, 8)}
    bare |= {f"model.{place}.bias": torch.zeros(8) for place in (2, 5, 8)}
    assert recognise("G.pth", bare).settings == {"width": 4, "blocks": 2}
    assert torch.equal(loaded(bare)(photo()), expected)


@torch.no_grad()
def test_the_tutorials_cyclegan_is_read():
    state = tutorial_state()
    content = {"state_dict": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}
    found = recognise("genh.pth.tar", content)
    assert found.settings == {"width": 4, "blocks": 2, "border": "reflect"}
    torch.testing.assert_close(loaded(state)(photo()), tutorial(state, photo()), rtol=1e-3, atol=1e-4)
    del state["up_blocks.1.conv.0.weight"]
    with pytest.raises(ModelBroken, match=r"this file lacks 1 \(model\.15\.weight\)"):
        recognise("genh.pth.tar", state)


@torch.no_grad()
def test_dropout_moves_the_norms_too():
    state = affine_cyclegan_state(word="conv_block")
    moved = {}
    for key, value in state.items():
        for place in (6, 5):
            key = key.replace(f".conv_block.{place}.", f".conv_block.{place + 1}.")
        moved[key] = value
    assert torch.equal(loaded(moved)(photo()), loaded(state)(photo()))


def test_batch_norm_is_named():
    state = affine_cyclegan_state()
    state |= {"model.2.running_mean": torch.zeros(4), "model.2.running_var": torch.ones(4)}
    with pytest.raises(
        ModelBroken, match=r"must be instance norms.*got model\.2\.running_mean beside weights, as batch"
    ):
        recognise("G.pth", state)


def test_half_precision_files_are_read():
    state = {key: value.half() for key, value in cut_state(width=4).items()}
    assert recognise("half.pth", state).architecture == "cut"


def test_nijigan_is_recognised_under_its_own_names():
    model = build("nijigan", {"width": 4, "blocks": 2, "solver": {"method": "euler"}})
    assert model.bottleneck[0].solver.method == "euler"
    found = recognise("run.pth", model.state_dict())
    assert (found.architecture, found.settings) == ("nijigan", {"width": 4, "blocks": 2})


def test_keys_and_shapes_that_differ_are_listed():
    state = cyclegan_state(width=4)
    state["attention.gamma"] = torch.ones(4)
    state["model.1.bias"] = torch.ones(5)
    del state["model.26.weight"], state["model.7.weight"]
    with pytest.raises(ModelBroken) as refusal:
        recognise("other.pth", state)
    assert str(refusal.value) == (
        "other.pth: a cyclegan generator has exactly 48 tensors; this file lacks 2 (model.7.weight, model.26.weight); "
        "has besides 1 (attention.gamma); has in other shapes 1 (model.1.bias is 5 in place of 4). "
        "It is another kind of generator, or damaged: choose another file."
    )


def test_unknown_keys_are_listed():
    state = {f"conv{number}.weight": torch.ones(1) for number in range(5)}
    with pytest.raises(
        ModelBroken, match=r"must be those of nijigan, cut.*; got conv0.weight, conv1.weight, conv2.wei"
    ):
        recognise("discriminator.pth", state)


def test_no_file_can_ask_for_a_huge_generator():
    state = cyclegan_state(width=1)
    state["model.1.weight"] = torch.ones(1).expand(4096, 3, 7, 7)
    with pytest.raises(ModelBroken, match=r"has a width of 1 to 128 and 1 to 16 blocks; got 4096 and 9"):
        recognise("huge.pth", state)


def test_another_blur_than_the_published_one_is_refused():
    state = cut_state(width=4)
    state["model.21.filt"] = state["model.21.filt"].roll(1, -1)
    with pytest.raises(ModelBroken, match=r"model\.21\.filt must be the blur of CUT; got another filter"):
        recognise("blur.pth", state)


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("pix2pix", {}),
        ("cyclegan", {"depth": 3}),
        ("cyclegan", {"border": "wide"}),
        ("nijigan", {"refinement": {"radius": "8"}}),
    ],
)
def test_an_unknown_generator_cannot_be_built(architecture, settings):
    with pytest.raises(ModelBroken, match=rf"A translator is one of nijigan, cut.*; got '{architecture}' with "):
        build(architecture, settings)
