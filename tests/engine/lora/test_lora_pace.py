"""How long a training takes, in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.lora import pace
from engine.lora.admission import slowness
from engine.lora.runs.config import PRESETS
from engine.settings import Settings
from engine.weights.models import Catalogue, ModelInfo
from gallery.recipe import Recipe

STUDY, LOOK = PRESETS["study"], PRESETS["look"]


def words(model: ModelInfo, config=STUDY, accelerated=False) -> str:
    return pace.in_words(config, model, [], accelerated)


def test_every_preset_says_what_it_does():
    assert set(pace.ABOUT) == set(PRESETS)


def test_a_rate_is_told_for_the_shipped_model_on_a_cpu_alone(tmp_path: Path):
    settings = Settings(home=tmp_path)
    mini = next(info for info in Catalogue(settings).all() if info.name == "mini")
    assert words(mini) == "About 2 min on one CPU core, less on more."
    shown = "The first training will show how long it takes here."
    assert words(mini, accelerated=True) == words(replace(mini, name="another")) == shown


def test_time_grows_with_steps_pictures_and_pixels(tmp_path: Path):
    settings = Settings(home=tmp_path)
    mini = next(info for info in Catalogue(settings).all() if info.name == "mini")
    assert words(mini, replace(STUDY, resolution=512)) == "About 10 min on one CPU core, less on more."
    assert words(mini, replace(STUDY, steps=4000)) == "About 24 min on one CPU core, less on more."


def test_what_looks_different_each_time_takes_longer_and_samples_count(tmp_path: Path):
    mini = next(info for info in Catalogue(Settings(home=tmp_path)).all() if info.name == "mini")
    minutes = [int(words(mini, each).split()[1]) for each in (STUDY, PRESETS["recommended"], LOOK)]
    assert minutes == [2, 5, 12]
    assert words(mini, replace(STUDY, validation_every=1)) == "About 18 min on one CPU core, less on more."


def drawn(seconds: float, **changed: object) -> Recipe:
    asked = {"prompt": "a castle", "model": "mini", "width": 256, "height": 256, "num_inference_steps": 25, **changed}
    return Recipe(kind="text_to_image", request=asked, seconds=seconds, dtype="float32")


def test_pictures_say_how_quick_the_machine_is():
    assert slowness([drawn(4.6), drawn(2.3), drawn(9.2)]) == 2.0  # the median
    assert slowness([drawn(4.6, width=512, height=256, num_inference_steps=50)]) == 0.5
    assert slowness([drawn(2.3, backend="openvino")]) == pytest.approx(1 / 0.53)


def test_pictures_that_do_not_compare_say_nothing():
    others = [
        drawn(2.3, guidance_scale=1.0),
        drawn(2.3, scheduler="Heun"),
        drawn(0.0),
        drawn(2.3, width=-1),
        drawn(2.3, unknown=1),
    ]
    others += [replace(drawn(2.3), dtype="float16"), replace(drawn(2.3), loras=({"name": "ink-wash"},))]
    assert slowness(others) is None


def test_the_time_is_told_for_this_machine_where_its_pictures_are_known(tmp_path: Path):
    mini = next(info for info in Catalogue(Settings(home=tmp_path)).all() if info.name == "mini")
    assert pace.in_words(STUDY, mini, [], False, 2.0) == "About 5 min, by the time that its pictures take here."
