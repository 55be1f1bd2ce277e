"""AUTOMATIC1111's text and those of its children: what they are called, and the traps in them."""

import pytest

from gallery.foreign.loras import from_tags
from gallery.foreign.reading import read_foreign
from gallery.foreign.recipe import ForeignEmbedding, ForeignLora
from tests.gallery.foreign.foreign_files import png_texts

LINE = "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 18446744073709551615, Size: 832x1216"
INK = (ForeignLora("ink", 0.8),)


@pytest.mark.parametrize(
    ("more", "tool"),
    [
        ("Version: v1.10.1", "AUTOMATIC1111"),
        ("Version: f2.0.1v1.10.1-previous-669-gdfdcbab6", "Forge"),
        ("Version: f0.0.17v1.8.0rc-latest-276-g29be1da7", "Forge"),
        ("Version: f1.3.0-v1.10.1RC-latest-1038-g19395bf9", "reForge"),
        ("Version: classic", "Forge Classic"),
        ("Version: neo", "Forge Neo"),
        ("App: SD.Next, Version: 56a8aea", "SD.Next"),
        ('Civitai resources: [{"type":"checkpoint","modelVersionId":2}], Civitai metadata: {}', "Civitai"),
        ("ADetailer version: 24.8.0", "AUTOMATIC1111"),
    ],
)  # fmt: skip
def test_children_of_automatic1111_are_told_apart(more, tool):
    found = read_foreign(png_texts(parameters=f"a castle\nNegative prompt: blurry\n{LINE}, {more}"))
    assert (found.tool, found.seed, found.guidance) == (tool, 2**64 - 1, 7.0)
    assert (found.sampler, found.schedule, found.width, found.height) == ("DPM++ 2M", "Karras", 832, 1216)


@pytest.mark.parametrize(
    ("prompt", "more", "without", "loras"),
    [
        ("a <lora:ink:0.8> castle", "", "a castle", INK),
        ("a castle <lora:dir/ink:0.8:0.5>\n<lyco:line>", 'Lora hashes: "ink: 8c6dd764ceff"', "a castle",
         (ForeignLora("ink", 0.8, "8c6dd764ceff"), ForeignLora("line", 1.0))),
        ("a castle", 'Lora hashes: "ink: 8c6dd764ceff, line: 5a4becfcc624"', "a castle",
         (ForeignLora("ink", None, "8c6dd764ceff"), ForeignLora("line", None, "5a4becfcc624"))),
        ("a castle", 'Hashes: {"model": "45a21ea00a", "lora:ink": "8c6dd764ce"}', "a castle",
         (ForeignLora("ink", None, "8c6dd764ce"),)),
        ("a castle", 'Civitai resources: [{"type":"lora","weight":0.8,"modelName":"ink","id":1}]', "a castle",
         INK),
        ("<lora:ink:unet=0.8>", "", "", INK),
    ],
)  # fmt: skip
def test_loras_of_tags_and_hashes_come_together(prompt, more, without, loras):
    found = read_foreign(png_texts(parameters=f"{prompt}\nNegative prompt: blurry\n{LINE}, {more}"))
    assert (found.prompt, found.negative_prompt, found.loras) == (without, "blurry", loras)


def test_what_is_not_understood_is_told_by_its_key():
    text = (
        f"a castle\n{LINE}, Denoising strength: 0.4, Hires upscale: 2, ControlNet 0: Module: canny, Model: cn, Seed: x"
    )
    found = read_foreign(png_texts(parameters=text))
    assert (found.strength, found.not_understood["Hires upscale"]) == (None, "2")
    assert found.not_understood["Denoising strength"] == "0.4"
    plain = read_foreign(png_texts(parameters=text.replace("Hires upscale: 2, ", "")))
    assert plain.strength == 0.4


@pytest.mark.parametrize(
    "text",
    [
        "a castle\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: -1, Size: 0x0",
        "a castle\nSteps: many, Sampler: Euler, CFG scale: nan, Seed: 99999999999999999999999, Size: large",
    ],
)
def test_numbers_that_are_none_are_left_to_the_reader(text):
    found = read_foreign(png_texts(parameters=text))
    assert (found.prompt, found.sampler) == ("a castle", "Euler")
    assert (found.seed, found.width, found.height) == (None, None, None)
    assert found.not_understood["Seed"] in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"a castle\nNegative prompt: blurry {LINE}", {"negative_prompt": "blurry", "steps": 20}),
        (
            f"a castle\nNegative prompt: blurry\n{LINE}\nTemplate: {{a|b}}: c",
            {"negative_prompt": "blurry", "steps": 20},
        ),
        (f"a castle\r\nby night\r\nNegative prompt: blurry\r\n{LINE}", {"prompt": "a castle\nby night"}),
        (f"a castle\n{LINE}, Model: real, ControlNet 0: Module: canny, Model: cn, Weight: 1", {"model": "real"}),
        (f'a castle\n{LINE}, Model: "a, b", Clip skip: 2', {"model": "a, b", "clip_skip": 2}),
        ("a castle\nred: 1, green: 2, blue: 3", {"prompt": "a castle\nred: 1, green: 2, blue: 3", "seed": None}),
        ("a castle", {"prompt": "a castle", "negative_prompt": "", "steps": None}),
        ("a castle\nSteps: 10, Sampler: DPM", {"prompt": "a castle", "steps": 10, "sampler": "DPM"}),
        ("a castle\nNegative prompt: blurry\nSteps: 10", {"negative_prompt": "blurry", "steps": 10}),
        (f"{LINE}", {"prompt": "", "steps": 20}),
        (
            "a castle\nNegative prompt: blurry\n\nSteps: 42, Sampler: Euler a, CFG scale: 7, Seed: 3, Size: 12x6,\n"
            "Model: indigo, Denoising strength: 0.5,\nVersion: v1.6.0",
            {"negative_prompt": "blurry", "steps": 42, "width": 12, "model": "indigo", "strength": 0.5},
        ),
        (
            "a castle\nNegative prompt: blurry\nSteps: 42\nSampler: Euler a\nCFG scale: 7\nSeed: 3\nSize: 12x6",
            {"negative_prompt": "blurry", "steps": 42, "sampler": "Euler a", "seed": 3, "height": 6},
        ),
        (
            "Steps: 3, up the hill\nNegative prompt: low\nSampler: Euler a, CFG scale: 7, Seed: 3",
            {"prompt": "Steps: 3, up the hill", "negative_prompt": "low", "seed": 3},
        ),
    ],
)
def test_odd_texts_of_automatic1111s_family_are_read(text, said):
    found = read_foreign(png_texts(parameters=text))
    assert {name: getattr(found, name) for name in said} == said


def test_templates_behind_the_line_are_told_whole():
    found = read_foreign(png_texts(parameters=f"a castle\n{LINE}\nTemplate: {{a|b}}: c, Seed: 4\nNegative Template: d"))
    assert (found.not_understood["Template"], found.not_understood["Negative Template"]) == ("{a|b}: c, Seed: 4", "d")


@pytest.mark.parametrize(
    "more",
    [
        ', TI hashes: "dir/bad.pt: AA7651be154c, good: none"',
        ', Hashes: {"embed:bad": "aa7651be154c", "model": "6ce0161689", "embed:good": ""}',
        ', TI hashes: "bad: aa7651be154c", Civitai resources: [{"type":"embed","modelName":"good"}]',
    ],
)
def test_embeddings_are_told_with_their_hashes(more):
    found = read_foreign(png_texts(parameters=f"a castle, bad\n{LINE}{more}"))
    assert found.embeddings == (ForeignEmbedding("bad", "aa7651be154c"), ForeignEmbedding("good"))
    assert "TI hashes" not in found.not_understood


@pytest.mark.parametrize("prompt", ["{red|blue} castle", "[castle:tower:5]", '"castle"', "Steps: a, b: c", ""])
def test_prompts_may_begin_with_anything(prompt):
    found = read_foreign(png_texts(parameters=f"{prompt}\nNegative prompt: [low], Steps: many\n{LINE}"))
    assert (found.prompt, found.negative_prompt, found.steps) == (prompt, "[low], Steps: many", 20)


def test_the_size_of_the_pixels_is_never_taken_for_the_recipes():
    found = read_foreign(png_texts(parameters="a castle\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1"))
    assert (found.width, found.height) == (None, None)


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("a <lora:ink:1>castle", "a castle"),
        ("a <lora:ink:1><lora:line:1>castle", "a castle"),
        ("a <lora:ink:1> castle", "a castle"),
        ("a castle <lora:ink:1>, day", "a castle, day"),
        ("a castle <lora:ink:1><lora:line:1>", "a castle"),
    ],
)
def test_tags_leave_words_apart(prompt, left):
    assert from_tags(prompt)[0] == left
