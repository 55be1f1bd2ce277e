import pytest

from gallery import marks
from gallery.errors import BoardNotFound, MarkRefused
from tests.gallery.samples import picture, recipe


@pytest.fixture
def ids(gallery):
    return [gallery.save(picture(n), recipe(), owner="mia").id for n in range(3)]


def of(gallery, ids):
    return [(r.favourite, r.rating, r.tags) for r in map(gallery.get, ids)]


def test_marks_are_kept_and_undone(gallery, database, ids):
    a, b, c = ids
    plain = of(gallery, ids)
    done = [
        marks.set_favourite(database, [a, b], True),
        marks.rate(database, [a], 3),
        marks.rate(database, ids, 5),
        marks.add_tags(database, [a, b], ["  Red   DRAGON ", "龍 🐉"]),
        marks.remove_tags(database, [a, c], ["red dragon"]),
    ]
    assert of(gallery, ids) == [(True, 5, ("龍 🐉",)), (True, 5, ("red dragon", "龍 🐉")), (False, 5, ())]
    assert [change.changed for change in done] == [2, 1, 3, 2, 1]
    for change in reversed(done):
        change.undo(database)
        change.undo(database)
    assert of(gallery, ids) == plain == [(False, None, ())] * 3


def test_undo_leaves_alone_what_was_marked_otherwise_since(gallery, database, ids):
    a, b, _ = ids
    rated = marks.rate(database, [a, b], 5)
    marks.rate(database, [b], 2)
    rated.undo(database)
    assert [gallery.get(i).rating for i in (a, b)] == [None, 2]


def test_what_is_marked_so_already_is_nothing_to_undo(gallery, database, ids):
    for _ in range(2):
        changes = [
            marks.set_favourite(database, ids, True),
            marks.rate(database, ids, 4),
            marks.add_tags(database, ids, ["x"]),
        ]
    assert [change.changed for change in changes] == [0, 0, 0]
    for change in changes:
        change.undo(database)
    assert of(gallery, ids) == [(True, 4, ("x",))] * 3


def test_the_trash_keeps_marks_and_what_is_gone_for_good_leaves_none(gallery, database, ids):
    a, b, _ = ids
    board = marks.create_board(database, "mia", "Dragons")
    marks.put_on_board(database, board.id, ids)
    marks.add_tags(database, ids, ["x"])
    marks.rate(database, ids, 4)
    gallery.delete([a, b])
    assert [each.images for each in marks.boards(database, "mia")] == [1]
    marks.set_favourite(database, [a], True)
    gallery.restore([a])
    assert of(gallery, [a]) == [(True, 4, ("x",))]
    assert marks.boards_of(database, a) == (board.id,)
    removed = marks.remove_tags(database, [b], ["x"])
    gallery.delete_for_good([b])
    removed.undo(database)
    assert marks.boards_of(database, b) == ()
    assert [each.images for each in marks.boards(database, "mia")] == [2]


def test_boards_are_kept_and_undone(gallery, database, ids):
    a, b, _ = ids
    board = marks.create_board(database, "mia", "  Red  dragons ")
    assert (board.name, board.images) == ("Red dragons", 0)
    put = marks.put_on_board(database, board.id, [a, b, a])
    assert (put.changed, marks.put_on_board(database, board.id, [a]).changed) == (2, 0)
    taken = marks.take_off_board(database, board.id, [a])
    renamed = marks.rename_board(database, board.id, "Dragons")
    before = marks.boards(database, "mia")
    assert [(each.name, each.images) for each in before] == [("Dragons", 1)]

    deleted = marks.delete_board(database, board.id)
    assert marks.boards(database, "mia") == marks.boards_of(database, b) == ()
    deleted.undo(database)
    assert marks.boards(database, "mia") == before

    for change in (renamed, taken, put):
        change.undo(database)
    assert [(each.name, each.images) for each in marks.boards(database, "mia")] == [("Red dragons", 0)]


def test_a_board_comes_back_beside_one_that_has_its_name_now(database):
    board = marks.create_board(database, "mia", "Dragons")
    deleted = marks.delete_board(database, board.id)
    marks.create_board(database, "mia", "Dragons")
    deleted.undo(database)
    assert [each.name for each in marks.boards(database, "mia")] == ["Dragons", "Dragons (2)"]


def test_a_new_board_goes_with_its_undo_unless_others_were_put_on_it(database, ids):
    names = lambda: [board.name for board in marks.boards(database, "mia")]  # noqa: E731
    board, put = marks.put_on_new_board(database, "mia", "Dragons", ids[:2])
    assert (put.changed, names()) == (2, ["Dragons"])
    put.undo(database)
    assert names() == []
    board, put = marks.put_on_new_board(database, "mia", "Dragons", ids[:2])
    marks.put_on_board(database, board.id, ids[2:])
    put.undo(database)
    assert [(each.name, each.images) for each in marks.boards(database, "mia")] == [("Dragons", 1)]
    _, put = marks.put_on_new_board(database, "mia", "Nothing", ["0" * 26])
    assert (put.changed, names()) == (0, ["Dragons"])


def test_only_the_owners_pictures_and_boards_are_marked(gallery, database, ids):
    board = marks.create_board(database, "mia", "Dragons")
    assert marks.set_favourite(database, ids, True, owner="leo").changed == 0
    assert marks.add_tags(database, ids, ["x"], owner="leo").changed == 0
    assert marks.boards(database, "leo") == ()
    for change in (marks.delete_board, lambda *a, owner: marks.rename_board(*a, "x", owner=owner)):
        with pytest.raises(BoardNotFound, match="No board has the id"):
            change(database, board.id, owner="leo")
    marks.create_board(database, "leo", "Dragons")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, i: marks.rate(d, i, 6), "1 to 5 stars, or none; got 6"),
        (lambda d, i: marks.rate(d, i, True), "got True"),
        (lambda d, i: marks.add_tags(d, i, [" "]), r"1 to 40 characters.*got ' ', 0 characters"),
        (lambda d, i: marks.add_tags(d, i, ["x" * 41]), "41 characters"),
        (lambda d, i: marks.add_tags(d, i, ["a\0b"]), "can be seen"),
        (lambda d, i: marks.add_tags(d, i, map(str, range(51))), "Up to 50 tags.*got 51"),
        (lambda d, i: marks.set_favourite(d, map(str, range(10_001)), True), "Up to 10,000 pictures.*got 10,001"),
        (lambda d, i: marks.create_board(d, "mia", "x" * 61), "1 to 60 characters.*61 characters"),
        (lambda d, i: [marks.create_board(d, "mia", "x") for _ in range(2)], "one of the name 'x' already"),
        (lambda d, i: marks.put_on_board(d, "nonsense", i), "No board has the id 'nonsense'"),
    ],
)
def test_what_is_no_mark_is_refused_in_words(gallery, database, ids, change, words):
    with pytest.raises((MarkRefused, BoardNotFound), match=words):
        change(database, ids)
    assert of(gallery, ids) == [(False, None, ())] * 3


def test_ten_thousand_pictures_are_marked_at_once(gallery, database, ids):
    many = [*ids, *(f"{n:026d}" for n in range(marks.MOST_IDS - len(ids)))]
    for change in (marks.set_favourite(database, many, True), marks.add_tags(database, many, ["x"])):
        assert change.changed == len(ids)
        change.undo(database)
    assert of(gallery, ids) == [(False, None, ())] * 3
