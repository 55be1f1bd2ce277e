"""A run as a folder: what it holds, that it goes on with the same only, and the LoRA that comes out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.device import Device, choose
from engine.diffusion.text_to_image import generate
from engine.errors import InvalidRequest, NotFound, OutOfMemory
from engine.lora.runs.config import Config
from engine.lora.runs.plan import RunPlan, read_plan
from engine.lora.runs.timing import read_timing
from engine.lora.training.run import export, resume, start
from engine.weights.loras import list_loras
from tests.engine.lora.lora_runs import save_pictures, tiny_model
from tests.tiny import REQUEST, save_tiny_pipeline, tiny_info

CONFIG = Config(
    rank=4,
    alpha=8.0,
    gradient_accumulation=1,
    gradient_checkpointing=False,
    steps=4,
    warmup_steps=0,
    learning_rate=2e-2,
    lr_scheduler="constant_with_warmup",
    checkpoint_every=2,
    validation_every=0,
    held_out_every=2,
)


@pytest.fixture(scope="module")
def cpu() -> Device:
    return choose("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_info(save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def plan(model, tmp_path) -> RunPlan:
    pictures = save_pictures(tmp_path / "pictures")
    return made_of(model, pictures)


def made_of(model, pictures, **changes) -> RunPlan:
    values = {
        "name": "blobs",
        "model": model,
        "config": CONFIG,
        "pictures": tuple(pictures[:3]),
        "held_out": tuple(pictures[3:]),
        "trigger_words": ("blobs", "soft"),
        "about": "Soft blobs of colour.",
        "preferred_weight": 0.9,
    }
    return RunPlan(**values | changes)


@pytest.fixture(scope="module")
def finished(model, cpu, tmp_path_factory) -> Path:
    """The folder of a run that was paused once and then finished."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    plan = made_of(model, save_pictures(tmp_path_factory.mktemp("pictures")))
    seen: list[int] = []
    paused = start(folder, plan, device=cpu, report=lambda now: seen.append(now.step), should_stop=lambda: 3 in seen)
    assert not paused.finished
    assert not (folder / "result").exists()
    assert resume(folder, device=cpu).finished
    return folder


def test_the_folder_tells_the_whole_run(finished):
    record = json.loads((finished / "run.json").read_text())
    assert record["config"] == CONFIG.to_dict()
    assert len(record["model"]["sha256"]) == 64
    assert [len(record[side]) for side in ("pictures", "held_out")] == [3, 1]
    assert record["pictures"][0]["caption"] == "a castle"
    assert "torch" in record["versions"]
    outcome = json.loads((finished / "outcome.json").read_text())
    assert (outcome["step"], outcome["steps"], outcome["finished"]) == (4, 4, True)
    assert read_plan(finished).config == CONFIG


def test_the_picker_lists_the_finished_lora(finished, cpu):
    (info, folder) = list_loras([finished / "result"])
    assert (info.name, info.problem, info.rank) == ("blobs", "", 4)
    assert info.trigger_words == ("blobs", "soft")
    assert info.about == "Soft blobs of colour."
    assert info.preferred_weight == 0.9
    assert info.preview == finished / "result" / "blobs.png"
    assert folder.name == "blobs-diffusers"
    notes = json.loads((finished / "result" / "blobs.json").read_text())
    assert notes["training"]["settings"] == CONFIG.to_dict()
    assert notes["training"]["results"]["held_out_before"] > 0


def test_the_preview_is_what_the_studio_draws_with_the_file(finished):
    loaded = tiny_model(read_plan(finished).model.path)
    info = list_loras([finished / "result"])[0]
    request = replace(REQUEST, prompt="a cat on a mountain", negative_prompt="", seed=42, num_inference_steps=25)
    drawn, base = (next(generate(loaded, request, loras)).image for loras in ([(info, 0.9)], []))
    preview = Image.open(info.preview)
    assert np.array_equal(np.asarray(preview), np.asarray(drawn))
    assert not np.array_equal(np.asarray(preview), np.asarray(base))


def test_any_checkpoint_can_be_exported(finished, cpu):
    step = export(finished, "step-000002", device=cpu)
    assert json.loads(step.notes.read_text())["training"]["steps"] == 2
    with pytest.raises(NotFound, match=r"no checkpoint 'step-7'; there are: step-000002, step-000004"):
        export(finished, "step-7", device=cpu)


def test_a_finished_run_does_nothing_more(finished, cpu):
    reports = []
    assert resume(finished, device=cpu, report=reports.append).finished
    assert reports == []


def test_a_run_keeps_how_long_its_parts_took_for_the_next_estimate(plan, finished, cpu, tmp_path):
    timing = read_timing(finished)
    assert timing is not None
    assert (timing.device, timing.sample) == (cpu.name, None)  # of its last part, which drew nothing
    assert timing.held_out is not None
    start(tmp_path / "none", plan, device=cpu, should_stop=lambda: True)
    assert read_timing(tmp_path / "none") is None
    seen: list[int] = []
    paused = start(
        tmp_path / "short", plan, device=cpu, report=lambda now: seen.append(now.step), should_stop=lambda: 1 in seen
    )
    assert paused.step == 1
    assert read_timing(tmp_path / "short") is not None


def test_a_run_does_not_go_on_with_anything_else(plan, cpu, tmp_path):
    folder = tmp_path / "run"
    start(folder, plan, device=cpu, should_stop=lambda: True)
    with pytest.raises(InvalidRequest, match=r"must go on with what it began with(.|\n)*rank was 4, now 2"):
        start(folder, replace(plan, config=replace(CONFIG, rank=2)), device=cpu)
    with pytest.raises(InvalidRequest, match=r"1 picture gone: 1\.png(.|\n)*1 picture new: 3\.png"):
        start(folder, replace(plan, pictures=(*plan.pictures[::2], *plan.held_out)), device=cpu)
    with pytest.raises(InvalidRequest, match=r"3 pictures in another order"):
        start(folder, replace(plan, pictures=plan.pictures[::-1]), device=cpu)
    Image.new("RGB", (90, 90)).save(plan.pictures[1].path)
    with pytest.raises(InvalidRequest, match=r"1 picture changed: 1\.png(.|\n)*begin a new run"):
        resume(folder, device=cpu)


def test_a_run_does_not_go_on_with_another_model(plan, cpu, tmp_path):
    start(tmp_path / "run", plan, device=cpu, should_stop=lambda: True)
    other = tiny_info(save_tiny_pipeline(tmp_path / "other", seed=1))
    with pytest.raises(InvalidRequest, match="the weights of other are others than they were"):
        start(tmp_path / "run", replace(plan, model=other), device=cpu)


class SmallDevice(Device):
    """A CPU with a megabyte."""

    def total_memory(self) -> int:
        return 2**20


def test_a_device_that_is_far_too_small_is_refused_before_the_model_is_read(plan, cpu, tmp_path):
    small = SmallDevice(cpu.torch_device, cpu.dtype, "a very old computer")
    with pytest.raises(OutOfMemory, match="more memory than a very old computer has"):
        start(tmp_path / "run", plan, device=small)


def test_a_folder_without_a_run_and_a_broken_record_are_told_apart(tmp_path):
    with pytest.raises(NotFound, match="no training run in"):
        resume(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InvalidRequest, match="must be a record that the studio wrote: KeyError"):
        resume(tmp_path)


def test_names_and_weights_that_files_cannot_carry_are_refused(model):
    with pytest.raises(InvalidRequest, match=r"name has 1 to 64 letters(.|\n)*preferred weight must be a number"):
        made_of(model, [], name="a/b", preferred_weight=3)
