from dataclasses import replace

import pytest

from engine.diffusion.prompts.lora_tags import (
    LoraTag,
    has_words,
    offers,
    tags_of,
    with_words,
    without_tag,
    without_words,
)
from engine.weights.hashes import file_sha256, tensor_sha256
from tests.tiny_lora import save_lora

TAG = "<lora:x:0.8>"


def test_tags_are_found_with_their_first_number():
    prompt = "a <lora:x> b <LyCO: my style :0.7:0.3> <lora:x> < lora:y:te=-0.5:unet=1> <lora::1> <hypernet:z:1> <lora:"
    assert tags_of(prompt) == [
        LoraTag("<lora:x>", "x", "1"),
        LoraTag("<LyCO: my style :0.7:0.3>", "my style", "0.7"),
        LoraTag("< lora:y:te=-0.5:unet=1>", "y", "-0.5"),
    ]
    assert tags_of(TAG + "a" * 4000) == []


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        (TAG, ""),
        (f"a castle, {TAG}", "a castle"),
        (f"{TAG}, a castle", "a castle"),
        (f"a castle, {TAG}, night", "a castle, night"),
        (f"a castle {TAG}, night", "a castle, night"),
        (f"a castle {TAG} by night", "a castle by night"),
        (f"a castle{TAG}by night", "a castle by night"),
        (f"({TAG} a castle:1.2)", "(a castle:1.2)"),
        (f"a castle,\n{TAG}, night {TAG}", "a castle,\nnight"),
        ("a castle", "a castle"),
    ],
)
def test_a_tag_goes_with_its_comma_and_spaces(prompt, rest):
    assert without_tag(prompt, TAG) == rest


@pytest.mark.parametrize(
    ("prompt", "there", "rest"),
    [
        ("a castle, My Style, night", True, "a castle, night"),
        ("my style", True, ""),
        ("a castle, ((my style:1.2)), night", True, "a castle, night"),
        ("a castle, (my style, night:1.2)", True, "a castle, (night:1.2)"),
        ("my styles", False, "my styles"),
        ("enemy style", False, "enemy style"),
        (r"\(my style\)", True, r"\(\)"),
    ],
)
def test_trigger_words_are_found_whole_and_taken_out(prompt, there, rest):
    assert has_words(prompt, "my style") is there
    assert without_words(prompt, "my style") == rest


def test_trigger_words_are_added_once_behind_a_comma():
    assert with_words("", "my style") == "my style"
    assert with_words("a castle, ", "my style") == "a castle, my style"
    assert with_words("a castle", "my style") == "a castle, my style"
    assert with_words("MY STYLE castle", "my style") == "MY STYLE castle"


@pytest.fixture
def loras(tmp_path):
    first = save_lora(tmp_path / "a" / "Ink_v2.safetensors")
    again = replace(save_lora(tmp_path / "b" / "Ink_v2.safetensors", alpha=2), name="Ink_v2 (b)")
    broken = replace(first, name="broken", path=tmp_path / "broken.safetensors", problem="It is empty.")
    return [first, again, broken]


def test_a_lora_is_found_by_name_file_and_hash(loras):
    def found(name):
        (offer,) = offers(f"<lora:{name}:0.5>", loras)
        assert offer.weight == (0.5 if offer.lora else 1)
        return offer.lora and offer.lora.name

    assert [found(name) for name in ("Ink_v2", "ink_V2", "ink_v2 (B)")] == ["Ink_v2", "Ink_v2", "Ink_v2 (b)"]
    (named,) = offers("<lora:ink_V2:1>", [replace(loras[0], name="Ink", path=loras[0].path)])
    assert named.lora.name == "Ink"
    assert found(tensor_sha256(loras[1].path)[:12].upper()) == "Ink_v2 (b)"
    assert found(file_sha256(loras[0].path)[:10]) == "Ink_v2"
    assert found("0123456789ab") is None


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("<lora:ink_v3:1>", "No LoRA here is called ink_v3. Nearly the same: Ink_v2"),
        ("<lora:water:1>", "No LoRA here is called water."),
        ("<lora:broken:1>", "The LoRA broken of <lora:broken:1> cannot be used: It is empty."),
        ("<lora:Ink_v2:much>", "is no number; it must be -2 to 2."),
        ("<lora:Ink_v2:3>", "must be -2 to 2; got 3."),
        ("<lora:Ink_v2:nan>", "must be -2 to 2; got nan."),
    ],
)
def test_what_cannot_be_applied_is_said(loras, tag, said):
    (offer,) = offers(tag, loras)
    assert said in offer.refusal
    assert offer.lora is None
