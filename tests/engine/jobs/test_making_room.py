"""Jobs at work that can go on later make room: for a drawing, when their lane is paused, and not in their turn."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from engine.errors import StudioError
from engine.jobs.lanes import HOLD_SECONDS, MOST_PASSED, TURN_SECONDS
from engine.jobs.queue import JobQueue
from engine.jobs.records import Progress
from engine.jobs.schema import DEVICE_LANES, DRAW, FETCH, QUEUED, RUNNING, SUCCEEDED, TRAIN
from engine.settings import Settings
from engine.studio import Studio
from engine.worker import Worker
from gallery.database import Database
from tests.toy_kind import KINDS as TOYS
from tests.toy_kind import Kind, Kinds, Knit, Knitting, lay_out_wool


class Weave(Knit):
    """Long work in the lane of trainings."""

    kind = "weave"


class Paint(Knit):
    """Short work that is finished once it is begun."""

    kind = "paint"


def like(request: type[Knit], **differently) -> Kind:
    toy = TOYS[Knit.kind]
    return replace(toy, name=request.kind, read=lambda values: request(**values), **differently)


KINDS = Kinds([like(Weave, lane=TRAIN), like(Paint, pausable=False)])


@pytest.fixture
def studio(tmp_path) -> Iterator[Studio]:
    studio = Studio(Settings(home=tmp_path / "home"), KINDS)
    yield studio
    studio.database.dispose()


@pytest.fixture
def working(studio: Studio) -> Iterator[None]:
    """A worker of both lanes, in a thread."""
    worker = Worker(studio.settings, Database(studio.settings.database_url), KINDS)
    handler = Knitting(worker).knit
    thread = threading.Thread(target=worker.serve, args=(DEVICE_LANES, {"weave": handler, "paint": handler}))
    thread.start()
    yield
    worker._stopping.set()  # `stop` would end this process after the drain time
    thread.join(30)


def ask(studio: Studio, kind: type[Knit], name: str, **values):
    request = kind(name=name, **{"rows": 1, **values})
    lay_out_wool(studio.settings, request)
    return studio.submit(request)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    waited = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        waited.wait(0.02)
    raise AssertionError("this did not happen in time")


def test_a_drawing_waits_for_no_whole_training(studio, working):
    training = ask(studio, Weave, "long", rows=60, seconds_a_row=0.05)
    until(lambda: studio.job(training.id).step > 2)
    drawing = ask(studio, Paint, "short")
    until(lambda: studio.job(drawing.id).state == SUCCEEDED)
    assert studio.job(training.id).state in (QUEUED, RUNNING)
    until(lambda: studio.job(training.id).ended)

    ended, scarf = studio.job(training.id), studio.settings.home / "scarves" / "long" / "scarf.txt"
    assert (ended.state, ended.attempt, ended.claims) == (SUCCEEDED, 1, 2)
    assert scarf.read_text().splitlines() == ["wool", *(f"row {row}" for row in range(60))]


def test_a_paused_lane_finishes_drawings_and_puts_trainings_back(studio, working):
    training = ask(studio, Weave, "long", rows=60, seconds_a_row=0.05)
    until(lambda: studio.job(training.id).step > 2)
    studio.queue.lanes.pause(TRAIN)
    studio.queue.lanes.pause(TRAIN)
    until(lambda: studio.job(training.id).state == QUEUED)

    drawing = ask(studio, Paint, "one", rows=12, seconds_a_row=0.1)
    until(lambda: studio.job(drawing.id).step > 0)
    studio.queue.lanes.pause(DRAW)
    waiting = ask(studio, Paint, "another")
    until(lambda: studio.job(drawing.id).ended)
    assert (studio.job(drawing.id).state, studio.job(waiting.id).state) == (SUCCEEDED, QUEUED)
    assert studio.job(training.id).state == QUEUED
    assert Studio(studio.settings, KINDS).queue.lanes.paused() == {DRAW, TRAIN}, "it outlives the process"

    studio.queue.lanes.resume(TRAIN)
    until(lambda: studio.job(training.id).state == SUCCEEDED)
    assert studio.job(waiting.id).state == QUEUED
    studio.queue.lanes.resume(DRAW)
    until(lambda: studio.job(waiting.id).state == SUCCEEDED)


def test_in_its_turn_a_training_makes_room_for_nobody_before_it_worked_for_long(studio):
    queue: JobQueue = studio.queue
    ask(studio, Weave, "long")
    for number in range(MOST_PASSED + 1):
        ask(studio, Paint, f"drawing {number}")
    for _ in range(MOST_PASSED):
        assert queue.lanes.in_turn(DEVICE_LANES) == list(DEVICE_LANES)
        queue.succeed(queue.claim("w", DRAW), Progress())
    assert queue.lanes.in_turn(DEVICE_LANES) == [TRAIN, DRAW]

    claim = queue.claim("w", TRAIN)
    assert claim.turn_seconds == TURN_SECONDS
    assert not queue.should_make_room(claim, TURN_SECONDS - 1)
    assert queue.should_make_room(claim, TURN_SECONDS)
    queue.lanes.pause(DRAW)
    assert not queue.should_make_room(claim, TURN_SECONDS), "what is paused needs no room"
    queue.lanes.pause(TRAIN)
    assert queue.should_make_room(claim, 0)

    queue.release(claim)
    queue.lanes.resume(TRAIN)
    queue.lanes.resume(DRAW)
    assert queue.lanes.in_turn(DEVICE_LANES) == list(DEVICE_LANES), "it had its turn"


def test_a_training_makes_room_for_one_of_another_owner_after_a_while(studio):
    ask(studio, Weave, "long")
    claim = studio.queue.claim("w", TRAIN)
    ask(studio, Weave, "next")
    assert not studio.queue.should_make_room(claim, 10 * HOLD_SECONDS)

    request = Weave(name="other", rows=1)
    other = studio.queue.submit(request, owner="guest")
    assert not studio.queue.should_make_room(claim, HOLD_SECONDS - 1)
    assert studio.queue.should_make_room(claim, HOLD_SECONDS)
    studio.queue.release(claim)
    assert studio.queue.claim("w", TRAIN).job.id == other.id


def test_a_worker_that_dies_while_its_lane_is_paused_leaves_the_job_waiting(studio):
    job = ask(studio, Weave, "long")
    claim = studio.queue.claim("w", TRAIN)
    studio.queue.lanes.pause(TRAIN)
    assert studio.queue.reclaim(claim.token, "it was killed")

    assert studio.job(job.id).state == QUEUED
    assert studio.queue.claim("w", TRAIN) is None
    studio.queue.lanes.resume(TRAIN)
    assert studio.queue.claim("w", TRAIN).job.id == job.id


@pytest.mark.parametrize("lane", ["", "drawing", "DRAW", "x" * 100])
def test_there_is_no_other_lane(studio, lane):
    for change in (studio.queue.lanes.pause, studio.queue.lanes.resume):
        with pytest.raises(StudioError, match="A lane is one of draw, train, fetch"):
            change(lane)
    studio.queue.lanes.resume(FETCH)
    assert studio.queue.lanes.paused() == frozenset()
