"""The Queue page, and what the other pages say of a paused lane."""

import re
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from engine.jobs.records import Progress
from engine.jobs.schema import CANCELLED, DRAW, FETCH, QUEUED
from engine.weights.request import FetchModel
from tests.pages.helpers import texts


def asked(studio, *prompts: str, owner: str = "artist") -> list[str]:
    values = {"seed": 7, "num_inference_steps": 1}
    requests = [studio.request("text_to_image", {"prompt": prompt, **values}) for prompt in prompts]
    return [studio.submit(request, owner=owner).id for request in requests]


def keyed(page: AppTest, key: str):
    return next((element for element in page.button if element.key == key), None)


def in_line(studio, lane: str = DRAW) -> list[str]:
    return [studio.title(job) for job in studio.queue.waiting(lane)]


def test_an_empty_queue_says_the_rule_and_that_nothing_waits(open_page: Callable):
    page = open_page("queue")
    assert "After 10 drawings a waiting training gets a turn of 2 minutes" in texts(page.caption)
    assert [caption.value for caption in page.caption].count("Nothing waits.") == 3
    assert keyed(page, "ask_cancel_all") is None


def test_waiting_jobs_are_moved_and_cancelled(open_page: Callable, studio):
    one, _, three = asked(studio, "one", "two", "three")
    page = open_page("queue")
    assert keyed(page, f"up_{one}").disabled
    assert keyed(page, f"front_{one}").disabled
    assert keyed(page, f"down_{three}").disabled

    keyed(page, f"front_{three}").click().run()
    assert in_line(studio) == ["three", "one", "two"]
    keyed(page, f"down_{three}").click().run()
    keyed(page, f"down_{one}").click().run()
    keyed(page, f"up_{one}").click().run()
    assert in_line(studio) == ["one", "three", "two"]
    assert texts(page.markdown).index("**one**") < texts(page.markdown).index("**three**")
    keyed(page, f"cancel_{three}").click().run()
    assert studio.job(three).state == CANCELLED
    assert not page.exception


def test_a_page_that_is_older_than_the_queue_says_what_does_not_go(open_page: Callable, studio):
    _, two = asked(studio, "one", "two")
    page = open_page("queue")
    studio.cancel(two)
    keyed(page, f"front_{two}").click().run()

    assert "has ended \\(cancelled\\)" in texts(page.warning)
    assert in_line(studio) == ["one"]


def test_the_jobs_of_others_are_shown_and_left_alone(open_page: Callable, studio):
    (mine,) = asked(studio, "mine")
    (other,) = asked(studio, "other", owner="guest")
    page = open_page("queue")

    assert r"**guest\: other**" in texts(page.markdown)
    assert keyed(page, f"cancel_{other}") is None
    keyed(page, "ask_cancel_all").click().run()
    assert "1 job will be cancelled" in texts(page.markdown)
    keyed(page, "sure_cancel_all").click().run()
    assert (studio.job(mine).state, studio.job(other).state) == (CANCELLED, QUEUED)


def test_where_only_others_wait_nothing_is_offered_to_be_cancelled(open_page: Callable, studio):
    (one,) = asked(studio, "one", owner="maria")
    page = open_page("queue")
    assert "one**" in texts(page.markdown)
    assert keyed(page, "ask_cancel_all") is None
    assert studio.job(one).state == QUEUED


def test_cancel_all_asks_a_second_time(open_page: Callable, studio):
    ids = asked(studio, "one", "two")
    page = open_page("queue")
    keyed(page, "ask_cancel_all").click().run()
    keyed(page, "keep_all").click().run()
    assert {studio.job(job_id).state for job_id in ids} == {QUEUED}
    assert keyed(page, "sure_cancel_all") is None


def test_a_paused_lane_is_said_where_its_jobs_wait(open_page: Callable, studio):
    page = open_page("queue")
    keyed(page, "pause_draw").click().run()
    assert studio.queue.lanes.paused() == {DRAW}
    assert "Paused" in texts(page.warning)
    assert not open_page("generate").warning, "nothing waits there"

    asked(studio, "one")
    page = open_page("generate")
    assert "Drawings are paused, so what is asked waits." in texts(page.warning)
    assert "In the queue, paused" in texts(page.caption)
    keyed(page, "resume_draw").click().run()
    assert studio.queue.lanes.paused() == frozenset()
    assert "paused" not in texts(page.warning)


def test_an_ended_job_is_asked_for_again(open_page: Callable, studio, work):
    (job,) = asked(studio, "one")
    studio.queue.submit(FetchModel(model="sd21"))
    studio.queue.succeed(studio.queue.claim("w", FETCH), Progress())
    work()
    page = open_page("queue")
    assert len([button for button in page.button if button.label == "With a new seed"]) == 1
    keyed(page, f"again_{job}").click().run()
    keyed(page, f"new_{job}").click().run()

    same, other = studio.queue.waiting(DRAW)
    assert same.request == studio.job(job).request
    assert other.request.seed != same.request.seed
    waiting = [text.value for text in page.markdown if text.value.startswith("**one**  \nNumber")]
    assert re.search(r"Number 1, takes about \d+ s$", waiting[0])
    assert re.search(r"Number 2, takes about \d+ s, begins in about \d+ s$", waiting[1])
    assert not page.exception
