"""How long a training takes, in words: by its parts, and by what earlier trainings took for theirs."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.diffusion.defaults import suggested
from engine.lora import pace
from engine.lora.admission import slowness
from engine.lora.pace import Planned
from engine.lora.runs.config import PRESETS
from engine.lora.runs.timing import FIRST_LOOK, HELD_OUT, SAMPLE, STEP, Stopwatch, Timing, keep_timing, read_timing
from engine.rules import rough_duration
from engine.settings import Settings
from engine.weights.models import Catalogue, ModelInfo
from gallery.recipe import Recipe

STUDY, LOOK = PRESETS["study"], PRESETS["look"]


@pytest.fixture
def mini(tmp_path: Path) -> ModelInfo:
    return next(info for info in Catalogue(Settings(home=tmp_path)).all() if info.name == "mini")


def planned(model: ModelInfo, config=STUDY, pictures=20, held_out=5) -> Planned:
    return Planned(config.in_steps(pictures), model, pictures, held_out)


def rated(model: ModelInfo, config=STUDY, **counts: int) -> float:
    """Seconds by the measured rates."""
    return pace.seconds_of(planned(model, config, **counts), [pace.Parts(1, 1, 1, 1)])


def about(seconds: float) -> str:
    return f"About {rough_duration(seconds)}"


def by(earlier: Planned, now: Planned, timing: Timing | None, whole: float | None = None) -> float:
    """Seconds by one earlier training."""
    speed = pace.speed_of(earlier, now, timing, whole)
    assert speed is not None
    return pace.seconds_of(now, [speed.slowness])


def test_every_preset_says_what_it_does():
    assert set(pace.ABOUT) == set(PRESETS)


def test_a_rate_is_told_for_the_shipped_model_on_a_cpu_alone(mini: ModelInfo):
    assert pace.in_words(planned(mini), [], False) == f"{about(rated(mini))} on one CPU core, less on more."
    shown = "The first training will show how long it takes here."
    assert pace.in_words(planned(mini), [], True) == shown
    assert pace.in_words(planned(replace(mini, name="another")), [], False) == shown


def test_time_grows_with_steps_pictures_and_pixels(mini: ModelInfo):
    bare = replace(STUDY, validation_every=0, held_out_every=0, checkpoint_every=10)
    step = pace.seconds_for_one(planned(mini, bare)).steps
    longer = replace(bare, steps=4000)
    assert rated(mini, longer) - rated(mini, bare) == pytest.approx(3600 * step)
    larger = pace.seconds_for_one(planned(mini, replace(bare, resolution=512))).steps
    assert larger == pytest.approx(4 * step)
    more = pace.seconds_for_one(planned(mini, replace(bare, batch_size=4))).steps
    assert 2 * step < more < 4 * step  # computed together they take less each


def test_what_looks_different_each_time_takes_longer(mini: ModelInfo):
    same, varied = (pace.seconds_for_one(planned(mini, each)) for each in (STUDY, PRESETS["recommended"]))
    assert varied.steps > 1.5 * same.steps
    assert varied.rest < same.rest  # nothing is kept beforehand


def test_measurements_and_samples_count_with_those_before_the_first_step_and_after_the_last(mini: ModelInfo):
    config = replace(STUDY, steps=10, warmup_steps=0, validation_every=0, held_out_every=4)
    without = rated(mini, config, held_out=0)
    assert rated(mini, config) - without == pytest.approx(4 * 5 * pace.HELD_OUT)  # at 0, 4, 8 and 10
    drawn = replace(config, validation_every=5)
    assert rated(mini, drawn) - rated(mini, config) == pytest.approx(
        3 * pace.picture_seconds(suggested(mini).num_inference_steps)
    )
    assert rated(mini, drawn, held_out=64) == rated(mini, drawn, held_out=100)  # no more are measured


def test_the_same_training_again_takes_what_the_earlier_one_took(mini: ModelInfo):
    plan, timing = planned(mini), Timing("CPU", 0.8, 2.0, 5.0)
    assert by(plan, plan, timing, 400.0) == pytest.approx(400.0)


def test_steps_that_were_measured_are_scaled(mini: ModelInfo):
    short = planned(mini, replace(STUDY, steps=10, warmup_steps=0, validation_every=0, held_out_every=0))
    long = planned(mini, replace(short.config, steps=1000))
    timing = Timing("CPU", 0.8)
    assert by(short, long, timing) - by(short, short, timing) == pytest.approx(990 * 0.8)
    # What was not in the way of its steps is not scaled: reading the model, the preview.
    assert by(short, long, timing, 100.0) == pytest.approx(100 + 990 * 0.8)


def test_other_settings_are_scaled_by_the_rates(mini: ModelInfo):
    timing = Timing("CPU", 3 * pace.seconds_for_one(planned(mini)).steps)  # three times as slow
    assert by(planned(mini), planned(mini, LOOK), timing) == pytest.approx(3 * rated(mini, LOOK))


def test_a_training_of_an_earlier_version_tells_by_its_whole_time(mini: ModelInfo):
    plan = planned(mini)
    assert by(plan, plan, None, 2 * rated(mini)) == pytest.approx(2 * rated(mini))
    assert pace.speed_of(plan, plan, None, None) is None


def test_trainings_of_the_same_kind_go_before_others(mini: ModelInfo):
    plan, look = planned(mini), planned(mini, LOOK)
    slow = pace.speed_of(look, plan, None, 9 * rated(mini, LOOK))
    usual = pace.speed_of(plan, plan, None, rated(mini))
    assert slow
    assert usual
    assert (slow.alike, usual.alike) == (False, True)
    assert pace.in_words(plan, [slow, usual, slow], False) == pace.in_words(plan, [usual], False)
    assert pace.in_words(plan, [usual, usual], False).endswith(", by 2 earlier trainings here.")
    assert pace.in_words(plan, [slow], False).endswith(", by 1 earlier training here with other settings.")


def test_the_first_look_at_pictures_does_not_tell_of_later_steps(tmp_path: Path):
    watch = Stopwatch()
    assert watch.timing("CPU") is None
    watch.add(FIRST_LOOK, 9.0)
    assert watch.timing("CPU") == Timing("CPU", 9.0)  # all that is known
    for seconds in (1.0, 2.0, 8.0):
        watch.add(STEP, seconds)
    watch.add(HELD_OUT, 4.0)
    with watch.taking(SAMPLE):
        pass
    timing = watch.timing("CPU")
    assert timing is not None
    assert (timing.step, timing.held_out) == (2.0, 4.0)
    assert timing.sample is not None
    keep_timing(tmp_path, timing)
    assert read_timing(tmp_path) == timing


@pytest.mark.parametrize("text", ["", "[]", '{"device": "CPU"}', '{"device": "CPU", "step": 0}', '{"step": "1"}'])
def test_a_file_that_says_no_time_is_passed_over(tmp_path: Path, text: str):
    (tmp_path / "timing.json").write_text(text)
    assert read_timing(tmp_path) is None


def drawn(seconds: float, **changed: object) -> Recipe:
    asked = {"prompt": "a castle", "model": "mini", "width": 256, "height": 256, "num_inference_steps": 25, **changed}
    return Recipe(kind="text_to_image", request=asked, seconds=seconds, dtype="float32")


def test_pictures_say_how_quick_the_machine_is():
    whole, half = pace.picture_seconds(25), pace.picture_seconds(12)
    assert half < whole < 25 / 12 * half  # words and decoding take as long in fewer steps
    assert slowness([drawn(2 * whole), drawn(whole), drawn(4 * whole)]) == 2.0  # the median
    assert slowness([drawn(2 * half, num_inference_steps=12, scheduler="DPM++ 2M")]) == 2.0
    assert slowness([drawn(whole, width=512, height=256)]) == 0.5
    assert slowness([drawn(whole, backend="openvino")]) == pytest.approx(1 / 0.53)


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


def test_the_time_is_told_for_this_machine_where_its_pictures_are_known(mini: ModelInfo):
    words = pace.in_words(planned(mini), [], False, 2.0)
    assert words == f"{about(2 * rated(mini))}, by the time that its pictures take here."
