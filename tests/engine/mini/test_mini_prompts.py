"""Prompts name what they are judged by, and nothing else is judged."""

from engine.mini.judging.prompts import held_out_prompts, majority_share, named, variants
from engine.mini.judging.scene_classifier import ATTRIBUTES
from engine.scenes.scene import Scene


def test_every_prompt_names_all_that_its_scene_shows_and_is_the_same_each_time():
    prompts = held_out_prompts(30)
    assert prompts == held_out_prompts(30)
    for prompt in prompts:
        assert prompt.names == {name for name in ATTRIBUTES if getattr(prompt.scene, name) != "none"}
        assert prompt.names == named(prompt.scene, prompt.text)
    assert len({prompt.text for prompt in prompts}) == 30


def test_only_whole_words_name():
    scene = Scene(time="night", weather="rain", water="lake", landmark="castle")
    assert named(scene, "A castle by a lake, in the rain") == {"weather", "water", "landmark"}
    assert named(scene, "terrain at night") == {"time"}
    assert named(Scene(), "no water at all") == frozenset()


def test_chance_is_the_most_frequent_value_among_prompts_that_name_it():
    prompts = held_out_prompts(30)
    waters = [prompt.scene.water for prompt in prompts if prompt.scene.water != "none"]
    assert majority_share(prompts, "water") == max(map(waters.count, waters)) / len(waters)
    assert majority_share([], "water") == 0


def test_variants_share_everything_but_the_seed():
    scene = held_out_prompts(1)[0].scene
    found = variants(scene, 3)
    assert len({variant.seed for variant in found} | {scene.seed}) == 4
    assert all(variant.as_dict() | {"seed": scene.seed} == scene.as_dict() for variant in found)
