"""From captioned pictures to a LoRA in the picker and a report, through the real queue and worker code."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from engine.device import choose
from engine.diffusion.request import TextToImage
from engine.errors import InvalidRequest, NotFound
from engine.jobs.schema import CANCELLED, DRAW, FAILED, SUCCEEDED, TRAIN
from engine.kinds import KINDS
from engine.lora import preparing
from engine.lora.preparing import RunSettings
from engine.lora.requests import EvaluateLora, TrainLora
from engine.lora.runs.captions import changed_captions
from engine.lora.runs.config import Config
from engine.lora.runs.held_out import prepare as prepare_evaluation
from engine.lora.runs.plan import read_plan
from engine.lora.runs.progress import read_progress
from engine.lora.training.run import start
from engine.prepared import adopt
from engine.studio import Studio
from engine.translation.request import Translate
from engine.worker import Worker, device_work

Work = Callable[[], None]
TINY = Config(rank=2, steps=3, warmup_steps=1, gradient_accumulation=1, checkpoint_every=2, held_out_every=1)
TINY = replace(TINY, validation_every=0, gradient_checkpointing=False, batch_size=4)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eight captioned pictures that do not look alike."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = ["file,caption"]
    for seed in range(8):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.NEAREST).save(folder / f"{seed}.png")
        rows.append(f"{seed}.png,a castle number {seed}")
    (folder / "captions.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def order(studio: Studio) -> RunSettings:
    return RunSettings("castles", studio.model("mini"), TINY, trigger="castlestyle", share=0.5)


@pytest.fixture
def run(studio: Studio, pictures: Path, order: RunSettings) -> str:
    return preparing.begin_run(studio.settings, preparing.prepare(pictures, order), order)


def test_pictures_are_split_captioned_and_checked(pictures: Path, order: RunSettings) -> None:
    prepared = preparing.prepare(pictures, order)
    assert len(prepared.train) == len(prepared.held_out) == 4
    assert all(picture.caption.startswith("castlestyle, a castle") for picture in prepared.train)
    assert not prepared.check_up.blocks
    assert "8 of 8 captions found" in prepared.dataset.report.summary
    again = preparing.prepare(pictures, order)
    assert again.split == prepared.split


def test_captions_are_counted_as_the_chosen_model_reads_them(
    pictures: Path, order: RunSettings, tmp_path: Path
) -> None:
    assert not [each for each in preparing.prepare(pictures, order).check_up.findings if each.code == "long_caption"]
    model = Path(shutil.copytree(order.model.path, tmp_path / "short"))
    settings = model / "tokenizer" / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_max_length": 6}))
    short = replace(order, model=replace(order.model, path=model))
    (finding,) = (each for each in preparing.prepare(pictures, short).check_up.findings if each.code == "long_caption")
    assert "Captions are read up to 6 tokens by this model; 8 pictures with more" in finding.message
    assert "rough" not in finding.message


def test_what_blocks_training_is_said_before_it_begins(studio: Studio, pictures: Path, order: RunSettings) -> None:
    (pictures / "captions.csv").unlink()
    with pytest.raises(InvalidRequest, match="caption"):
        preparing.begin_run(studio.settings, preparing.prepare(pictures, order), order)
    assert not list(preparing.runs(studio.settings))


def test_a_training_is_a_job_that_ends_in_the_picker(studio: Studio, run: str, work: Work) -> None:
    job = studio.submit(TrainLora(run=run, name="castles"))
    assert KINDS.read(job.kind, job.request.to_dict()) == job.request
    with pytest.raises(InvalidRequest, match="castles is being trained already"):
        studio.submit(TrainLora(run=run, name="castles"))
    work()
    done = studio.job(job.id)
    assert done.state == SUCCEEDED, done.error
    assert (done.step, done.steps) == (3, 3)
    (lora,) = [info for info in studio.loras() if info.name == "castles"]
    assert (lora.rank, lora.trigger_words, lora.problem) == (2, ("castlestyle",), "")
    assert lora.preview is not None
    assert [line.step for line in read_progress(studio.settings.runs_dir / run)] == [0, 1, 2, 3]


def test_every_run_has_a_lora_of_its_own(studio: Studio, pictures: Path, order: RunSettings, work: Work) -> None:
    runs = [preparing.begin_run(studio.settings, preparing.prepare(pictures, order), order) for _ in range(2)]
    for run in (*runs, runs[0]):  # the first once more, as after a crash just before its end
        studio.submit(TrainLora(run=run, name="castles"))
        work()
    assert {info.name for info in studio.loras()} == {"castles", "castles-2"}
    held_out = [preparing.held_out_for(studio.settings, name, None) for name in ("castles", "castles-2")]
    assert held_out[0] == held_out[1]


def test_drawings_go_before_a_training(studio: Studio, run: str, work: Work) -> None:
    training = studio.submit(TrainLora(run=run, name="castles"))
    drawing = studio.submit(studio.request("text_to_image", {"prompt": "a castle", "num_inference_steps": 1}))
    assert studio.ahead_of(drawing) == 0
    work()
    ended = [studio.job(job.id).finished_at for job in (drawing, training)]
    assert isinstance(drawing.request, TextToImage)
    assert ended[0] < ended[1]


def test_a_training_has_the_memory_of_what_was_warm(studio: Studio, run: str) -> None:
    worker = Worker(studio.settings, studio.database)
    _, handlers = device_work(studio.settings, worker.queue, studio.database)
    photo = io.BytesIO()
    Image.new("RGB", (32, 32), "green").save(photo, "PNG")
    studio.submit(Translate(photos=(studio.add_photo(photo.getvalue(), "green.png"),), translator="classical"))
    studio.submit(studio.request("text_to_image", {"prompt": "a castle", "num_inference_steps": 1}))
    while worker.run_one(DRAW, handlers):
        pass
    translating, drawing = (handlers[kind].__self__ for kind in ("translate", "text_to_image"))
    assert translating._warm is not None
    assert drawing._models.paths

    studio.submit(TrainLora(run=run, name="castles"))
    worker.run_one(TRAIN, handlers)
    assert translating._warm is None
    assert not drawing._models.paths


def test_a_paused_training_goes_on_to_the_same_weights(
    studio: Studio, pictures: Path, run: str, work: Work, tmp_path: Path
) -> None:
    folder = studio.settings.runs_dir / run
    adopt(studio.settings.home, folder)
    plan = read_plan(folder)
    whole = start(tmp_path / "whole", plan, device=choose("cpu"))
    assert whole.finished

    asked = iter([False, True])
    start(folder, plan, device=choose("cpu"), should_stop=lambda: next(asked, True))
    job = studio.submit(TrainLora(run=run, name="castles"))
    work()
    assert studio.job(job.id).state == SUCCEEDED
    at_once, paused = (load_file(each / "checkpoints" / "last.safetensors") for each in (tmp_path / "whole", folder))
    assert all(np.array_equal(at_once[name], paused[name]) for name in at_once | paused)


def test_captions_that_changed_since_are_said_before_a_run_goes_on(studio: Studio, pictures: Path, run: str) -> None:
    def ask() -> None:
        studio.cancel(studio.submit(TrainLora(run=run, name="castles")).id)

    ask()
    before = (pictures / "captions.csv").read_text()
    (pictures / "captions.csv").write_text(before.replace("a castle number 3", "a fort"))
    with pytest.raises(InvalidRequest, match=r'1 caption changed since: 3\.png from "a castle number 3" to "a fort"\.'):
        ask()

    (pictures / "3.txt").write_text("a note")  # a source that describes less is none
    shutil.copyfile(studio.settings.runs_dir / run / "captions.csv", pictures / "captions.csv")
    ask()


def test_what_is_no_change_of_a_caption_stops_no_run(studio: Studio, pictures: Path, run: str) -> None:
    studio.cancel(studio.submit(TrainLora(run=run, name="castles")).id)
    text = (pictures / "captions.csv").read_text()
    (pictures / "captions.csv").write_text(text.replace(",", ";").replace("a castle", "a  castle"))
    (pictures / "new.png").write_bytes((pictures / "3.png").read_bytes())
    studio.cancel(studio.submit(TrainLora(run=run, name="castles")).id)
    shutil.rmtree(pictures)
    assert changed_captions(studio.settings.runs_dir / run) == []


def test_a_cancelled_training_keeps_its_run(studio: Studio, run: str, work: Work) -> None:
    job = studio.submit(TrainLora(run=run, name="castles"))
    studio.cancel(job.id)
    work()
    assert studio.job(job.id).state == CANCELLED
    assert run in preparing.runs(studio.settings)
    studio.submit(TrainLora(run=run, name="castles"))


def test_a_lost_picture_fails_in_words(studio: Studio, run: str, pictures: Path, work: Work) -> None:
    for path in pictures.glob("*.png"):
        path.unlink()
    job = studio.submit(TrainLora(run=run, name="castles"))
    work()
    job = studio.job(job.id)
    assert job.state == FAILED
    assert ".png" in (job.error or "")


def test_an_evaluation_compares_held_out_captions(studio: Studio, run: str, pictures: Path, work: Work) -> None:
    studio.submit(TrainLora(run=run, name="castles"))
    work()
    held_out = preparing.held_out_for(studio.settings, "castles", None)
    given = preparing.held_out_for(studio.settings, "castles", pictures)
    assert {picture.path.name for picture in held_out} == {picture.path.name for picture in given}
    assert all(picture.caption.startswith("castlestyle") for picture in given)

    request = EvaluateLora(lora="castles", evaluation="first", model="mini", num_inference_steps=1)
    place = studio.settings.evaluations_dir / "first"
    prepare_evaluation(place, held_out)
    job = studio.submit(request)
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    report = json.loads((place / "report.json").read_text())
    assert report["pair_count"] == 4
    assert "VGG19" in report["headline"]
    assert len(list((place / "base").glob("*.png"))) == len(list((place / "tuned").glob("*.png"))) == 4
    assert (place / "sheet-1.png").exists()


def test_what_cannot_be_evaluated_is_refused(studio: Studio, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="'other' was not trained in this studio"):
        preparing.held_out_for(studio.settings, "other", None)
    with pytest.raises(InvalidRequest, match="There is no LoRA named 'other'"):
        studio.submit(EvaluateLora(lora="other", evaluation="e", model="mini"))
    with pytest.raises(InvalidRequest, match="needs 4 held-out pictures with captions or more; got 0"):
        prepare_evaluation(tmp_path, [])
    with pytest.raises(InvalidRequest, match="prepared first; there is none named 'nothing'"):
        studio.submit(TrainLora(run="nothing", name="x"))
    with pytest.raises(InvalidRequest, match=r"A run's name has 1 to 100 letters"):
        TrainLora(run="../x", name="x")


def test_an_archive_is_unpacked_into_the_studio(studio: Studio, pictures: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "mine"), "zip", pictures))
    folder = preparing.dataset_folder(studio.settings, archive)
    assert folder.is_relative_to(studio.settings.home / "datasets")
    assert len(list(folder.glob("*.png"))) == 8
    assert preparing.dataset_folder(studio.settings, pictures) == pictures
