"""Generate, starting from a picture, a part of one, or a sketch."""

import io

import pytest
from PIL import Image

from engine.image_to_image.request import ImageToImage
from engine.inpainting.request import Inpaint
from engine.jobs.schema import SUCCEEDED
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, press_generate, texts

SIDE = 64  # pixels, of the pictures to start from


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def shown(studio):
    """A picture of the gallery, 64 x 64."""
    request = {"prompt": "a castle", "num_inference_steps": 2, "width": SIDE, "height": SIDE}
    request["model"] = studio.default_model().name
    made = recipe(request=request, seed=7, image_index=0, loras=())
    return studio.gallery.save(picture(size=(SIDE, SIDE)), made)


@pytest.fixture
def mask(studio):
    """A kept mask of the same size, white in its left half."""
    image = Image.new("L", (SIDE, SIDE))
    image.paste(255, (0, 0, SIDE // 2, SIDE))
    return studio.add_photo(png(image), "mask.png")


def started(open_page, **query):
    """Generate with a prompt, two steps, and what the address says."""
    return open_page("generate", prompt="a tower", num_inference_steps="2", **query)


def asked(page, studio):
    """The request of the newest job, after the press."""
    press_generate(page)
    assert not texts(page.error)
    return studio.jobs()[0].request


def test_a_picture_of_the_gallery_is_the_start_of_the_next(open_page, studio, shown, work):
    page = started(open_page, start=shown.id)
    assert "What the model sees" in texts(page.caption)
    assert "1 of 2 steps will run" in texts(page.caption)

    request = asked(page, studio)
    assert isinstance(request, ImageToImage)
    assert (request.image.image, request.fit, request.strength) == (shown.id, "keep", 0.6)
    work()
    page.run()
    assert studio.jobs()[0].state == SUCCEEDED
    assert "Use as start" in [each.label for each in page.button]
    assert [child.kind for child in studio.gallery.page().images] == [ImageToImage.kind, shown.kind]


def test_a_kept_shape_asks_for_no_size_and_a_crop_does(open_page, studio, shown):
    page = started(open_page, start=shown.id)
    assert not [each for each in page.button_group if each.key == "size"]
    page.button_group(key="fit").set_value("crop").run()
    assert [each for each in page.button_group if each.key == "size"]


def test_a_part_is_what_the_mask_and_the_sides_say(open_page, studio, shown, mask):
    query = {"start": shown.id, "start_from": "A part", "mask": mask.id[:16]}
    page = started(open_page, **query, feather="3", extend_left="16")
    request = asked(page, studio)

    assert isinstance(request, Inpaint)
    assert (request.image.image, request.mask.id, request.feather) == (shown.id, mask.id, 3)
    assert request.extend == (16, 0, 0, 0)
    assert request.strength == 1


@pytest.mark.parametrize(
    ("query", "size", "says"),
    [
        ({"start_from": "A part"}, None, "mask a part of the picture, or extend a side"),
        ({"start_from": "A part"}, (SIDE, SIDE + 8), "must have the picture"),
        ({"start_from": "A part", "extend_top": "5000"}, None, "extended by a whole number"),
        ({"start_from": "A picture", "start": "0" * 16}, None, "is not here. Choose another"),
        ({"start_from": "A picture", "start": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, None, "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ({"start_from": "A sketch"}, None, "The paper is empty"),
        ({"start_from": "A picture", "start": ""}, None, "There must be a picture"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_queued(open_page, studio, shown, query, size, says):
    brought = {"mask": studio.add_photo(png(Image.new("L", size, 255)), "mask.png").id[:16]} if size else {}
    page = started(open_page, **{"start": shown.id, **query, **brought})
    press_generate(page)

    assert says in texts(page.error).replace("\\", "")
    assert not studio.jobs()


@pytest.mark.parametrize("kind", [ImageToImage.kind, Inpaint.kind])
def test_the_settings_of_what_came_of_a_picture_come_back(open_page, studio, shown, mask, work, kind):
    query = {"start": shown.id, "num_images": "2", "variation_strength": "0.2", "seed": "5", "variation_seed": "9"}
    part = {"start_from": "A part", "mask": mask.id[:16], "extend_top": "8", "area": "masked", "feather": "2"}
    first = asked(started(open_page, **query, **(part if kind == Inpaint.kind else {"start_strength": "0.35"})), studio)
    assert first.kind == kind
    work()
    record = studio.gallery.page().images[0]

    again = asked(open_page("generate", recipe=record.id), studio)
    assert (again.seed, again.variation_seed) == (5, 10)  # the second picture's own
    other = {"num_images": 2, "variation_seed": 9}
    assert {**again.to_dict(), **other} == first.to_dict()


@pytest.mark.parametrize(
    ("label", "kind", "seed", "varied"),
    [
        ("4 more like this", "text_to_image", None, 0.0),
        ("4 near this", "text_to_image", 7, 0.2),
        ("4 with its composition", ImageToImage.kind, None, 0.0),
    ],
)
def test_more_like_a_picture_is_a_press_away(open_page, studio, shown, label, kind, seed, varied):
    page = open_page("gallery", image=shown.id)
    button(page, label).click().run()

    request = studio.jobs()[0].request
    assert (request.kind, request.num_images, request.variation_of) == (kind, 4, shown.id)
    assert (request.variation_strength, request.prompt) == (varied, "a castle")
    assert request.seed == seed if seed else request.seed != 7


def test_the_gallery_leads_to_a_form_that_starts_from_the_picture(open_page, studio, shown):
    page = open_page("gallery", image=shown.id)
    links = [each.proto for each in page.get("page_link")]
    (start,) = [link for link in links if link.label == "Use as start"]
    assert f"start={shown.id}" in start.query_string
    assert "prompt=a+castle" in start.query_string


def test_a_start_is_still_chosen_after_a_look_at_another_page(open_page, studio, shown):
    page = started(open_page, start=shown.id)
    look_elsewhere(page)
    assert page.query_params["start"] == shown.id
    assert "What the model sees" in texts(page.caption)

    next(each for each in page.button if each.help == "Take this picture out").click().run()
    look_elsewhere(page)
    assert "What the model sees" not in texts(page.caption)


def look_elsewhere(page) -> None:
    """To the Gallery and back, by the pages' names, which have no address beyond the page."""
    for path in ("gallery", "generate"):
        page.query_params.clear()
        page.switch_page(f"{path}/page.py").run()
