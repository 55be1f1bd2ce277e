"""What is like what by features, and that the memory of them keeps step with the database."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import delete, text

from gallery import Gallery
from gallery.looks import likeness
from gallery.looks.features import LENGTH, features
from gallery.looks.filling import fill
from gallery.schema import ImageFeatures
from tests.gallery.samples import describe, recipe, sqlite_only


def landscape(sky: str, land: str, horizon: int = 40, shift: int = 0) -> Image.Image:
    picture = Image.new("RGB", (96, 64), sky)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, horizon, 96, 64), fill=land)
    draw.polygon([(20 + shift, horizon), (40 + shift, 15), (60 + shift, horizon)], fill="#606060")
    return picture


def cosine(one: Image.Image, two: Image.Image) -> float:
    first, second = (features(each).astype(float) for each in (one, two))
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


DAY = landscape("#80b0f0", "#30a030")


@pytest.mark.parametrize(
    ("nearer", "farther"),
    [
        (DAY.resize((300, 200)), landscape("#80b0f0", "#30a030", shift=20)),
        (landscape("#80b0f0", "#30a030", horizon=44, shift=4), landscape("#142468", "#155015")),  # the time of day
        (landscape("#90b8e8", "#40a838"), DAY.rotate(180)),  # where the colours lie
        (DAY.convert("L").convert("RGB"), Image.effect_noise((96, 64), 90).convert("RGB")),  # lines alone
    ],
)
def test_what_the_eye_finds_more_alike_is_nearer(nearer, farther):
    assert cosine(DAY, nearer) > cosine(DAY, farther) + 0.05


def test_features_have_one_form_and_transparency_is_white():
    for odd in (
        Image.new("L", (1, 1), 0),
        Image.new("RGB", (3000, 2), "red"),
        Image.new("RGBA", (8, 8), (255, 0, 0, 0)),
    ):
        assert features(odd).shape == (LENGTH,)
        assert features(odd).any()
    assert (features(Image.new("RGBA", (8, 8), (255, 0, 0, 0))) == features(Image.new("RGB", (8, 8), "white"))).all()


def test_the_memory_of_features_keeps_step_with_other_processes(gallery, database, tmp_path):
    other = Gallery(database, tmp_path, describe=describe)
    first = gallery.save(DAY, recipe())
    assert gallery.more_like(first) == ()
    second = other.save(DAY.resize((48, 32)), recipe())
    assert [each.id for each in gallery.more_like(first)] == [second.id]
    other.delete([second.id])
    other.delete_for_good([second.id])
    assert gallery.more_like(first) == ()
    with database.read() as session:
        assert [row.image_id for row in session.query(ImageFeatures)] == [first.id]

    with database.write() as session:  # as a gallery of before that kept none
        session.execute(delete(ImageFeatures))
    earlier = Gallery(database, tmp_path, describe=describe)
    assert earlier.more_like(first) is None
    third = other.save(DAY, recipe())
    assert fill(other) == 1
    assert [each.id for each in earlier.more_like(first)] == [third.id]


@sqlite_only
def test_damaged_features_are_like_nothing_and_stop_nothing(gallery):
    first, second, third = (gallery.save(DAY, recipe()) for _ in range(3))
    with gallery.database.write() as session:
        session.execute(text("UPDATE image_features SET features = 'x' WHERE image_id = :id"), {"id": second.id})
        session.execute(text("INSERT INTO image_features VALUES ('no id', x'00')"))
    assert [each.id for each in gallery.more_like(first)] == [third.id]
    assert gallery.more_like(second) is None


@pytest.mark.parametrize("number", [0, 1, likeness._AT_ONCE, likeness._AT_ONCE + 3])
def test_cosines_and_the_best_are_those_of_plain_arithmetic(number):
    drawn = np.random.default_rng(number)
    rows = drawn.integers(-127, 128, (number, LENGTH)).astype(np.int8)
    rows[::3] = rows[:1]  # many are the same
    known = likeness._measured(np.arange(number), rows)
    if number:
        plain = (
            rows.astype(float) @ rows[0] / np.linalg.norm(rows.astype(float), axis=1) / np.linalg.norm(rows[0] * 1.0)
        )
        assert np.allclose(likeness._cosines(known, 0), plain, atol=1e-5)
        expected = [place for place in range(number - 1, -1, -1) if place % 3 == 0][:8]
        assert list(likeness._best(np.round(plain, 6), 8)) == expected
    assert list(likeness._best(np.full(number, -1.0), 8)) == []
