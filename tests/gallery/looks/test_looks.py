"""Hashes, colours and what looks alike, against what is known of them."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sqlalchemy import delete, text, update

from gallery.ids import number_of
from gallery.looks.colours import NAMES, as_text, main_colours
from gallery.looks.filling import fill
from gallery.looks.hashing import bits_apart, phash
from gallery.looks.similar import _labels, near_duplicates, records
from gallery.schema import Image as Row
from gallery.schema import ImageFeatures
from tests.gallery.samples import recipe, sqlite_only


def scene(seed: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


def apart(one: Image.Image, two: Image.Image) -> int:
    return int(bits_apart(np.array([phash(one)]), np.array([phash(two)]))[0])


def test_the_hash_is_that_of_the_published_code():
    ramp = np.add.outer(np.arange(64) ** 2 % 251, np.arange(48) * 5 % 256)
    picture = Image.fromarray((ramp % 256).astype(np.uint8))
    assert f"{phash(picture) % 2**64:016x}" == "99871c813e273b2f"  # imagehash 4.3.2


def test_the_same_picture_is_near_and_another_is_far():
    for seed in range(5):
        picture = scene(seed)
        assert apart(picture, picture.resize((300, 200))) <= 4
        assert apart(picture, as_jpeg(picture, 60)) <= 4
        assert apart(picture, picture.convert("RGBA")) == 0
        assert apart(picture, scene(seed + 100)) > 12


@pytest.mark.parametrize(
    ("rgb", "name"),
    [((10, 10, 10), "black"), ((128, 128, 128), "grey"), ((250, 250, 250), "white"), ((210, 30, 40), "red"),
     ((245, 140, 30), "orange"), ((250, 220, 60), "yellow"), ((60, 150, 50), "green"), ((30, 150, 150), "teal"),
     ((40, 80, 200), "blue"), ((120, 50, 180), "purple"), ((250, 170, 200), "pink"), ((110, 70, 40), "brown"),
     ((230, 205, 175), "beige")],
)  # fmt: skip
def test_plain_colours_have_their_names(rgb, name):
    assert main_colours(Image.new("RGB", (20, 30), rgb)) == (name,)


def test_the_largest_colours_come_first_and_specks_do_not_count():
    picture = Image.new("RGB", (100, 100), (40, 80, 200))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 60, 100, 100), fill=(60, 150, 50))
    draw.rectangle((0, 0, 15, 15), fill=(210, 30, 40))
    assert main_colours(picture) == ("blue", "green")
    assert as_text(("blue", "green")) == " blue green "
    assert len(as_text(tuple(sorted(NAMES, key=len)[-4:]))) <= 64
    assert main_colours(Image.new("RGBA", (8, 8), (255, 0, 0, 0))) == ("white",)


def test_alike_pictures_are_found_among_an_owners_live_ones(gallery):
    first = gallery.save(scene(1), recipe())
    twin = gallery.save(as_jpeg(scene(1), 70).convert("RGB"), recipe())
    gallery.save(scene(2), recipe())
    others = gallery.save(scene(1), recipe(), owner="bo")
    trashed = gallery.save(scene(1), recipe())
    gallery.delete([trashed.id])

    assert [each.id for each in gallery.more_like(first, "artist", most=1)] == [twin.id]
    assert {each.id for each in gallery.more_like(first, most=2)} == {twin.id, others.id}
    assert not {trashed.id, first.id} & {each.id for each in gallery.more_like(first)}
    gallery.delete([twin.id])
    assert twin.id not in [each.id for each in gallery.more_like(first, "artist")]
    gallery.restore([twin.id])
    assert near_duplicates(gallery.database, "artist") == [[number_of(twin.id), number_of(first.id)]]
    assert [each.id for each in records(gallery.database, [number_of(first.id)], "artist")] == [first.id]
    assert records(gallery.database, [number_of(first.id)], "bo") == ()


def test_earlier_pictures_are_looked_at_once(gallery):
    kept = [gallery.save(scene(seed), recipe()) for seed in range(3)]
    gallery.path(kept[2].id).write_bytes(b"no picture")
    gallery.files.thumbnail(kept[2].id).unlink()
    with gallery.database.read() as session:
        fresh = {row.id: (row.phash, row.colours) for row in session.query(Row)}
    with gallery.database.write() as session:
        session.execute(update(Row).values(phash=None, colours=None))
        session.execute(delete(ImageFeatures))
    assert fill(gallery, most=2) + fill(gallery) == 3
    assert fill(gallery) == 0
    with gallery.database.read() as session:
        now = {row.id: (row.phash, row.colours) for row in session.query(Row)}
    assert now[kept[2].id] == (None, "")
    for record in kept[:2]:
        assert bits_apart(np.array([now[record.id][0]]), np.array([fresh[record.id][0]]))[0] <= 4
        assert now[record.id][1]
    assert near_duplicates(gallery.database, "artist") == []


def test_a_small_picture_that_was_cut_short_and_a_disk_that_is_away_make_no_picture_unreadable(gallery):
    record = gallery.save(scene(1), recipe())
    small = gallery.files.thumbnail(record.id)
    small.write_bytes(small.read_bytes()[:60])
    with gallery.database.write() as session:
        session.execute(delete(ImageFeatures))
    away = gallery.files.images.rename(gallery.files.images.with_name("away"))
    assert fill(gallery) == 0
    away.rename(gallery.files.images)
    assert fill(gallery) == 1
    assert gallery.more_like(record) == ()


def test_a_picture_whose_file_was_away_is_looked_at_when_it_is_there_again(gallery):
    records = [gallery.save(scene(seed), recipe()) for seed in range(2)]
    path = gallery.path(records[0].id)
    gallery.files.thumbnail(records[0].id).unlink()
    with gallery.database.write() as session:
        session.execute(update(Row).values(phash=None, colours=None))
        session.execute(delete(ImageFeatures))
    away = path.rename(path.with_suffix(".away"))
    assert (fill(gallery), fill(gallery)) == (1, 0)
    away.rename(path)
    assert (fill(gallery), fill(gallery)) == (1, 0)
    with gallery.database.read() as session:
        assert all(row.colours and row.phash is not None for row in session.query(Row))


@sqlite_only
def test_a_damaged_row_that_cannot_be_noted_is_met_once(gallery):
    record = gallery.save(scene(1), recipe())
    with gallery.database.write() as session:
        session.execute(delete(ImageFeatures))
        session.execute(text("UPDATE images SET number = -5, id = x'00' WHERE id = :id"), {"id": record.id})
    assert fill(gallery, most=40) == 1


def test_groups_are_those_of_comparing_all_with_all():
    rng = np.random.default_rng(3)
    base = rng.integers(-(2**63), 2**63 - 1, 60)
    flipped = base ^ np.array([int(sum(1 << int(bit) for bit in rng.choice(63, 6, replace=False))) for _ in base])
    hashes = np.concatenate([base, flipped, rng.integers(-(2**63), 2**63 - 1, 80)])
    near = bits_apart(hashes[:, None], hashes[None]) <= 6
    labels = _labels(hashes, 6)
    reached = near
    for _ in range(3):
        reached = (reached.astype(int) @ near.astype(int)) > 0
    assert np.array_equal(labels[:, None] == labels[None], reached)
    assert len(_labels(np.zeros(0, np.int64), 6)) == 0


def test_thousands_of_the_same_hash_are_one_group_without_a_pair_of_each_two():
    hashes = np.array([7] * 2000 + [6] + [-1] * 2, np.int64)
    tracemalloc.start()
    labels = _labels(hashes, 6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(labels[:2001])) == 1
    assert labels[2001] == labels[2002] != labels[0]
    assert peak < 10_000_000
