"""Picking rounds: the order that answers give, how many are asked, and that none is lost."""

import math
import random

import pytest

from gallery.errors import RoundRefused
from gallery.ids import new_id
from gallery.picking.ranking import next_pair, questions, ranking
from gallery.picking.rounds import Rounds


@pytest.fixture
def rounds(tmp_path):
    return Rounds(tmp_path)


def answered(rounds, round_, choice_of):
    """Answer every question that is asked; the round when it is over."""
    while question := round_.question():
        round_ = rounds.answer(round_.id, "artist", question, choice_of(question))
    return round_


@pytest.mark.parametrize("count", [2, 3, 7, 10])
def test_steady_answers_give_the_true_order_with_few_questions(count):
    worth = random.Random(count).sample(range(count), count)
    answers = []
    for _ in range(questions(count)):
        first, second = next_pair(count, answers)
        better = worth[first] > worth[second]
        answers.append((first, second, True) if better else (second, first, True))
    places = ranking(count, answers)

    assert [worth[place.index] for place in places] == list(range(count - 1, -1, -1))
    assert len(answers) <= min(math.ceil(count * math.log2(count)), count * (count - 1) // 2)
    for number, place in enumerate(places, 1):
        assert 1 <= place.best <= number <= place.worst <= count
    if count == 10:
        assert places[0].worst <= 4
        assert places[-1].best >= 7


def test_no_pair_is_asked_twice_and_everyone_is_asked_about():
    asked = []
    for _ in range(questions(9)):
        asked.append((*next_pair(9, asked), True))
    assert len({frozenset(pair[:2]) for pair in asked}) == len(asked) == 29
    assert {index for pair in asked for index in pair[:2]} == set(range(9))
    assert next_pair(3, [(0, 1, True), (1, 2, True), (0, 2, False)]) is None
    assert next_pair(3, [], gone=[1]) == (0, 2)


def test_who_cannot_tell_puts_nobody_ahead():
    places = ranking(3, [(0, 1, False), (1, 2, False), (2, 0, False)])
    assert [round(place.strength, 6) for place in places] == [0, 0, 0]
    assert {(place.best, place.worst) for place in places} == {(1, 3)}


def test_a_round_outlives_the_session_and_counts_no_answer_twice(rounds, tmp_path):
    images = [new_id() for _ in range(4)]
    begun = rounds.begin("artist", images, seed=1)
    first = begun.question()
    rounds.answer(begun.id, "artist", first, "left")
    rounds.answer(begun.id, "artist", first, "right")  # a second tab, or a double click

    found = Rounds(tmp_path).get(begun.id, "artist")
    assert [(answer.left, answer.right, answer.choice) for answer in found.answers] == [
        (first.left, first.right, "left")
    ]
    assert found.question() == Rounds(tmp_path).get(begun.id, "artist").question() != first
    assert rounds.take_back(begun.id, "artist", count=2) == found
    assert rounds.take_back(begun.id, "artist", count=1).question() == first


def test_sides_differ_and_the_order_does_not_depend_on_them(rounds):
    images = [new_id() for _ in range(8)]
    on_the_left = []

    def choice(question):
        left_is_better = question.left < question.right
        on_the_left.append(left_is_better)
        return "left" if left_is_better else "right"

    done = answered(rounds, rounds.begin("artist", images, seed=3), choice)
    assert [image_id for image_id, _ in done.ranking()] == sorted(images)
    assert len(done.answers) == 24
    assert len(set(on_the_left)) == 2


def test_a_picture_that_is_gone_is_not_asked_about(rounds):
    images = [new_id() for _ in range(3)]
    question = rounds.begin("artist", images).question(gone=[images[0]])
    assert {question.left, question.right} == set(images[1:])
    assert question.total == 1


def test_rounds_that_cannot_be_are_said(rounds, tmp_path):
    image = new_id()
    for images, said in (([image, image], "got 1"), ([new_id() for _ in range(65)], "got 65")):
        with pytest.raises(RoundRefused, match=said):
            rounds.begin("artist", images)
    mine = rounds.begin("artist", [new_id(), new_id()])
    for round_id, owner in ((mine.id, "another"), ("../x", "artist"), (new_id(), "artist")):
        with pytest.raises(RoundRefused, match="no picking round"):
            rounds.get(round_id, owner)
    (tmp_path / "picking" / f"{new_id()}.json").write_text('{"images": [[[[')
    assert rounds.of("artist") == [mine]
    (tmp_path / "picking" / f"{mine.id}.json").write_text("[]")
    with pytest.raises(RoundRefused, match="cannot be read"):
        rounds.get(mine.id, "artist")
