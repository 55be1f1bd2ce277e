"""How long a training takes, in words."""

from dataclasses import replace
from pathlib import Path

from engine.lora import pace
from engine.lora.runs.config import PRESETS
from engine.settings import Settings
from engine.weights.models import Catalogue, ModelInfo

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
