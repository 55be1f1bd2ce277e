"""What one person's rounds can tell: the exact test against chance, and the rules of asking for them."""

import math

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.lora.by_eye.request import JudgeByEye, judge_by_eye
from engine.opinions.alone import by_chance


@pytest.mark.parametrize(
    ("differences", "chance"),
    [
        ([], 1.0),
        ([0, 0, 0], 1.0),
        ([1], 1.0),
        ([1, 1, 1, 1, 1], 2 / 32),  # five of five tells nothing yet
        ([1, 1, 1, 1, 1, 1], 2 / 64),
        ([1, 1, 1, -1], 10 / 16),
        ([1, 1, 1, 1, 1, 1, 0, 0], 2 / 64),  # level contents tell neither way
    ],
)
def test_the_chance_of_a_lead_is_counted_exactly(differences, chance):
    assert math.isclose(by_chance(differences), chance)


def test_many_contents_are_drawn_and_come_to_the_same():
    few = [1.0] * 10 + [-1.0] * 4
    exact = by_chance(few)
    assert math.isclose(by_chance([*few, *[1e-12] * 4]), exact, abs_tol=0.02)


def test_by_chance_is_told_in_5_of_100_rounds_at_most():
    chance = np.random.default_rng(0)
    told = sum(by_chance(chance.choice((-1.0, 0.0, 1.0), 12)) <= 0.05 for _ in range(300))
    assert told / 300 < 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 300)


REQUEST = {"run": "run", "name": "blobs", "study": "study", "checkpoints": ["step-2", "last"], "prompts": ["a cat"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoints": ["last"], "alone": False}, "two checkpoints, or one and the model without the LoRA"),
        ({"checkpoints": []}, "A choice needs 1 to 11 checkpoints"),
        ({"checkpoints": ["../x"]}, "A checkpoint's name has"),
        ({"prompts": []}, "Prompts must be 1 to 16, each once; got 0"),
        ({"prompts": ["a", "a"]}, "each once"),
        ({"prompts": ["a", " "]}, "must not be empty"),
        ({"seeds": 5}, "from 1 to 4; got 5"),
        ({"weight": math.inf}, "Weight must be a number"),
        ({"rounds": "ratings"}, "Rounds are one of pairs, best"),
        ({"checkpoints": [f"step-{n}" for n in range(11)], "prompts": list("abcdef")}, "300 are the most"),
    ],
)
def test_rounds_that_cannot_be(changes, message):
    with pytest.raises(InvalidRequest, match=message):
        judge_by_eye(REQUEST | changes)


def test_the_request_travels_as_json():
    request = judge_by_eye(REQUEST)
    assert judge_by_eye(request.to_dict()) == request
    assert isinstance(request, JudgeByEye)
    assert (request.questions, request.repeats) == (3, 0)
