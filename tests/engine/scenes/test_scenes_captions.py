"""Captions name what is there, and nothing else."""

import re

import numpy as np

from engine.scenes import LOOKS, caption, captions, plain_caption, random_scene, vocabulary, words

NOUNS = {
    "castle": ("castle", "fortress"),
    "tower": ("tower", "watchtower"),
    "village": ("village", "cottages"),
    "temple": ("temple",),
    "ship": ("ship", "galleon"),
    "windmill": ("windmill",),
    "mushrooms": ("mushrooms",),
    "crystals": ("crystals", "crystal"),
}
WATERS = {"lake": ("lake", "lakeside"), "river": ("river", "stream"), "sea": ("sea", "ocean", "coast"),
          "waterfall": ("waterfall",)}  # fmt: skip
PLANTS = {"pines": ("pine", "pines", "fir", "conifers"), "autumn": ("autumn",), "blossom": ("cherry", "blossom"),
          "palms": ("palm", "palms"), "flowers": ("flowers", "wildflowers", "flower")}  # fmt: skip
WEATHERS = {"rain": ("rain", "rainy"), "snow": ("snow", "snowing", "snowfall"), "fog": ("fog", "foggy", "mist"),
            "storm": ("thunderstorm", "lightning", "stormy")}  # fmt: skip


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


def test_captions_name_only_what_is_there():
    draws = rng(1)
    for seed in range(400):
        scene = random_scene(seed)
        text = words_of(caption(scene, draws))
        for name, table in (("landmark", NOUNS), ("water", WATERS), ("plants", PLANTS), ("weather", WEATHERS)):
            for value, nouns in table.items():
                if value != getattr(scene, name) and not (value == "river" and scene.water == "waterfall"):
                    absent = set(nouns) - ({"tower", "castle"} if scene.landmark in ("castle", "tower") else set())
                    assert not text & absent, (scene, text)


def test_the_hour_of_a_caption_is_the_scenes():
    dark = {"night", "midnight", "aurora", "dusk", "twilight"}
    draws = rng(2)
    for seed in range(200):
        scene = random_scene(seed, time="day")
        assert not words_of(caption(scene, draws)) & (dark | {"dawn", "sunset", "sunrise"})


def test_every_attribute_is_named_sooner_or_later():
    for seed in range(12):
        scene = random_scene(seed, look="ink")
        text = " | ".join(captions(scene, rng(seed), 300)).lower()
        for name, table in (("time", words.TIME), ("land", words.LAND), ("water", words.WATER), ("mood", words.MOOD),
                            ("plants", words.PLANTS), ("landmark", words.LANDMARK), ("look", words.LOOK)):  # fmt: skip
            phrases = table.get(getattr(scene, name), ())
            assert not phrases or any(phrase.lower() in text for phrase in phrases), (name, scene)


def test_captions_differ_and_are_decided_by_the_generator():
    scene = random_scene(3)
    assert captions(scene, rng(4), 20) == captions(scene, rng(4), 20)
    assert len(set(captions(scene, rng(4), 200))) > 120
    lengths = [len(text.split()) for text in captions(scene, rng(5), 200)]
    assert min(lengths) <= 6
    assert max(lengths) >= 15


def test_the_default_look_is_not_named():
    looks = set().union(*(words_of(" ".join(phrases)) for phrases in words.LOOK.values())) - {"and", "in", "of"}
    only = looks - words_of(" ".join(words.STYLE)) - {"cold", "blue", "tones", "background", "colours", "lines"}
    for seed in range(100):
        assert not words_of(caption(random_scene(seed), rng(seed))) & (only - {"drawing", "painting"})


def test_all_words_are_in_the_vocabulary():
    known, draws = set(vocabulary()), rng(6)
    assert vocabulary() == sorted(known)
    for seed in range(300):
        scene = random_scene(seed, look=LOOKS[seed % 4])
        assert words_of(caption(scene, draws)) | words_of(plain_caption(scene)) <= known


def test_the_plain_caption_names_every_attribute_in_order():
    scene = random_scene(1, land="hills", water="lake", plants="pines", landmark="castle", time="dusk", weather="fog",
                         mood="calm")  # fmt: skip
    assert plain_caption(scene) == "castle, green hills, lake, pine trees, dusk, fog, calm"
