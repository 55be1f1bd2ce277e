import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diffusion.request import (
    SCHEDULERS,
    LoraWeight,
    TextToImage,
    sampler_problems,
    text_to_image,
    text_to_image_problems,
)
from engine.errors import InvalidRequest
from engine.kinds import KINDS
from engine.lora.runs.config import Config
from engine.rules import LABELS, Whole
from engine.weights.request import FetchModel

LORA = Config()
GOOD = {"prompt": "a castle", "width": 64, "height": 128, "model": "mini"}


def problems_of(**values) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        text_to_image({**GOOD, **values})
    return {problem.field: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("prompt", "  ", "must not be empty"),
        ("prompt", "x" * 1001, "may have 1000 characters; got 1001"),
        ("prompt", "\u200d\ufe0f \u0301\u200b", "must not be empty"),
        ("prompt", "a\x00b", "U+0000 behind 'a'"),
        ("prompt", "\x1b[1m a", "U+001B at the beginning"),
        ("prompt", "a red\x1f castle\x08\x1f", "U+0008 behind 'castle', U+001F behind 'red'. Type these words anew."),
        ("prompt", "a\u202eb", "U+202E behind 'a'"),
        ("prompt", "a\ud800b", "U+D800"),
        ("negative_prompt", None, "must be text; got None"),
        ("seed", -1, "from 0 to 18446744073709551615; got -1"),
        ("seed", 2**64, "got 18446744073709551616"),
        ("seed", "12a", "Seed must be a whole number from 0 to 18446744073709551615; got '12a'"),
        ("seed", 1.5, "got 1.5"),
        ("num_inference_steps", 0, "from 1 to 150; got 0"),
        ("num_inference_steps", 151, "from 1 to 150; got 151"),
        ("num_inference_steps", True, "got True"),
        ("guidance_scale", -0.5, "from 0 to 30; got -0.5"),
        ("guidance_scale", math.nan, "got nan"),
        ("guidance_scale", math.inf, "got inf"),
        ("width", 250, "multiple of 8; got 250 (2 over). Use 248 or 256"),
        ("height", 0, "got 0"),
        ("num_images", 9, "from 1 to 8; got 9"),
        ("scheduler", "euler", "must be one of DDIM, Euler,"),
        ("loras", [("ink", 2.5)], "LoRA 'ink': Weight must be a number from -2 to 2; got 2.5"),
        ("loras", [("ink", 1), ("ink", 1)], "Each LoRA may be chosen once; got 'ink' 2 times"),
    ],
)
def test_a_wrong_value_names_the_field_the_value_and_the_range(field, value, said):
    message = problems_of(**{field: value})[field]

    assert said in message
    assert field == "loras" or message.startswith(LABELS[field])


@pytest.mark.parametrize(("steps", "problems"), [(4, 0), (50, 0), (51, 1), (0, 1), (151, 1)])
def test_lcm_has_as_many_steps_as_its_teacher_had(steps, problems):
    found = text_to_image_problems({**text_to_image(GOOD).to_dict(), "scheduler": "LCM", "num_inference_steps": steps})
    assert [problem.field for problem in found] == ["num_inference_steps"] * problems
    assert steps != 51 or found[0].message == (
        "Steps must be a whole number from 1 to 50; got 51. LCM has no more; it is made for 4 to 8."
    )


def test_all_problems_are_reported_together():
    wrong = problems_of(prompt="", num_inference_steps=0, width=9, num_images=0)

    assert set(wrong) == {"prompt", "num_inference_steps", "width", "num_images"}


@pytest.mark.parametrize(
    "value",
    [
        "a\nb\tc",
        "山の城",
        "<lora:x:1> **bold**",
        "می\u200cخواهم",  # Persian: without the joiner it is another word
        "क्\u200dष क्\u200cष",  # Hindi
        "\u200eleft\u200f \u2067right\u2069 \u202bold\u202c \u061c",
        "👨\u200d👩\u200d👧 ❤\ufe0f 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 🇮🇷 葛\U000e0100",
        "\u0600\u06dd ᠮᠣᠩ\u180eᠭᠣᠯ",  # Arabic and Mongolian
    ],
)
def test_any_visible_text_is_a_prompt(value):
    assert text_to_image({**GOOD, "prompt": value, "negative_prompt": value}).prompt == value


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("\ufeffa cast\u00adle", "a castle"),
        ("a\u200b castle\u2060", "a castle"),
        ("x\u2062y\ufff9z\u206a", "xyz"),
        ("\u200b" * 2000 + "a", "a"),
    ],
)
def test_what_a_paste_brings_along_is_cleaned(pasted, kept):
    request = text_to_image({**GOOD, "prompt": pasted, "negative_prompt": pasted})
    assert (request.prompt, request.negative_prompt) == (kept, kept)
    assert replace(LORA, validation_prompt=pasted).validation_prompt == kept


@given(
    prompt=st.text("aé城🏰 \n<>&\"'\\", min_size=1, max_size=50).filter(str.strip),
    seed=st.none() | st.integers(0, 2**64 - 1),
    steps=st.integers(1, 150),
    guidance=st.floats(0, 30),
    scheduler=st.sampled_from([name for name in SCHEDULERS if name != "LCM"]),
    weights=st.dictionaries(st.text(min_size=1, max_size=5), st.floats(-2, 2), max_size=3),
)
def test_a_request_survives_json(prompt, seed, steps, guidance, scheduler, weights):
    request = TextToImage(
        **GOOD | {"prompt": prompt, "seed": seed, "num_inference_steps": steps},
        guidance_scale=guidance,
        scheduler=scheduler,
        loras=tuple(LoraWeight(*pair) for pair in weights.items()),
    )
    assert KINDS.read(request.kind, json.loads(json.dumps(request.to_dict()))) == request


def test_an_open_seed_is_drawn_once():
    drawn = text_to_image(GOOD).with_seed()

    assert 0 <= drawn.seed < 2**32
    assert drawn.with_seed() is drawn
    assert text_to_image(GOOD).with_seed().seed != drawn.seed


def test_a_request_cannot_be_changed():
    with pytest.raises(AttributeError):
        text_to_image(GOOD).prompt = "other"


def test_a_download_request_survives_its_dict():
    assert KINDS.read("fetch_model", FetchModel(model="sd21").to_dict()) == FetchModel(model="sd21")


def test_a_field_without_a_label_is_called_by_its_name():
    (problem,) = Whole(2, 4).problems("tile_size", 9)
    assert problem.message == "Tile size must be a whole number from 2 to 4; got 9."


def test_a_model_that_predicts_the_picture_names_the_schedulers_for_it():
    assert sampler_problems("DDIM", "sample") == sampler_problems("Euler a", "epsilon") == []
    (problem,) = sampler_problems("Euler a", "sample")
    assert (problem.field, "Choose one of DDIM, Euler, DPM++ 2M" in problem.message) == ("scheduler", True)
