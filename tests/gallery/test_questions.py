"""Every question is answered as a plain look at each picture would, also after changes."""

import random
from dataclasses import replace

import pytest
from PIL import Image
from sqlalchemy import text

from gallery import Gallery, marks
from gallery.errors import ImageNotFound
from gallery.ids import new_id, seconds_of
from gallery.questions.query import LARGEST, NEWEST, OLDEST, RATING, SORTS, Query
from gallery.records import ImageRecord
from gallery.statistics import statistics
from tests.gallery.samples import describe, picture, recipe, sqlite_only

SIZES = ((24, 16), (16, 24), (32, 16))


def save(gallery, draw: random.Random, parent: str | None = None) -> ImageRecord:
    names = draw.sample(["ink", "glow", "flat"], draw.choice((0, 1, 2)))
    changes = {
        "kind": draw.choice(("text_to_image", "upscale")),
        "seed": draw.choice((None, 0, 7, 2**64 - 1)),
        "model": {"name": draw.choice(("mini", "sd21")), "commercial_use": draw.choice((True, True, None))},
        "loras": tuple({"name": name, "weight": 0.5, "commercial_use": name != "flat"} for name in names),
        "request": {"prompt": draw.choice(("red dragon", "blue cat")), "scheduler": draw.choice(("Euler", "DDIM"))},
        "parents": ({"role": "start", "image": parent, "photo": None},) if parent else (),
    }
    plain = Image.new("RGB", draw.choice(SIZES), draw.choice(("#c81e1e", "#2050d0")))
    plain.paste(draw.choice(("#f0d820", "#101010")), (0, 0, 12, 8))
    return gallery.save(plain, recipe(**changes), owner=draw.choice(("mia", "mia", "leo")))


@pytest.fixture
def filled(gallery, database) -> Gallery:
    draw = random.Random(5)
    first = save(gallery, draw)
    found = [first, *(save(gallery, draw, first.id if n % 9 == 0 else None) for n in range(24))]
    ids = [record.id for record in found]
    marks.set_favourite(database, ids[::4], True)
    for stars in range(1, 6):
        marks.rate(database, draw.sample(ids, 3), stars)
    marks.add_tags(database, ids[::3], ["red"])
    marks.add_tags(database, ids[::5], ["dusk"])
    marks.put_on_board(database, marks.create_board(database, "mia", "Dragons").id, ids[5:18])
    gallery.delete(ids[::7])
    return gallery


def everything(gallery) -> list[tuple[ImageRecord, tuple[str, ...]]]:
    """Every picture, and the boards that it is on."""
    found = [*gallery.page(limit=500).images, *gallery.page(limit=500, trash=True).images]
    return [(record, marks.boards_of(gallery.database, record.id)) for record in found]


def answers(query: Query, record: ImageRecord, boards: tuple[str, ...]) -> bool:
    """The meaning of a query, told once more in the plainest way."""
    loras = {each["name"] for each in record.recipe.loras}
    parents = {each["image"] for each in record.recipe.parents}
    return (
        query.words in record.title
        and (not query.kinds or record.kind in query.kinds)
        and (not query.models or record.model in query.models)
        and (not query.samplers or record.sampler in query.samplers)
        and (not query.sizes or f"{record.width}x{record.height}" in query.sizes)
        and set(query.loras) <= loras
        and set(query.tags) <= set(record.tags)
        and query.seed in (None, record.seed)
        and set(query.colours) <= set(record.colours)
        and (record.favourite or not query.favourite)
        and (record.commercial_use or not query.commercial_use)
        and (record.rating or 0) >= query.rating
        and (query.board is None or query.board in boards)
        and (query.parent is None or query.parent in parents)
        and query.stack in (None, record.stack)
        and (query.made_from is None or seconds_of(record.id) >= query.made_from)
        and (query.made_before is None or seconds_of(record.id) < query.made_before)
        and (record.deleted_at is not None) == query.trash
        and query.owner in (None, record.owner)
    )


ORDER = {
    NEWEST: lambda r: (),
    OLDEST: lambda r: (),
    RATING: lambda r: -(r.rating or 0),
    LARGEST: lambda r: -r.width * r.height,
}


def expected(pictures, query: Query) -> list[str]:
    found = [record for record, boards in pictures if answers(query, record, boards)]
    found.sort(key=lambda record: record.id, reverse=query.sort != OLDEST)
    found.sort(key=ORDER[query.sort])
    if query.fold:
        stacks = [record.stack or record.id for record in found]
        found = [record for at, record in enumerate(found) if stacks.index(stacks[at]) == at]
    return [record.id for record in found]


def walked(gallery, query: Query) -> list[str]:
    page = gallery.page(query, limit=7)
    seen = list(page.images)
    while page.has_older:
        page = gallery.page(query, limit=7, older_than=page.images[-1].id)
        assert page.has_newer
        seen += page.images
    back = gallery.page(query, limit=500, newer_than=seen[-1].id).images if seen else ()
    assert list(back) == seen[:-1]
    return [record.id for record in seen]


def drawn(draw: random.Random, pictures) -> Query:
    stacked, _ = draw.choice(pictures)
    board = next(boards[0] for _, boards in pictures if boards)
    values = {
        "words": ("dragon", "cat"), "kinds": (("upscale",), ("upscale", "text_to_image"), ("other",)),
        "models": (("mini",), ("sd21", "mini")), "loras": (("ink",), ("ink", "glow")), "samplers": (("DDIM",),),
        "sizes": (("24x16",), ("24x16", "32x16")), "seed": (0, 7, 2**64 - 1), "favourite": (True,), "rating": (1, 4),
        "tags": (("red",), ("red", "dusk"), ("never",)), "board": (board, new_id()), "parent": (stacked.id,),
        "stack": (stacked.stack,), "trash": (True,), "owner": ("mia",), "sort": SORTS, "fold": (True,),
        "colours": (("red",), ("blue", "yellow")), "commercial_use": (True,),
        "made_from": (stacked.created_at - 0.5,), "made_before": (stacked.created_at + 3600,),
    }  # fmt: skip
    chosen = draw.sample(sorted(values), draw.randrange(5))
    return Query(**{name: draw.choice(values[name]) for name in chosen})


def test_questions_are_answered_as_a_look_at_each_picture_would(filled):
    draw, pictures = random.Random(3), everything(filled)
    for query in [*(Query(sort=sort, fold=fold) for sort in SORTS for fold in (False, True))] + [
        drawn(draw, pictures) for _ in range(40)
    ]:
        wanted = expected(pictures, query)
        assert walked(filled, query) == wanted, query
        assert filled.count(query) == len(wanted), query
        assert filled.ids(query) == tuple(expected(pictures, replace(query, fold=False))), query
        assert filled.ids(query, folded=True) == tuple(expected(pictures, query)), query


def test_counts_are_what_choosing_the_value_would_find(filled):
    draw, pictures = random.Random(4), everything(filled)
    for _ in range(6):
        query = replace(drawn(draw, pictures), fold=False)
        facets = filled.facets(query)
        assert facets.total == filled.count(query)
        for name in ("kinds", "models", "samplers", "sizes"):
            for value, number in getattr(facets, name):
                assert number == filled.count(replace(query, **{name: (value,)})) > 0
        for name in ("loras", "tags", "colours"):
            for value, number in getattr(facets, name):
                assert number == filled.count(replace(query, **{name: (*getattr(query, name), value)}))
        for value, number in facets.ratings:
            assert number == filled.count(replace(query, rating=int(value)))
        for value, number in facets.boards:
            assert number == filled.count(replace(query, board=value))
        assert facets.favourites == filled.count(replace(query, favourite=True))
        assert facets.commercial == filled.count(replace(query, commercial_use=True))


def test_answers_follow_every_change(gallery, database, tmp_path):
    query = Query(sort=OLDEST)
    a, b, c = (gallery.save(picture(n), recipe(seed=n)) for n in range(3))
    other = Gallery(database, tmp_path, describe=describe)
    assert [gallery.ids(query), other.ids(query)] == [(a.id, b.id, c.id)] * 2
    gallery.delete([b.id])
    assert other.ids(query) == (a.id, c.id)
    gallery.restore([b.id])
    marks.rate(database, [c.id], 5)
    board = marks.create_board(database, "artist", "x")
    marks.put_on_board(database, board.id, [b.id])
    marks.add_tags(database, [a.id], ["red"])
    d = gallery.save(picture(4), recipe(seed=9))
    assert other.ids(query) == (a.id, b.id, c.id, d.id)
    assert other.ids(Query(rating=5)) == (c.id,)
    assert other.ids(Query(board=board.id)) == (b.id,)
    assert other.ids(Query(tags=("red",))) == (a.id,)
    marks.delete_board(database, board.id)
    marks.remove_tags(database, [a.id], ["red"])
    gallery.delete([c.id])
    gallery.delete_for_good([c.id])
    assert other.ids(query) == (a.id, b.id, d.id)
    assert other.ids(Query(board=board.id)) == other.ids(Query(tags=("red",))) == ()


@sqlite_only
@pytest.mark.parametrize("number", ["'abc'", "x'ff'", "9e999"])
def test_a_row_whose_number_is_damaged_keeps_no_other_from_being_found(gallery, database, tmp_path, number):
    a, b, c = (gallery.save(picture(n), recipe(seed=n)) for n in range(3))
    query = Query(sort=OLDEST)
    assert gallery.ids(query) == (a.id, b.id, c.id)
    with database.write() as session:
        session.execute(text(f"UPDATE images SET number = {number} WHERE id = :id"), {"id": b.id})
    for each in (gallery, Gallery(database, tmp_path, describe=describe)):
        assert each.ids(query) == each.ids(replace(query, words="red")) == (a.id, c.id)
    assert statistics(database).pictures == 3


def test_the_neighbours_of_one_that_is_gone_or_folded_away_are_those_around_it(gallery):
    a, b, c = (gallery.save(picture(n), recipe(seed=n)) for n in range(3))
    alone = gallery.save(picture(), recipe("another"))
    folded = Query(fold=True)
    page = gallery.page(folded)
    assert [record.id for record in page.images] == [alone.id, c.id]
    assert page.stacked == {alone.id: 1, c.id: 3}
    assert [found and found.id for found in gallery.neighbours(folded, b.id)] == [c.id, None]
    assert gallery.ids(Query(stack=c.stack)) == (c.id, b.id, a.id)
    gallery.delete([b.id])
    gallery.delete_for_good([b.id])
    assert [found.id for found in gallery.neighbours(Query(sort=OLDEST), b.id)] == [a.id, c.id]
    with pytest.raises(ImageNotFound):
        gallery.neighbours(folded, "nonsense")


def test_what_finds_nothing_says_which_filter_to_relax(gallery, database):
    gallery.save(picture(), recipe())
    found = gallery.facets(Query(words="dragon", favourite=True, seed=42))
    assert (found.total, found.relaxed) == (0, {"favourite": 1})


@pytest.mark.parametrize(
    ("model", "lora", "parent", "allowed"),
    [(True, True, None, True), (True, None, None, None), (None, False, None, False), (False, True, None, False),
     (True, True, True, True), (True, True, False, False), (True, True, "gone", None)],
)  # fmt: skip
def test_commercial_use_is_what_all_licences_allow_also_of_what_it_was_made_from(gallery, model, lora, parent, allowed):
    loras = ({"name": "ink", "commercial_use": lora},)
    start = gallery.save(picture(1), recipe(model={"name": "a", "commercial_use": parent}, loras=()))
    named = new_id() if parent == "gone" else start.id
    parents = ({"role": "start", "image": named, "photo": None},) if parent is not None else ()
    made = recipe(model={"name": "b", "commercial_use": model}, loras=loras, parents=parents)
    record = gallery.save(picture(2), made)
    assert record.commercial_use is allowed
    assert (record.id in gallery.ids(Query(commercial_use=True))) is (allowed is True)


def test_an_unknown_sort_is_refused():
    with pytest.raises(ValueError, match="newest, oldest, rating, largest; got 'best'"):
        Query(sort="best")
