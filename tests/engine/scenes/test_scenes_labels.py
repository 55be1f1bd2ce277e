"""Label maps of scenes: they show what the scene has, where the picture has it."""

import numpy as np

from engine.scenes.labels import COLOURS, LABELS, coloured, label_map, labels_in
from engine.scenes.scene import Scene


def shares(scene: Scene) -> dict[str, float]:
    labels = label_map(scene, 64)
    assert labels.shape == (64, 64)
    return {name: float((labels == place).mean()) for place, name in enumerate(LABELS)}


def test_a_label_is_there_where_the_scene_has_the_thing() -> None:
    bare = shares(Scene(land="desert", plants="none", seed=3))
    assert bare["sky"] > 0.2
    assert bare["land"] > 0.2
    assert bare["water"] == bare["plants"] == bare["landmark"] == 0
    full = shares(Scene(land="hills", water="lake", plants="pines", landmark="castle", seed=3))
    assert min(full["water"], full["plants"], full["landmark"]) > 0.02
    sea = shares(Scene(land="cliffs", water="sea", plants="none", landmark="ship", seed=4))
    assert sea["water"] > 0.15
    assert 0 < sea["landmark"] < 0.2


def test_a_label_map_is_where_the_picture_is_and_the_same_in_all_weathers() -> None:
    scene = Scene(land="hills", water="lake", plants="pines", landmark="castle", seed=3)
    labels = label_map(scene, 64)
    assert (labels[:8] == LABELS.index("sky")).mean() > 0.8
    assert np.array_equal(label_map(Scene(**scene.as_dict() | {"mood": "dreamy"}), 64), labels)
    night = label_map(Scene(**scene.as_dict() | {"time": "night"}), 64)
    assert (night == labels).mean() > 0.97


def test_labels_come_back_from_their_picture_also_a_little_wrong() -> None:
    labels = label_map(Scene(land="hills", water="lake", landmark="castle", seed=3), 64)
    picture = coloured(labels)
    assert np.array_equal(labels_in(picture), labels)
    noise = np.random.default_rng(0).integers(-25, 26, picture.shape)
    assert np.array_equal(labels_in((picture + noise).clip(0, 255).astype(np.uint8)), labels)
    assert len({tuple(colour) for colour in COLOURS.tolist()}) == len(LABELS)
