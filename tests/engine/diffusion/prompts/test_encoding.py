"""What weights, breaks and length make of the text encoder's numbers and of pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.device import Device
from engine.diffusion.loading import load
from engine.diffusion.lora import applied
from engine.diffusion.prompts.encoding import encode
from engine.weights.loras import list_loras
from tests.tiny import REQUEST, tiny_info
from tests.tiny_lora import save_lora

HALF = Device(torch.device("cpu"), torch.float16, "the CPU in half precision")


def embeds(model, prompt: str, negative: str = "", syntax: str = "a1111", guided: bool = True):
    request = replace(REQUEST, prompt=prompt, negative_prompt=negative, prompt_syntax=syntax)
    return encode(model.pipeline, request, guided)


@pytest.mark.parametrize(
    "prompt",
    ["a castle on a mountain", "(a castle:1) on a mountain", "a ([castle]) on a mountain", r"a \castle on a mountain"],
)
def test_at_weight_1_pixels_are_those_of_the_plain_prompt(tiny, pixels, prompt):
    plain = pixels(tiny, prompt="a castle on a mountain", negative_prompt="a red cat")
    read = pixels(tiny, prompt=prompt, negative_prompt="(a red cat:1.0)", prompt_syntax="a1111")
    assert np.array_equal(read, plain)


def test_brackets_that_are_characters(tiny):
    plain = embeds(tiny, "a castle (red)", syntax="plain")[0]
    assert torch.equal(embeds(tiny, r"a castle \(red\)")[0], plain)
    assert not torch.equal(embeds(tiny, "a castle (red)")[0], plain)


@pytest.fixture(scope="module")
def biased(tiny_folder, cpu):
    """As trained encoders are: their numbers have a mean."""
    model = load(tiny_info(tiny_folder), cpu)
    dict(model.pipeline.text_encoder.named_parameters())["final_layer_norm.bias"].data.add_(0.3)
    return model


def test_a_weight_multiplies_its_tokens_and_the_mean_stays(biased):
    plain = embeds(biased, "a castle red")[0]
    weighed = embeds(biased, "a (castle:1.5) red")[0]
    ratio = (weighed / plain)[0].median(dim=1).values
    assert weighed.shape == plain.shape
    assert torch.isclose(weighed.mean(), plain.mean(), rtol=1e-4)
    assert torch.allclose(ratio[2] / ratio[1], torch.tensor(1.5), rtol=1e-4)
    assert torch.allclose(ratio[3:], ratio[1], rtol=1e-4)


@pytest.mark.parametrize(
    ("prompt", "chunks"),
    [
        ("castle " * 75, 1),
        ("castle " * 76, 2),
        ("castle " * 151, 3),
        ("castle BREAK cat", 2),
        ("castle BREAK", 1),
        ("BREAK castle BREAK BREAK cat", 4),
        ("(", 1),
    ],
)
def test_both_prompts_have_as_many_chunks_as_the_longer_one(tiny, prompt, chunks):
    for pair in (embeds(tiny, prompt, "cat"), embeds(tiny, "cat", prompt)):
        assert [tuple(tensor.shape) for tensor in pair] == [(1, 77 * chunks, 32)] * 2
    assert embeds(tiny, prompt, guided=False)[1] is None


def test_chunks_are_what_each_text_alone_gives(tiny):
    alone = [embeds(tiny, text, syntax="plain")[0] for text in ("a castle", "a cat")]
    alone.append(embeds(tiny, "a", "", syntax="plain")[1])
    both, negative = embeds(tiny, "a castle BREAK a cat", "a cat")
    assert torch.equal(both, torch.cat(alone[:2], dim=1))
    assert torch.equal(negative, torch.cat([alone[1], alone[2]], dim=1))


def test_the_padding_is_the_tokenizers_own(tiny_folder, cpu):
    model = load(tiny_info(tiny_folder), cpu)
    for padding in ("!", "<|endoftext|>"):
        model.pipeline.tokenizer.pad_token = padding
        plain = embeds(model, "a castle", syntax="plain")[0]
        assert torch.equal(embeds(model, "a castle BREAK a cat")[0][:, :77], plain)


def test_a_tokenizer_with_less_room_gives_smaller_chunks(tiny_folder, cpu, draw):
    model = load(tiny_info(tiny_folder), cpu)
    model.pipeline.tokenizer.model_max_length = 20
    assert embeds(model, "castle " * 19)[0].shape == (1, 40, 32)


def test_the_words_behind_the_first_chunk_are_drawn_and_nothing_is_said(tiny, draw):
    long = "castle " * 80
    (one,) = draw(tiny, prompt=long, prompt_syntax="a1111")
    (other,) = draw(tiny, prompt=long + "(red:1.4)", prompt_syntax="a1111")
    (cut,) = draw(tiny, prompt=long)
    assert one.notes == other.notes == ()
    assert len({image.image.tobytes() for image in (one, other, cut)}) == 3


def test_weights_of_the_negative_prompt_are_drawn(tiny, pixels):
    light = pixels(tiny, negative_prompt="red", prompt_syntax="a1111")
    heavy = pixels(tiny, negative_prompt="(red:1.8)", prompt_syntax="a1111")
    assert not np.array_equal(light, heavy)


def test_without_a_mean_only_the_tokens_own_numbers_change(tiny):
    plain = embeds(tiny, "a castle red")[0]
    weighed = embeds(tiny, "a (castle:1.5) red")[0]
    assert torch.equal(weighed[:, 2], plain[:, 2] * 1.5)
    assert torch.equal(weighed[:, 3:], plain[:, 3:])


@pytest.mark.parametrize("prompt", ["(castle:0)", "(castle:-3) BREAK (cat:10)", "((((", "[castle:cat:0.5] AND {a|b}"])
def test_odd_weights_give_finite_numbers_and_half_precision_nearly_the_same(tiny, tiny_folder, prompt):
    full = embeds(tiny, prompt)[0]
    half = embeds(load(tiny_info(tiny_folder), HALF), prompt)[0]
    assert bool(torch.isfinite(full).all())
    assert half.dtype == torch.float16
    assert torch.allclose(half.float(), full, rtol=0.1, atol=0.05 * full.abs().max().item())


def test_a_lora_of_the_text_encoder_acts_on_every_chunk(tiny, tmp_path):
    save_lora(tmp_path / "ink.safetensors")
    (lora,) = list_loras([tmp_path])
    before = embeds(tiny, "a castle BREAK (a cat:1.2)")[0]
    with applied(tiny, [(lora, 1.0)]):
        during = embeds(tiny, "a castle BREAK (a cat:1.2)")[0]
    for first in (0, 77):
        assert not torch.equal(during[:, first : first + 77], before[:, first : first + 77])
    assert torch.equal(embeds(tiny, "a castle BREAK (a cat:1.2)")[0], before)
