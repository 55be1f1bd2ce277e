"""Draw while I type, as the page offers it; what a browser alone shows is in tests/e2e."""

import pytest

from engine.drafts.board import Answer, Board
from engine.drafts.quick import SCHEDULER, STEPS
from engine.worker import device_place
from tests.pages.helpers import button, texts


@pytest.fixture
def board(studio):
    return Board(studio.settings.home)


@pytest.fixture
def page(open_page):
    page = open_page("generate")
    page.toggle(key="live").set_value(True).run()
    assert not page.exception
    return page


def write(page, words):
    page.text_area(key="prompt").set_value(words).run()
    assert not page.exception


def test_a_wish_is_told_once_and_answered_on_the_page(page, board, studio):
    assert "as soon as there is a prompt" in texts(page.caption)
    assert board.take() is None

    write(page, "a castle")
    wish = board.take()
    asked = wish.request
    assert (asked.prompt, asked.num_inference_steps, asked.scheduler) == ("a castle", STEPS, SCHEDULER)
    page.run()
    assert board.take() is None  # the same form
    board.give_back(wish)
    place = device_place(studio.settings, studio.queue, studio.database)[0]
    assert place.between(lambda: False)
    page.run()
    assert f"seed {wish.request.seed}. It is kept nowhere" in texts(page.caption)

    write(page, "a lake")
    assert board.take().request.seed == wish.request.seed
    button(page, "Another seed").click().run()
    assert not page.exception
    assert board.take().request.seed != wish.request.seed
    button(page, "Keep this seed").click().run()
    assert not page.exception
    assert page.text_input(key="seed").value == str(wish.request.seed)
    assert board.take().request.seed == wish.request.seed


def test_what_cannot_be_drawn_is_said_and_not_asked_for(page, board):
    page.text_input(key="seed").set_value("many")
    write(page, "a castle")
    assert "Seed must be a whole number" in texts(page.caption)
    assert board.take() is None


def test_what_the_worker_could_not_draw_is_said(page, board):
    write(page, "a castle")
    wish = board.take()
    board.answer(wish.asker, Answer(wish.token, problem="The model was removed."))
    page.run()
    assert "The model was removed" in texts(page.caption)


def test_no_drafts_of_what_begins_with_a_picture(page, board):
    page.segmented_control(key="start_from").set_value("A sketch").run()
    assert not page.exception
    assert "live" not in [toggle.key for toggle in page.toggle]
