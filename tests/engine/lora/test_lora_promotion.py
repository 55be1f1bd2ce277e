"""A checkpoint becomes the LoRA in the picker, and what was there is kept."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from engine.device import choose
from engine.errors import Cancelled, InvalidRequest, NotFound
from engine.files import write_json
from engine.jobs.schema import FAILED, SUCCEEDED
from engine.lora.evaluations import can_go_on, evaluations_of, exported_step, grids_of, is_of_another_version, subjects
from engine.lora.job import install
from engine.lora.preparing import begin_evaluation, held_out_for
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora, TrainLora
from engine.lora.runs.plan import read_plan
from engine.lora.runs.versions import versions_of
from engine.lora.training.run import export, read_checkpoint, start
from engine.studio import Studio
from engine.weights.hashes import tensor_sha256
from engine.weights.lora_export import kohya_tensors
from engine.weights.loras import LoraInfo
from tests.captioned import QUICK, begun_training, copy_training, save_captioned

Work = Callable[[], None]


@pytest.fixture
def run(studio: Studio, trained: Path) -> str:
    """A finished training in this test's studio."""
    return copy_training(trained, studio)


def promote(studio: Studio, work: Work, run: str, checkpoint: str, weight: float = 1.0) -> None:
    job = studio.submit(PromoteLora(run=run, name="castles", checkpoint=checkpoint, weight=weight))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error


def picked(studio: Studio) -> LoraInfo:
    (lora,) = [info for info in studio.loras() if info.name == "castles"]
    return lora


def test_the_picker_shows_the_checkpoint_with_true_notes(studio: Studio, run: str, work: Work) -> None:
    folder = studio.settings.runs_dir / run
    promote(studio, work, run, "step-000002", 0.5)
    lora = picked(studio)
    assert (lora.preferred_weight, lora.problem, lora.trigger_words) == (0.5, "", ("castlestyle",))
    assert exported_step(studio.settings, run) == 2
    tensors, _, _ = read_checkpoint(folder, "step-000002")
    expected = kohya_tensors(tensors, QUICK.lora_alpha)
    with safe_open(lora.path, "np") as file:
        metadata = file.metadata()
        assert set(file.keys()) == set(expected)
        assert all(np.array_equal(file.get_tensor(name), expected[name]) for name in expected)
    assert metadata["ss_steps"] == "2"
    assert metadata["modelspec.usage_hint"] == "Weight 0.5."
    assert metadata["modelspec.hash_sha256"] == f"0x{tensor_sha256(lora.path)}"
    left_at = json.loads((folder / "outcome.json").read_text())["left_at"]
    assert float(metadata["ss_training_finished_at"]) == left_at
    assert (folder / "result" / "castles-diffusers" / "pytorch_lora_weights.safetensors").exists()


def test_what_was_there_is_kept_once(studio: Studio, run: str, work: Work) -> None:
    folder = studio.settings.runs_dir / run
    before = {path.name: path.read_bytes() for path in (folder / "result").iterdir() if path.is_file()}
    notes = picked(studio).path.with_suffix(".json")
    notes.write_text('{"about": "my own words"}')
    promote(studio, work, run, "step-000002")
    (version,) = versions_of(folder)
    assert {path.name: path.read_bytes() for path in version.iterdir() if path.is_file()} == before
    assert "my own words" in (version / "picker" / "castles.json").read_text()

    promote(studio, work, run, "step-000002")  # the same once more changes nothing
    assert versions_of(folder) == [version]
    promote(studio, work, run, "last", 0.75)
    assert [path.name for path in versions_of(folder)] == ["001", "002"]
    assert picked(studio).preferred_weight == 0.75


def test_a_lora_that_was_promoted_while_paused_stays_when_the_run_goes_on(
    studio: Studio, tmp_path: Path, work: Work
) -> None:
    run = begun_training(studio, save_captioned(tmp_path / "pictures"))
    folder = studio.settings.runs_dir / run
    steps: list[int] = []
    start(
        folder,
        read_plan(folder),
        device=choose("cpu"),
        report=lambda done: steps.append(done.step),
        should_stop=lambda: 2 in steps,
    )
    promote(studio, work, run, "step-000002", 0.5)
    picked(studio).path.with_suffix(".json").write_text('{"about": "my own words", "preferred_weight": 0.25}')
    studio.submit(TrainLora(run=run, name="castles"))
    work()
    assert json.loads((folder / "outcome.json").read_text())["finished"]
    assert exported_step(studio.settings, run) == 2
    assert (picked(studio).about, picked(studio).preferred_weight) == ("my own words", 0.25)


def test_a_finished_run_that_is_resumed_leaves_the_picker_alone(studio: Studio, run: str, work: Work) -> None:
    promote(studio, work, run, "step-000002", 0.5)
    lora = picked(studio).path
    lora.with_suffix(".json").write_text('{"about": "my own words"}')
    before = {path.name: path.read_bytes() for path in lora.parent.iterdir()}
    studio.submit(TrainLora(run=run, name="castles"))
    work()
    assert {path.name: path.read_bytes() for path in lora.parent.iterdir()} == before
    assert exported_step(studio.settings, run) == 2


def test_installing_keeps_what_the_artist_changed(studio: Studio, run: str) -> None:
    folder, lora = studio.settings.runs_dir / run, picked(studio).path
    (folder / "result" / "castles.png").unlink()
    for words in ("first", "second"):
        lora.with_suffix(".json").write_text(f'{{"about": "{words}"}}')
        lora.with_suffix(".png").write_bytes(b"my own preview")
        install(folder, "castles", lora.parent)
    kept = {path.name: path.read_bytes() for path in (folder / "result" / "picker").iterdir()}
    assert kept == {
        "castles.json": b'{"about": "first"}',
        "castles-2.json": b'{"about": "second"}',
        "castles.png": b"my own preview",
    }
    assert not lora.with_suffix(".png").exists()


def test_a_crash_between_result_and_picker_makes_no_version(studio: Studio, run: str, work: Work) -> None:
    folder = studio.settings.runs_dir / run
    export(folder, "step-000002", weight=0.5, device=choose("cpu"))
    promote(studio, work, run, "step-000002", 0.5)
    assert [path.name for path in versions_of(folder)] == ["001"]
    assert not list(folder.rglob("picker"))
    assert picked(studio).preferred_weight == 0.5


def test_a_name_that_stands_for_other_weights_by_now_is_refused(studio: Studio, run: str, work: Work) -> None:
    folder = studio.settings.runs_dir / run
    asked = PromoteLora(run=run, name="castles", checkpoint="last", step=4)
    job = studio.submit(asked)
    shutil.copyfile(folder / "checkpoints" / "step-000002.safetensors", folder / "checkpoints" / "last.safetensors")
    work()
    assert studio.job(job.id).state == FAILED
    text = "'last' was step 4 then and is step 2 now, because the training went on. Compare the checkpoints again."
    assert text in (studio.job(job.id).error or "")
    assert not can_go_on(studio.settings, asked, picked(studio))
    with pytest.raises(NotFound, match="Compare the checkpoints again"):
        studio.submit(asked)


def test_a_promotion_that_waits_is_not_asked_for_twice_and_can_be_stopped(studio: Studio, run: str, work: Work) -> None:
    asked = PromoteLora(run=run, name="castles", checkpoint="step-000002")
    first, second = studio.submit(asked), studio.submit(asked)
    assert first.id == second.id
    before = picked(studio).path.read_bytes()
    with pytest.raises(Cancelled):
        export(studio.settings.runs_dir / run, "step-000002", device=choose("cpu"), should_stop=lambda: True)
    assert exported_step(studio.settings, run) != 2
    work()
    assert studio.submit(asked).id != first.id
    assert picked(studio).path.read_bytes() != before


def test_no_checkpoint_is_read_from_outside_of_the_run(studio: Studio, run: str) -> None:
    shutil.copytree(studio.settings.runs_dir / run, studio.settings.runs_dir / "B")
    outside = "../../B/checkpoints/step-000002"
    with pytest.raises(InvalidRequest, match=r"letters, digits, hyphens or underscores; got '\.\./\.\./B"):
        PromoteLora(run=run, name="castles", checkpoint=outside)
    with pytest.raises(InvalidRequest, match="hyphens or underscores"):
        LoraGrid(run=run, name="castles", evaluation="e", checkpoints=(outside,))
    with pytest.raises(NotFound, match="has no checkpoint"):
        export(studio.settings.runs_dir / run, outside, device=choose("cpu"))


def test_what_is_refused_or_asked_twice_leaves_no_folder(studio: Studio, run: str) -> None:
    held_out = held_out_for(studio.settings, "castles", None)
    evaluations = studio.settings.evaluations_dir
    begin_evaluation(studio.settings, "a", held_out, "")
    with pytest.raises(InvalidRequest, match="There is no LoRA named 'other'"):
        studio.submit(EvaluateLora(lora="other", evaluation="a", model="mini"))
    for name in ("b", "c"):
        begin_evaluation(studio.settings, name, held_out, "")
        studio.submit(EvaluateLora(lora="castles", evaluation=name, model="mini"), key="one press")
    assert [path.name for path in evaluations.iterdir()] == ["b"]
    assert not list((studio.settings.home / "prepared").iterdir())


def test_pictures_that_were_moved_are_still_known(studio: Studio, tmp_path: Path) -> None:
    pictures = save_captioned(tmp_path / "pictures")
    run = begun_training(studio, pictures)
    write_json(studio.settings.runs_dir / run / "installed.json", {"name": "castles"})
    plan = read_plan(studio.settings.runs_dir / run)
    moved = pictures.rename(tmp_path / "moved")
    found = held_out_for(studio.settings, "castles", moved)
    assert [(picture.path.parent, picture.path.name, picture.caption) for picture in found] == [
        (moved, picture.path.name, picture.caption) for picture in plan.held_out
    ]


def test_a_lora_that_left_the_picker_comes_back(studio: Studio, run: str, work: Work) -> None:
    lora = picked(studio)
    assert subjects(studio.settings, studio.loras())["castles"].run == run
    for suffix in (".safetensors", ".json", ".png"):
        lora.path.with_suffix(suffix).unlink()
    alone = subjects(studio.settings, studio.loras())[run]
    assert (alone.lora, alone.run) == (None, run)
    assert alone.title == f"castles, not in the picker ({run})"
    promote(studio, work, run, "last")
    assert picked(studio).rank == QUICK.rank


def test_what_cannot_be_promoted_is_refused(studio: Studio, run: str) -> None:
    with pytest.raises(NotFound, match="no checkpoint 'step-000099'; there are: step-000002, step-000004"):
        studio.submit(PromoteLora(run=run, name="castles", checkpoint="step-000099"))
    with pytest.raises(InvalidRequest, match="Weight must be a number from -2 to 2; got 3"):
        PromoteLora(run=run, name="castles", checkpoint="last", weight=3)
    studio.submit(TrainLora(run=run, name="castles"))
    with pytest.raises(InvalidRequest, match="castles is being trained already"):
        studio.submit(PromoteLora(run=run, name="castles", checkpoint="last"))


def test_an_evaluation_knows_its_version(studio: Studio, run: str, work: Work) -> None:
    held_out = held_out_for(studio.settings, "castles", None)
    request = EvaluateLora(lora="castles", evaluation="first", model="mini", num_inference_steps=1)
    begin_evaluation(studio.settings, "first", held_out, "held out by the training")
    studio.submit(request)
    work()
    (found,) = evaluations_of(studio.settings, "castles")
    assert (found.source, len(found.held_out)) == ("held out by the training", 4)
    assert found.sheets()
    assert not is_of_another_version(found, picked(studio))
    assert "was chosen on these pictures" in found.report["notes"][0]
    assert can_go_on(studio.settings, request, picked(studio))

    promote(studio, work, run, "step-000002")
    assert is_of_another_version(found, picked(studio))
    assert not can_go_on(studio.settings, request, picked(studio))
    job = studio.submit(request)  # to go on would mix two versions
    work()
    assert studio.job(job.id).state == FAILED
    assert "was replaced by another version" in (studio.job(job.id).error or "")


def test_a_grid_is_a_job_that_is_found_again(studio: Studio, run: str, work: Work) -> None:
    begin_evaluation(studio.settings, "first", held_out_for(studio.settings, "castles", None), "held out")
    request = LoraGrid(
        run=run,
        name="castles",
        evaluation="first",
        checkpoints=("last",),
        weights=(1.0,),
        captions=1,
        num_inference_steps=1,
    )
    drawing = studio.submit(studio.request("text_to_image", {"prompt": "a castle", "num_inference_steps": 1}))
    job = studio.submit(request)
    work()
    done = studio.job(job.id)
    assert done.state == SUCCEEDED, done.error
    assert (done.finished_at or 0) > (studio.job(drawing.id).finished_at or 0)  # drawings go first
    (grid,) = grids_of(studio.settings, run)
    assert grid.report["run"] == run
    with pytest.raises(NotFound, match="no checkpoint 'step-1'"):
        studio.submit(LoraGrid(run=run, name="castles", evaluation="e", checkpoints=("step-1",)))
