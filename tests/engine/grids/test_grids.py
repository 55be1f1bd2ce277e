"""Grids: how they are typed, what they draw, and what they refuse."""

import io

import numpy as np
import pytest
from PIL import Image

from engine.diffusion.request import TextToImage
from engine.errors import InvalidRequest
from engine.grids.admission import seconds_of
from engine.grids.axes import AXES, Axis, axis_from, typed, values_from
from engine.grids.request import Grid
from engine.grids.sheet import EMPTY, labelled
from engine.jobs.schema import QUEUED, SUCCEEDED
from engine.kept_photos import PhotoRef

BASE = {"prompt": "a castle by a lake", "seed": 5, "num_inference_steps": 2, "model": "mini"}


def base(**more) -> TextToImage:
    return TextToImage(**{**BASE, "width": 64, "height": 64, **more})


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("guidance", "3, 5,7.5", ("3", "5", "7.5")),
        ("seed", "1-4", ("1", "2", "3", "4")),
        ("steps", "10-50 (+20)", ("10", "30", "50")),
        ("strength", "0.2-0.8 [4]", ("0.2", "0.4", "0.6", "0.8")),
        ("guidance", "5-3 (-1)", ("5", "4", "3")),
        ("prompt", 'castle, "a ship, at sea", tree', ("castle", "a ship, at sea", "tree")),
        ("prompt", "1-4", ("1-4",)),
        ("seed", "-1", ("-1",)),
        ("sampler", " DDIM ,Euler a, ", ("DDIM", "Euler a")),
        ("seed", "1-1000000000", ("1-1000000000",)),
        ("seed", "1-2 (+0)", ("1-2 (+0)",)),
        ("seed", "", ()),
        ("seed", "9007199254740993-9007199254740995", tuple(str(2**53 + step) for step in (1, 2, 3))),
        ("seed", f"1-{'9' * 400}", (f"1-{'9' * 400}",)),
        ("seed", f"1-{'9' * 400} [3]", (f"1-{'9' * 400} [3]",)),
        ("guidance", "1-.", ("1-.",)),
        ("prompt", "a\nb, c", ("a\nb, c",)),
    ],
)
def test_values_are_read_as_they_are_typed(name, text, values):
    assert values_from(name, text) == values


@pytest.mark.parametrize("values", [("a", 'say "hi", ok', '"quoted" word'), ("a ship, at sea", "tree")])
def test_values_are_typed_as_they_are_read(values):
    assert values_from("prompt", typed(values)) == values


def test_cells_go_across_then_down_then_on():
    axes = (Axis("guidance", ("3", "5", "7")), Axis("sampler", ("DDIM", "UniPC")), Axis("seed", ("8", "9")))
    cells = Grid(base=base(num_images=4), axes=axes).cells()
    told = [(each.request.guidance_scale, each.request.scheduler, each.request.seed) for each in cells]
    assert told[:4] == [(3, "DDIM", 8), (5, "DDIM", 8), (7, "DDIM", 8), (3, "UniPC", 8)]
    assert told[6] == (3, "DDIM", 9)
    assert len(told) == len(set(told)) == 12
    assert {each.request.num_images for each in cells} == {1}


def test_each_picture_is_told_from_the_others_by_what_is_varied():
    axes = (Axis("steps", ("2", "4")), Axis("prompt", ("castle", "ship")))
    grid = Grid(base=base(), axes=axes)
    told = ["Steps 2, castle", "Steps 4, castle", "Steps 2, ship", "Steps 4, ship", ""]
    assert [grid.caption(index) for index in range(grid.count + grid.sheets)] == told


def test_words_are_replaced_in_both_prompts_and_weights_go_to_the_varied_lora():
    words = Axis("prompt", ("lake", "sea", "river"))
    cells = Grid(base=base(negative_prompt="no lake"), axes=(words,)).cells()
    assert [each.request.prompt[-6:] for each in cells] == ["a lake", " a sea", " river"]
    assert cells[1].request.negative_prompt == "no sea"
    for axes in (
        (Axis("weight", ("0.5",)), Axis("lora", ("none", "ink"))),
        (Axis("lora", ("ink",)), Axis("weight", ("0.5",))),
    ):
        last = Grid(base=base(), axes=axes).cells()[-1].request
        assert [(lora.name, lora.weight) for lora in last.loras] == [("ink", 0.5)]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ((), "A grid has 1 to 3 axes; got 0"),
        ((Axis("seed", ("1",)),) * 2, "varies something else; got seed twice"),
        ((Axis("colour", ("red",)),), "A grid varies model, prompt, seed"),
        ((Axis("seed", ()),), "Seed needs at least one value, such as 1-4"),
        ((Axis("steps", ("2", "2")),), "each value once; got '2' more than once"),
        ((Axis("steps", ("two",)),), "Steps takes whole numbers; got 'two'"),
        ((Axis("steps", ("1-400",)),), "Steps: '1-400' is no range of 1 to 200 whole numbers"),
        ((Axis("guidance", ("5-3",)),), "Guidance: '5-3' is no range of 1 to 200 numbers"),
        ((Axis("guidance", ("nan",)),), "Guidance scale must be a number"),
        ((Axis("steps", ("2", "999")),), "Steps must be a whole number from 1 to 150; got 999"),
        ((Axis("prompt", ("dragon", "ship")),), "must stand in the prompt; 'dragon' do not"),
        ((Axis("weight", ("1",)),), "A weight belongs to a LoRA; none is chosen"),
        ((Axis("strength", ("0.5",)),), "Strength belongs to a picture"),
        (
            (Axis("seed", tuple(map(str, range(100)))), Axis("steps", tuple(map(str, range(1, 51))))),
            "may have 200 pictures; 100 x 50 are 5,000",
        ),
    ],
)
def test_what_is_no_grid_is_said(axes, said):
    with pytest.raises(InvalidRequest, match=said):
        Grid(base=base(), axes=axes)


@pytest.mark.parametrize("text", ["guidance", "", "a,b"])
def test_an_axis_has_a_name(text):
    with pytest.raises(InvalidRequest, match="An axis is NAME=VALUE,VALUE"):
        axis_from(text)


def test_every_example_can_be_typed():
    for name, what in AXES.items():
        assert not axis_from(f"{name}={what.example}").problems()


def test_a_template_that_cannot_be_read_is_refused_whatever_is_varied(studio):
    axes = (Axis("prompt", ("castle", "ship")),)
    with pytest.raises(InvalidRequest, match="colour"):
        studio.submit(studio.request("grid", {"base": {**BASE, "prompt": "a castle in __colour__"}, "axes": axes}))


def test_what_this_machine_lacks_is_said_once_for_each(studio):
    axes = (Axis("model", ("mini", "nowhere")), Axis("seed", ("1", "2", "3")))
    request = studio.request("grid", {"base": BASE, "axes": axes})
    with pytest.raises(InvalidRequest) as error:
        studio.submit(request)
    assert str(error.value).count("nowhere") == 1


def test_a_grid_is_drawn_stopped_and_goes_on(studio, work):
    axes = (Axis("seed", ("7", "8", "9")), Axis("sampler", ("DDIM", "UniPC")))
    job = studio.submit(studio.request("grid", {"base": BASE, "axes": axes}))
    alone = studio.submit(studio.request("text_to_image", {**BASE, "seed": 8}))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    *cells, sheet = studio.gallery.of_job(job.id)
    assert [cell.kind for cell in cells] == ["text_to_image"] * 6
    assert (sheet.kind, sheet.title) == ("grid", "Grid: a castle by a lake")
    (single,) = studio.gallery.of_job(alone.id)
    pixels = [np.asarray(Image.open(studio.gallery.path(each.id))) for each in (cells[1], single)]
    assert np.array_equal(*pixels)
    assert [parent.image.id for parent in studio.gallery.parents(sheet)] == [cell.id for cell in cells]
    request = studio.kinds.read(sheet.kind, sheet.recipe.request)
    assert request == studio.job(job.id).request

    # As after a kill: what is in the gallery stays, the rest is drawn.
    studio.gallery.delete([sheet.id, cells[4].id])
    studio.gallery.delete_for_good([sheet.id, cells[4].id])
    requeue(studio, job.id)
    work()
    again = studio.gallery.of_job(job.id)
    assert [each.id for each in again[:4]] == [cell.id for cell in cells[:4]]
    assert len(again) == 7
    assert [parent.image.id for parent in studio.gallery.parents(again[6])] == [each.id for each in again[:6]]


def test_others_go_first_between_two_pictures_of_a_grid(studio, work):
    axes = (Axis("seed", ("7", "8", "9")),)
    grid = studio.submit(studio.request("grid", {"base": BASE | {"num_inference_steps": 1}, "axes": axes}))
    request = studio.request("text_to_image", BASE | {"num_inference_steps": 1})
    own, other = studio.submit(request), studio.submit(request, owner="maria")
    work()
    jobs = [studio.job(job.id) for job in (grid, own, other)]
    assert [job.state for job in jobs] == [SUCCEEDED] * 3
    assert jobs[0].attempt == 1
    drawn = sorted(
        (*studio.gallery.of_job(grid.id), *studio.gallery.of_job(own.id), *studio.gallery.of_job(other.id)),
        key=lambda record: record.id,
    )
    assert [record.job_id for record in drawn] == [grid.id, other.id, grid.id, grid.id, grid.id, own.id]


def requeue(studio, job_id: str) -> None:
    """Put a job back as a worker does that has to leave."""
    with studio.database.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE jobs SET state = '{QUEUED}', finished_at = NULL WHERE id = '{job_id}'"
        )


def test_a_grid_on_a_picture(studio, work):
    photo = studio.add_photo(studio_png(), "start.png")
    axes = (Axis("strength", ("0", "1")),)
    request = studio.request("grid", {"base_kind": "image_to_image", "base": {**BASE, "image": photo}, "axes": axes})
    job = studio.submit(request)
    work()
    first, second, _ = studio.gallery.of_job(job.id)
    assert first.kind == "image_to_image"
    assert studio.gallery.parents(second)[0].photo == photo.id
    assert isinstance(request.base.image, PhotoRef)


def studio_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 90, 40)).save(file, "PNG")
    return file.getvalue()


def test_the_time_is_told_by_earlier_pictures(studio, work):
    request = studio.request("grid", {"base": BASE, "axes": (Axis("steps", ("2", "4")), Axis("guidance", ("1", "5")))})
    assert seconds_of(request, []) is None
    studio.submit(studio.request("text_to_image", BASE))
    work()
    (record,) = studio.gallery.page().images
    assert seconds_of(request, [record]) == pytest.approx(record.recipe.seconds * (1 + 2) * 1.5)


def test_a_sheet_shows_each_picture_whole_in_its_place():
    red, blue = (Image.new("RGB", (64, 32), colour) for colour in ((255, 0, 0), (0, 0, 255)))
    sheet = labelled("all", ["one", "two"], [("first", [red, None]), ("second", [None, blue])], (64, 64))
    colours = {colour: count for count, colour in sheet.getcolors(100_000)}
    assert colours[255, 0, 0] == colours[0, 0, 255] == 64 * 32
    assert colours[EMPTY] == 2 * 64 * 64
    places = np.argwhere((np.asarray(sheet) == (0, 0, 255)).all(2))
    assert places.min(0).min() > np.argwhere((np.asarray(sheet) == (255, 0, 0)).all(2)).max(0).min()
    assert max(labelled("", ["x" * 4000] * 14, [("", [red] * 14)] * 14, (768, 768)).size) <= 4400
