"""The second pass: drawn again in tiles of the model's size that fade into one another."""

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.diffusion.job import Drawing
from engine.errors import Cancelled, ImageFailed, InvalidRequest
from engine.jobs.context import JobContext
from engine.jobs.schema import SUCCEEDED
from engine.kinds import KINDS
from engine.upscaling.redrawing import redrawn
from engine.upscaling.request import Upscale, drawing_of
from tests.engine.upscaling.test_upscaling import photo_file, pixels


def picture(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150), st.sampled_from([(16, 16), (32, 24)]))
def test_tiles_that_are_given_back_make_the_picture_again(height, width, size):
    seen = []

    def back(number, tile, report):
        seen.append((number, tile.size))
        return tile

    large = picture(height, width)
    assert np.array_equal(redrawn(large, size, back), large)
    assert seen == [(number, size) for number in range(len(seen))]


def test_tiles_of_different_brightness_leave_no_step():
    greys = count(0, 20)
    flat = redrawn(picture(100, 100), (40, 40), lambda number, tile, _: Image.new("RGB", tile.size, (next(greys),) * 3))
    assert max(np.abs(np.diff(flat.astype(int), axis=axis)).max() for axis in (0, 1)) <= 9


def test_it_can_be_stopped_between_tiles():
    done = []
    with pytest.raises(Cancelled):
        redrawn(
            picture(64, 64),
            (32, 32),
            lambda number, tile, report: done.append(number) or tile,
            should_stop=lambda: done == [0],
        )


def test_what_is_done_of_a_tile_counts():
    told = []

    def half(number, tile, report):
        report(1, 2)
        return tile

    redrawn(picture(32, 56), (32, 32), half, lambda done, tiles: told.append(done / tiles))
    assert told == [0, 0.25, 0.5, 0.75, 1]


DRAWING = {"prompt": "a castle", "num_inference_steps": 4, "seed": 2**64 - 2, "model": "mini"}


def test_a_picture_is_enlarged_and_drawn_again_and_its_recipe_repeats_it(studio, work):
    photo = studio.add_photo(photo_file(size=(40, 24)), "a.png")
    values = {"photos": (photo,), "factor": 4}
    plain = studio.submit(studio.request(Upscale.kind, values))
    values |= {"redraw_strength": 0.5, "redraw": DRAWING}
    job = studio.submit(studio.request(Upscale.kind, values))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    (larger,), (again,) = (studio.gallery.of_job(each.id) for each in (plain, job))
    assert (again.width, again.height, again.seed) == (160, 96, 2**64 - 2)
    assert not np.array_equal(pixels(studio, larger.id), pixels(studio, again.id))
    assert again.recipe.model["name"] == "realesr-animevideov3"
    assert again.recipe.model["redrawn_by"]["name"] == "mini"
    assert again.recipe.request["redraw"]["width"] == 64

    third = studio.submit(KINDS.read(again.kind, again.recipe.request))
    work()
    (repeated,) = studio.gallery.of_job(third.id)
    assert np.array_equal(pixels(studio, repeated.id), pixels(studio, again.id))


def test_every_step_within_a_tile_is_told(studio, work, monkeypatch):
    told = []
    report = JobContext.report
    monkeypatch.setattr(
        JobContext, "report", lambda self, stage, *steps: told.append(steps) or report(self, stage, *steps)
    )
    photo = studio.add_photo(photo_file(size=(16, 16)), "a.png")
    values = {"photos": (photo,), "factor": 4, "redraw_strength": 0.5, "redraw": DRAWING}
    studio.submit(studio.request(Upscale.kind, values))
    work()
    assert (550, 1000) in told  # the first of two steps, behind the first pass with its tenth of the work


def test_of_words_for_each_image_the_first_are_drawn(studio, work):
    photo = studio.add_photo(photo_file(size=(16, 16)), "a.png")
    values = {"photos": (photo,), "redraw_strength": 0.5}
    words = {"num_images": 2, "prompts": ["a castle", "a ship"], "prompt_template": "a {castle|ship}"}
    jobs = [
        studio.submit(studio.request(Upscale.kind, {**values, "redraw": {**DRAWING, **more}})) for more in ({}, words)
    ]
    work()
    assert [studio.job(job.id).state for job in jobs] == [SUCCEEDED] * 2, studio.job(jobs[1].id).error
    (one,), (several,) = (studio.gallery.of_job(job.id) for job in jobs)
    assert np.array_equal(pixels(studio, one.id), pixels(studio, several.id))


def test_what_befalls_one_picture_is_told_of_it_alone(studio, work, monkeypatch):
    draw, calls = Drawing.part, count()

    def part(self, *given):
        drawn, number = draw(self, *given), next(calls)
        if number == 1:
            raise ImageFailed("no numbers")
        return replace(drawn, notes=(*drawn.notes, "drawn again")) if number == 0 else drawn

    monkeypatch.setattr(Drawing, "part", part)
    photos = tuple(studio.add_photo(photo_file(seed, (16, 16)), f"{seed}.png") for seed in range(3))
    job = studio.submit(studio.request(Upscale.kind, {"photos": photos, "redraw_strength": 0.5, "redraw": DRAWING}))
    work()
    assert studio.job(job.id).error == "1.png: no numbers"
    first, third = studio.gallery.of_job(job.id)
    assert (first.title, third.title) == ("0.png", "2.png")
    assert "drawn again" in first.recipe.notes
    assert "drawn again" not in third.recipe.notes
    assert "drawn again" in studio.job(job.id).notes


def test_an_open_seed_is_drawn_when_it_is_queued(studio):
    photo = studio.add_photo(photo_file(), "a.png")
    values = {"photos": (photo,), "redraw_strength": 0.3, "redraw": {"prompt": "a castle"}}
    job = studio.submit(studio.request(Upscale.kind, values))
    assert job.request.redraw.seed is not None
    assert (job.request.redraw.width, job.request.redraw.model) == (64, "mini")


@pytest.mark.parametrize(("recorded", "syntax"), [({}, "plain"), ({"prompt_syntax": "a1111"}, "a1111")])
def test_the_words_of_a_recipe_are_read_as_they_were_and_drawn_no_more(studio, recorded, syntax):
    drawing = drawing_of({"prompt": "a {red|blue} castle (old:1.2)", "negative_prompt": "__mist__", **recorded})
    photo = studio.add_photo(photo_file(), "a.png")
    request = studio.request(Upscale.kind, {"photos": (photo,), "redraw_strength": 0.3, "redraw": drawing})
    assert request.redraw.prompt == "a {red|blue} castle (old:1.2)"
    assert request.redraw.negative_prompt == "__mist__"
    assert (request.redraw.prompt_syntax, request.redraw.prompt_template) == (syntax, None)


@pytest.mark.parametrize(
    "damaged",
    [{"loras": each} for each in (5, [5], ["abc"], [{"x": 1}], [{"name": [1]}], [[1, 2, 3]])] + [{"model": [1]}],
)
def test_a_recipe_whose_tools_cannot_be_read_is_not_taken_over(damaged):
    assert drawing_of({"prompt": "a castle", "loras": [{"name": "ink", "weight": 0.5}]})
    assert drawing_of({"prompt": "a castle", **damaged}) == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"redraw_strength": 0.1},
            "must be a number from 0.2 to 0.5; got 0.1. 0 leaves the second pass out",
        ),
        ({"redraw_strength": float("nan")}, "got nan"),
        ({"redraw_strength": "0.3"}, "got '0.3'"),
        ({"redraw": None}, "A second pass draws by a prompt and a model; got none"),
        ({"redraw": {"prompt": ""}}, "Prompt must not be empty"),
        ({"redraw": {"prompt": "a castle", "model": "other"}}, "other"),
    ],
)
def test_what_a_second_pass_cannot_do_is_said_at_once(studio, changes, words):
    values = {"photos": (studio.add_photo(photo_file(), "a.png"),), "redraw_strength": 0.3, "redraw": DRAWING}
    with pytest.raises(InvalidRequest, match=words):
        studio.submit(studio.request(Upscale.kind, values | changes))
