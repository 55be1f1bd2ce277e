"""Drafts: one wish an asker, drawn while no job waits, and kept nowhere."""

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.diffusion.request import LoraWeight, TextToImage
from engine.drafts.board import KEPT_SECONDS, Answer, Board
from engine.drafts.quick import FEW_STEPS, LORA, SCHEDULER, STEPS, draft_of, has_drafts
from engine.jobs.schema import DEVICE_LANES, DRAW, FETCH, SUCCEEDED
from engine.studio import Studio
from engine.weights.loras import LoraInfo
from engine.worker import Worker, device_place

REQUEST = TextToImage(prompt="a castle", seed=3, width=64, height=64, model="mini", num_images=2, enlarged=2)


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path)


@pytest.fixture
def place(studio: Studio):
    return device_place(studio.settings, studio.queue, studio.database)[0]


def picture(answer: Answer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(answer.picture)))


def test_a_draft_is_one_picture_in_few_steps_of_the_same_seed():
    draft = draft_of(REQUEST)
    assert (draft.num_inference_steps, draft.scheduler, draft.seed) == (STEPS, SCHEDULER, 3)
    assert (draft.num_images, draft.enlarged, draft.prompt) == (1, 1, "a castle")
    quick = replace(REQUEST, num_inference_steps=FEW_STEPS, scheduler="LCM")
    assert (draft_of(quick).num_inference_steps, draft_of(quick).scheduler) == (FEW_STEPS, "LCM")


def test_the_small_models_lora_draws_what_it_can_show():
    ours = LoraInfo(LORA, Path(f"{LORA}.safetensors"), "x", 32, 4, (), "", 1, few_steps="turbo")
    request = replace(REQUEST, width=256, height=256)
    draft = draft_of(request, [ours])
    assert (draft.num_inference_steps, draft.guidance_scale, draft.scheduler) == (4, 1.0, "Turbo")
    assert (draft.loras, draft.loras_merged, draft.seed) == ((LoraWeight(LORA, 1.0),), True, 3)
    for other in (
        replace(request, negative_prompt="fog"),
        replace(request, loras=(LoraWeight("ink"),)),
        replace(request, model="sd21"),
        replace(request, width=384),
    ):
        assert draft_of(other, [ours]).num_inference_steps == STEPS
    assert draft_of(request, [replace(ours, few_steps="")]).num_inference_steps == STEPS
    assert draft_of(request, [replace(ours, problem="damaged")]).num_inference_steps == STEPS


def test_drafts_are_offered_where_they_are_quick(studio: Studio):
    mini, large = studio.model("mini"), studio.model("sd21")
    assert has_drafts(mini, accelerated=False)
    assert not has_drafts(replace(large, available=True), accelerated=False)
    assert has_drafts(replace(large, available=True), accelerated=True)
    assert not has_drafts(replace(mini, available=False), accelerated=True)


def test_the_newest_wish_of_an_asker_counts_alone(board: Board):
    first = board.ask("one", REQUEST)
    second = board.ask("one", replace(REQUEST, prompt="a lake"))
    wish = board.take()
    assert (wish.token, wish.request.prompt) == (second, "a lake")
    assert board.take() is None
    board.answer("one", Answer(second, b"picture", 0.5))
    assert board.fetch("one", second) == Answer(second, b"picture", 0.5)
    assert board.fetch("one", first) is None
    assert board.fetch("two", second) is None


def test_a_wish_that_is_given_back_makes_room_for_a_newer_one(board: Board):
    board.ask("one", REQUEST)
    assert board.waits("one")
    wish = board.take()
    assert not board.waits("one")
    board.give_back(wish)
    assert board.take() == wish
    newer = board.ask("one", REQUEST)
    board.give_back(wish)
    assert board.take().token == newer


def test_what_is_no_wish_is_passed_over(board: Board, tmp_path):
    board.ask("good", REQUEST)
    (tmp_path / "drafts" / "wishes" / "bad.json").write_text("[]")
    assert board.take().asker == "good"
    assert board.take() is None
    assert not list((tmp_path / "drafts" / "wishes").iterdir())


def test_files_of_askers_that_are_gone_are_swept(board: Board, tmp_path):
    board.answer("gone", Answer("token"))
    board.ask("gone", REQUEST)
    for file in (files := list(tmp_path.glob("drafts/*/gone.json"))):
        then = file.stat().st_mtime - KEPT_SECONDS - 1
        os.utime(file, (then, then))
    board.answer("here", Answer("token"))
    assert len(files) == 2
    assert not any(file.exists() for file in files)


def test_a_draft_has_the_pixels_of_a_drawing_and_leaves_nothing(studio: Studio, place):
    board = Board(studio.settings.home)
    wanted = draft_of(REQUEST)
    token = board.ask("one", wanted)
    assert place.between(lambda: False)
    assert not place.between(lambda: False)
    answer = board.fetch("one", token)
    assert studio.is_empty()
    assert not studio.jobs()

    job = studio.submit(wanted)
    Worker(studio.settings, studio.database).run_one(DRAW, place.furnish([]))
    assert studio.job(job.id).state == SUCCEEDED
    drawn = np.asarray(Image.open(studio.gallery.path(studio.gallery.of_job(job.id)[0].id)))
    assert np.array_equal(picture(answer), drawn)


def test_a_draft_gives_way_to_a_job_and_comes_after_it(studio: Studio, place):
    board = Board(studio.settings.home)
    token = board.ask("one", draft_of(REQUEST))
    assert place.between(lambda: True)
    assert board.fetch("one", token) is None
    assert place.between(lambda: False)
    assert board.fetch("one", token).picture


def test_only_a_job_of_its_lanes_stops_a_draft(studio: Studio):
    worker = Worker(studio.settings, studio.database)
    seen = studio.database.data_version()
    studio.queue.lanes.pause(FETCH)
    assert studio.database.data_version() != seen
    assert not worker._is_wanted(DEVICE_LANES, seen)
    studio.submit(draft_of(REQUEST))
    assert not worker._is_wanted([FETCH], seen)
    assert worker._is_wanted(DEVICE_LANES, seen)


def test_what_cannot_be_drawn_is_said(studio: Studio, place):
    board = Board(studio.settings.home)
    token = board.ask("one", replace(draft_of(REQUEST), model="gone"))
    place.between(lambda: False)
    answer = board.fetch("one", token)
    assert not answer.picture
    assert "gone" in answer.problem
