"""Scenes: what goes with what, and that a seed fixes everything."""

import numpy as np
import pytest

from engine.errors import InvalidRequest
from engine.scenes import CHOICES, Scene, draw_scene, random_scene, with_look


def test_the_same_seed_gives_the_same_scene_and_other_seeds_others():
    assert random_scene(5) == random_scene(5)
    assert len({tuple(random_scene(seed).as_dict().items()) for seed in range(50)}) == 50


def test_every_value_is_drawn():
    scenes = [random_scene(seed) for seed in range(600)]
    for name, choices in CHOICES.items():
        if name != "look":
            assert {getattr(scene, name) for scene in scenes} == set(choices)


def test_about_a_third_has_no_landmark():
    share = np.mean([random_scene(seed).landmark == "none" for seed in range(1000)])
    assert 0.22 < share < 0.4


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in CHOICES for value in CHOICES[name]])
def test_a_fixed_value_is_kept(name, value):
    assert getattr(random_scene(3, **{name: value}), name) == value


def test_the_look_changes_nothing_else():
    painted = random_scene(11).as_dict()
    assert random_scene(11, look="ink").as_dict() == painted | {"look": "ink"}
    assert with_look(random_scene(11), "ink") == random_scene(11, look="ink")


def test_a_scene_from_a_generator_is_decided_by_it():
    first, second = (draw_scene(np.random.Generator(np.random.PCG64(2))) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"time": "noon"}, "must be one of dawn, day"),
        ({"seed": -1}, "whole number from 0"),
        ({"seed": True}, "got True"),
        ({"land": "desert", "plants": "pines"}, "goes with plants none, palms"),
        ({"land": "valley", "water": "sea"}, "goes with water none, lake"),
        ({"land": "canyon", "plants": "none", "weather": "snow"}, "does not go with 'canyon'"),
        ({"plants": "leafy", "weather": "snow"}, "are not seen in snow"),
        ({"plants": "flowers", "water": "sea"}, "by broad water"),
        ({"landmark": "ship"}, "'ship' does not go with 'hills' and water 'none'"),
        ({"time": "aurora", "weather": "fog"}, "choose clear"),
    ],
)
def test_what_does_not_go_together_is_refused(values, text):
    with pytest.raises(InvalidRequest, match=text):
        Scene(**values)


def test_fixed_values_that_cannot_meet_are_refused():
    with pytest.raises(InvalidRequest, match="goes with plants"):
        random_scene(1, land="desert", plants="blossom")
    with pytest.raises(InvalidRequest, match="got season"):
        random_scene(1, season="spring")
