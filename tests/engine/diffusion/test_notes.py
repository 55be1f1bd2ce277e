"""Words and sizes that the model makes nothing good of."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.diffusion.notes import known_words, negative_notes, prompt_notes, size_notes
from engine.scenes.captions import captions
from engine.scenes.scene import random_scene
from engine.weights.loras import LoraInfo
from tests.tiny import tiny_info

MINI = tiny_info(Path("mini"), name="mini", title="Niji mini (256 px)", native_size=256)
OTHER = replace(MINI, name="sd21")
LORA = LoraInfo("cats", Path("cats.safetensors"), "mini", 128, 4, ("cute cat",), "", 1)


def said(prompt: str, model=MINI, loras=()) -> list[str]:
    return [note.text for note in prompt_notes(prompt, model, loras)]


def test_the_known_words_are_those_of_the_captions_that_it_was_trained_on():
    rng = np.random.default_rng(0)
    texts = " ".join(" ".join(captions(random_scene(seed), rng, 4)) for seed in range(4000))
    assert known_words() == set(texts.lower().replace(",", " ").split())


@pytest.mark.parametrize(
    "prompt",
    [
        "a castle on a mountain at sunset",
        "A CASTLE AND A LAKE",
        "a wizard's tower, snow",
        "in the blue hour 4k",
        "",
        "a",
    ],
)
def test_nothing_is_said_of_words_that_it_knows(prompt):
    assert said(prompt) == []


def test_a_prompt_of_which_it_knows_no_word():
    (text,) = said("portrait of a cute cat")
    assert text.startswith("Niji mini draws painted fantasy landscapes:")
    assert "windmill" in text
    assert text.endswith("It knows no word of this prompt: portrait, cute, cat.")
    assert said("城と湖")[0].endswith("no word of this prompt: 城と湖.")
    assert said("🏰")[0].endswith("no word of this prompt: 🏰.")


def test_single_words_that_it_does_not_know_and_what_comes_near():
    (text,) = said("a tree and a portrait by a lake, colorful mountian")
    assert text == (
        "Niji mini does not know these words: tree (it knows trees), portrait, colorful (it knows colourful), "
        "mountian (it knows mountain)."
    )
    (text,) = said("lake " + " ".join(f"xxq{letter}" for letter in "abcdefghijk"))
    assert text.endswith("xxqh and 3 more.")


def test_what_other_models_or_a_lora_know_is_not_known_here():
    assert said("portrait of a cute cat", OTHER) == []
    assert said("portrait of a cute cat by a lake", loras=[LORA]) == ["Niji mini does not know these words: portrait."]
    assert said("portrait of a cute cat", loras=[replace(LORA, trigger_words=())]) == []


@pytest.mark.parametrize(
    ("prompt", "marks"),
    [
        ("a (castle:1.3)", "(castle:1.3)"),
        ("a ((castle)) by a lake", "((castle))"),
        ("a [castle] by a lake", "[castle]"),
        ("[castle:lake:0.5]", "[castle:lake:0.5]"),
        ("castle BREAK lake", "BREAK"),
        ("castle AND lake", "AND"),
        ("{castle|tower}, __sky__", "{castle|tower}, __sky__"),
    ],
)
def test_marks_of_other_tools_are_named(prompt, marks):
    expected = f"Other tools' marks are read here as plain words: {marks}. Say it in words instead."
    assert said(prompt, OTHER) == [expected]
    assert said(prompt)[0] == expected
    assert [note.text for note in negative_notes(prompt)] == [expected]


@pytest.mark.parametrize(
    ("prompt", "marks"),
    [
        ("a [castle:lake:0.5]", "[castle:lake:0.5]"),
        ("a [castle:0.5], [lake::.2]", "[castle:0.5], [lake::.2]"),
        ("a [castle|lake]", "[castle|lake]"),
        ("castle AND lake BREAK (sea:1.2)", "AND"),
        ("{castle|tower}, __sky__", "{castle|tower}, __sky__"),
    ],
)
def test_marks_that_are_not_read_are_named(prompt, marks):
    expected = f"Other tools' marks are read here as plain words: {marks}. Say it in words instead."
    assert [note.text for note in prompt_notes(prompt, OTHER, syntax="a1111")] == [expected]
    assert [note.text for note in negative_notes(prompt, "a1111")] == [expected]


def test_weights_and_breaks_are_no_words_and_nothing_is_said_of_them():
    prompt = r"a (castle:1.3), ((lake)) [snow] BREAK \(sea\) [mountain:1.3"
    assert prompt_notes(prompt, MINI, syntax="a1111") == []
    (note,) = prompt_notes("a (portrait:1.3) by a l(ake)", MINI, syntax="a1111")
    assert note.text == "Niji mini does not know these words: portrait."


@pytest.mark.parametrize(
    "prompt", ["rem \\(character\\)", "a castle (old), a lake", "CASTLE AND LAKE", "land and sea", "10:30"]
)
def test_brackets_and_words_that_are_no_marks(prompt):
    assert said(prompt, OTHER) == []


def test_a_lora_tag_is_named_and_nothing_else_of_it():
    (text,) = said("a castle <lora:x:0.8>")
    assert text == "Typed into a prompt, <lora:x:0.8> applies nothing. Choose LoRAs in their own field."


@pytest.mark.parametrize(
    ("width", "height", "what"),
    [
        (256, 256, ""), (320, 192, ""), (192, 320, ""), (352, 256, ""),
        (384, 256, "repeat"), (512, 512, "repeat"), (256, 512, "repeat"), (128, 128, "lose its detail"),
    ],
)  # fmt: skip
def test_a_size_far_from_the_models_own(width, height, what):
    texts = [note.text for note in size_notes(width, height, MINI)]
    assert len(texts) == bool(what)
    assert all(what in text and f"256x256 pixels: at {width}x{height}" in text for text in texts)
    assert size_notes(width, height, replace(MINI, native_size=0)) == []


def test_what_was_said_stays_with_the_picture(tiny, draw):
    (image,) = draw(tiny, prompt="a castle (red:1.2) <lora:x:1>", width=128)
    assert [text.partition(":")[0] for text in image.notes] == [
        "Typed into a prompt, <lora",
        "Other tools' marks are read here as plain words",
        "tiny was trained at 64x64 pixels",
    ]


def test_nothing_is_said_of_a_text_that_is_refused_anyway():
    assert said("(" * 60_000) == said("(castle:1.2) " * 1000) == []
    assert negative_notes("[blurry] " * 1000) == []
