"""Pictures from pictures, through the door and the real worker, with the shipped model."""

import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engine.errors import InvalidRequest, PhotoRefused
from engine.image_to_image.request import ImageToImage
from engine.inpainting.request import Inpaint
from engine.jobs.schema import SUCCEEDED
from engine.kept_photos import PhotoRef
from engine.studio import Studio
from gallery.records import ImageRecord

ASKED = {"prompt": "a castle by a lake", "seed": 5, "num_inference_steps": 3, "model": "mini"}
SIZE = 320, 240


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    picture = Image.new("RGB", size, (90, 140, 200))
    ImageDraw.Draw(picture).rectangle((0, size[1] // 2, size[0], size[1]), fill=(60, 120, 50))
    return picture


def disc(size: tuple[int, int] = SIZE) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((20, 20, 100, 100), fill=255)
    return mask


@pytest.fixture
def start(studio: Studio) -> PhotoRef:
    return studio.add_photo(png(scene()), "scene.png")


@pytest.fixture
def drawn(studio: Studio, work):
    def drawn(kind: str, **values: Any) -> list[ImageRecord]:
        job = studio.submit(studio.request(kind, ASKED | values))
        work()
        assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
        return list(studio.gallery.of_job(job.id))

    return drawn


def pixels(studio: Studio, record: ImageRecord) -> np.ndarray:
    return np.asarray(Image.open(studio.gallery.path(record.id)))


def test_a_picture_becomes_others_that_know_where_they_come_from(studio, drawn, start):
    first, second = drawn(ImageToImage.kind, image=start, strength=0.5, num_images=2)
    assert (first.width, first.height) == (72, 64)  # wider than high, with as many pixels as the model can
    assert studio.gallery.parents(first)[0].photo == start.id

    again = studio.start_from(first.id)
    assert again.image == first.id
    (child,) = drawn(ImageToImage.kind, image=again, strength=0.3)
    (parent,) = studio.gallery.parents(child)
    assert (parent.role, parent.image.id) == ("start", first.id)
    assert [each.id for each in studio.gallery.children(first.id)] == [child.id]

    studio.gallery.delete([first.id])
    studio.gallery.delete_for_good([first.id])  # its pixels were kept
    request = studio.kinds.read(child.kind, child.recipe.request)
    (repeated,) = drawn(child.kind, **request.to_dict())
    assert np.array_equal(pixels(studio, repeated), pixels(studio, child))
    assert not np.array_equal(pixels(studio, second), pixels(studio, child))


def test_only_the_masked_part_changes_and_the_recipe_repeats_it(studio, drawn, start):
    mask = studio.add_photo(png(disc()), "mask.png")
    for area in ("whole", "masked"):
        (record,) = drawn(Inpaint.kind, image=start, mask=mask, area=area, feather=6)
        after, before = pixels(studio, record), np.asarray(scene())
        y, x = np.mgrid[: SIZE[1], : SIZE[0]]
        outside = np.hypot(x - 60, y - 60) > 40 + 8
        assert np.array_equal(after[outside], before[outside])
        assert np.abs(after[~outside].astype(int) - before[~outside]).mean() > 1
        (repeated,) = drawn(record.kind, **studio.kinds.read(record.kind, record.recipe.request).to_dict())
        assert np.array_equal(pixels(studio, repeated), after)
        roles = [parent.role for parent in studio.gallery.parents(record)]
        assert roles == ["start", "mask"]


def test_a_picture_goes_on_beyond_its_edges(studio, drawn, start):
    (record,) = drawn(Inpaint.kind, image=start, extend=[40, 0, 0, 24], feather=10)
    assert (record.width, record.height) == (360, 264)
    assert np.array_equal(pixels(studio, record)[:228, 52:], np.asarray(scene())[:228, 12:])
    request = studio.kinds.read(record.kind, record.recipe.request)
    assert (request.strength, request.feather) == (0.8, 10)


def test_more_like_this_names_its_parent(studio, drawn):
    (record,) = drawn("text_to_image")
    more = drawn("text_to_image", variation_of=record.id, variation_strength=0.3, num_images=2)
    assert {each.seed for each in more} == {record.seed}
    assert [parent.image.id for parent in studio.gallery.parents(more[0])] == [record.id]
    parameters = Image.open(studio.gallery.path(more[1].id)).text["parameters"]
    seed = studio.kinds.read(more[1].kind, more[1].recipe.request).variation_seed
    assert f"Variation seed: {(seed + 1) % 2**64}, Variation seed strength: 0.3" in parameters


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("image_to_image", {"image": None}, "There must be a picture"),
        ("image_to_image", {"image": PhotoRef("ab" * 32, "gone.png")}, "gone.png is not kept here any more"),
        ("image_to_image", {"strength": 1.01}, "Strength must be a number from 0 to 1; got 1.01"),
        ("image_to_image", {"strength": "much"}, "Strength must be a number from 0 to 1; got 'much'"),
        ("image_to_image", {"fit": "squash"}, "Fit must be one of keep, crop, pad; got 'squash'"),
        ("inpaint", {}, "There must be something to draw"),
        ("inpaint", {"mask": "small"}, "must have the picture's 320x240 pixels; got 32x32"),
        ("inpaint", {"mask": "black"}, "The mask is black all over"),
        ("inpaint", {"extend": [0, 0, 0, 4097]}, "whole number of 0 to 4096 pixels; got bottom 4097"),
        ("inpaint", {"extend": [4096] * 4}, "16,383 on a side; this one would have 8512x8432"),
        ("inpaint", {"extend": "all"}, "extended by four numbers of pixels, left, top, right, bottom; got 'all'"),
        ("inpaint", {"extend": [8, 0, 0, 0], "feather": -1}, "Feather must be a whole number from 0 to 256; got -1"),
        ("text_to_image", {"variation_strength": 2}, "Variation strength must be a number from 0 to 1; got 2"),
        ("text_to_image", {"variation_seed": -1}, "Variation seed must be a whole number from 0"),
        ("text_to_image", {"variation_of": "../../etc"}, "named by its id of 26 characters; got '../../etc'"),
    ],
)
def test_what_cannot_be_asked_is_said(studio, start, kind, values, said):
    masks = {"small": disc((32, 32)), "black": Image.new("L", SIZE)}
    if values.get("mask") in masks:
        values = {**values, "mask": studio.add_photo(png(masks[values["mask"]]), "mask.png")}
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        studio.submit(studio.request(kind, ASKED | ({} if kind == "text_to_image" else {"image": start}) | values))
    assert studio.jobs() == []


@pytest.mark.parametrize(("size", "said"), [((1, 1), "16"), ((30_000, 2), "16")])
def test_a_start_picture_that_nothing_can_be_made_of_is_refused(studio, size, said):
    with pytest.raises(PhotoRefused, match=said):
        studio.add_photo(png(Image.new("RGB", size)), "odd.png")
