"""The order of the waiting jobs: of one owner as it is put, of several by turns."""

import threading
import time

import pytest

from engine.diffusion.request import TextToImage
from engine.errors import NotFound, StudioError
from engine.jobs.estimate import Estimates
from engine.jobs.queue import JobQueue
from engine.jobs.records import Progress
from engine.jobs.schema import CANCELLED, DRAW, FETCH, QUEUED, RUNNING, TRAIN
from engine.lora.requests import TrainLora
from engine.weights.licensing.acceptance import accept
from engine.weights.licensing.licences import RAIL_PLUS_PLUS
from engine.weights.request import FetchModel

REQUEST = TextToImage(prompt="a castle", seed=7, width=64, height=64, model="mini")
DOWNLOAD, TRAINING = FetchModel(model="sd21"), TrainLora(run="01ARZ3NDEKTSV4RRFFQ69G5FAV", name="x")


@pytest.fixture
def queue(studio) -> JobQueue:
    return studio.queue


def drawings(queue: JobQueue, count: int, owner: str = "artist") -> list[str]:
    return [queue.submit(REQUEST, owner=owner).id for _ in range(count)]


def claimed(queue: JobQueue, lane: str = DRAW) -> list[str]:
    """Claim and end every waiting job of a lane."""
    ids = []
    while claim := queue.claim("w", lane):
        queue.succeed(claim, Progress())
        ids.append(claim.job.id)
    return ids


def in_line(queue: JobQueue, lane: str = DRAW) -> list[str]:
    return [job.id for job in queue.waiting(lane)]


@pytest.mark.parametrize(
    ("change", "order"),
    [
        (lambda queue, ids: queue.to_front(ids[3]), "3012"),
        (lambda queue, ids: [queue.to_front(ids[2]), queue.to_front(ids[3])], "3201"),
        (lambda queue, ids: queue.move(ids[3], before=ids[1]), "0312"),
        (lambda queue, ids: queue.move(ids[0], before=ids[3]), "1203"),
        (lambda queue, ids: queue.move(ids[1]), "0231"),
        (lambda queue, ids: queue.move(ids[1], before=ids[1]), "0123"),
        (lambda queue, ids: queue.shift(ids[2], 1), "0213"),
        (lambda queue, ids: queue.shift(ids[1], -1), "0213"),
        (lambda queue, ids: queue.shift(ids[3], 99), "3012"),
        (lambda queue, ids: queue.shift(ids[0], -99), "1230"),
    ],
)
def test_a_waiting_job_is_moved_and_new_ones_stand_behind(queue, change, order):
    ids = drawings(queue, 4)
    change(queue, ids)
    ids += drawings(queue, 1)

    expected = [ids[int(place)] for place in f"{order}4"]
    assert in_line(queue) == expected
    assert [queue.ahead_of(job) for job in queue.waiting(DRAW)] == [0, 1, 2, 3, 4]
    assert [job.id for job in queue.list(owner="artist", kind=REQUEST.kind, active=True, in_order=True)] == expected
    assert claimed(queue) == expected


def test_what_went_to_the_front_goes_before_a_job_that_is_put_back(queue):
    first, second, third = drawings(queue, 3)
    claim = queue.claim("w", DRAW)
    queue.to_front(third)
    queue.release(claim)

    assert in_line(queue) == [third, first, second]


def test_only_a_waiting_job_of_the_same_line_can_be_moved(queue):
    running, ended, mine = drawings(queue, 3)
    (other,) = drawings(queue, 1, owner="guest")
    download = queue.submit(DOWNLOAD).id
    assert queue.claim("w", DRAW).job.id == running
    queue.cancel(ended)

    for change in (queue.to_front, queue.move, lambda job_id: queue.shift(job_id, 1)):
        with pytest.raises(NotFound, match="no job with the id 'nope'"):
            change("nope")
        with pytest.raises(StudioError, match=f"{running} is at work already"):
            change(running)
        with pytest.raises(StudioError, match=f"{ended} has ended \\(cancelled\\)"):
            change(ended)
    for target in (other, download):
        with pytest.raises(StudioError, match="of the same owner and lane"):
            queue.move(mine, before=target)
    with pytest.raises(StudioError, match="at work already"):
        queue.move(mine, before=running)
    assert in_line(queue) == [other, mine]


def test_two_people_who_move_at_once_lose_no_job(queue):
    ids = drawings(queue, 6)

    def move(job_id: str) -> None:
        for _ in range(5):
            queue.to_front(job_id)
            queue.shift(job_id, -2)

    threads = [threading.Thread(target=move, args=(job_id,)) for job_id in ids[:3]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(in_line(queue)) == sorted(ids)
    assert len(claimed(queue)) == 6


def test_the_job_at_work_comes_first_however_many_were_put_before_it(queue):
    at_work, *rest = drawings(queue, 4)
    queue.claim("w", DRAW)
    for job_id in rest:
        queue.to_front(job_id)
    line = queue.list(owner="artist", kind=(REQUEST.kind, DOWNLOAD.kind), active=True, in_order=True, limit=2)
    assert [job.id for job in line] == [at_work, rest[-1]]


def test_of_several_kinds_the_job_that_ended_last_is_found(queue):
    _at_work, second, third = drawings(queue, 3)
    queue.claim("w", DRAW)
    kinds = (REQUEST.kind, DOWNLOAD.kind)
    assert queue.latest_ended("artist", kinds, among=9) is None
    queue.cancel(third)
    time.sleep(0.01)  # moments of the database are as fine as milliseconds
    queue.cancel(second)
    download = queue.submit(DOWNLOAD)
    found = queue.latest_ended("artist", kinds, among=9)
    assert found.id == second
    assert found.ended
    queue.cancel(download.id)
    assert queue.latest_ended("artist", kinds, among=9).id == download.id
    assert queue.latest_ended("artist", (REQUEST.kind,), among=9).id == second
    assert queue.latest_ended("artist", (REQUEST.kind,), among=1).id == third
    assert queue.latest_ended("somebody else", kinds, among=9) is None
    assert queue.count_unfinished("artist", kinds) == 1


def test_owners_take_turns(queue):
    a = drawings(queue, 4, owner="a")
    b = drawings(queue, 2, owner="b")
    assert in_line(queue) == claimed(queue) == [a[0], b[0], a[1], b[1], a[2], a[3]]

    a, c = drawings(queue, 2, owner="a"), drawings(queue, 2, owner="c")
    queue.to_front(a[1])
    assert in_line(queue) == claimed(queue) == [c[0], a[1], c[1], a[0]]


def test_new_owners_stand_behind_those_who_wait(queue):
    drawings(queue, 1, owner="old")
    claimed(queue)
    drawings(queue, 1, owner="old")
    for guest in range(3):
        drawings(queue, 1, owner=f"guest {guest}")
    assert [queue.get(job_id).owner for job_id in claimed(queue)] == ["guest 0", "guest 1", "guest 2", "old"]

    drawings(queue, 1, owner="old")
    begun = []
    for number in range(3):  # one comes before every claim
        drawings(queue, 1, owner=f"late {number}")
        claim = queue.claim("w", DRAW)
        queue.succeed(claim, Progress())
        begun.append(claim.job.owner)
    assert begun == ["late 0", "old", "late 1"]


def test_all_jobs_of_an_owner_a_lane_or_a_kind_are_cancelled(queue):
    running, waiting = drawings(queue, 2)
    (other,) = drawings(queue, 1, owner="guest")
    download, training = queue.submit(DOWNLOAD).id, queue.submit(TRAINING).id
    claim = queue.claim("w", DRAW)

    assert queue.cancel_all("artist", lane=FETCH) == 1
    assert queue.cancel_all("artist", kind=TRAINING.kind) == 1
    assert queue.cancel_all("artist") == 2
    assert queue.cancel_requested(claim)
    queue.cancelled(claim)
    states = {job_id: queue.get(job_id).state for job_id in (running, waiting, other, download, training)}
    assert states == {running: CANCELLED, waiting: CANCELLED, other: QUEUED, download: CANCELLED, training: CANCELLED}
    assert queue.cancel_all("artist") == 0
    with pytest.raises(StudioError, match="one of draw, train, fetch; got 'sketch'"):
        queue.cancel_all("artist", lane="sketch")


def test_a_job_is_asked_for_again_with_its_own_or_new_seeds(studio):
    job = studio.submit(studio.request("text_to_image", {"prompt": "a castle"}), owner="guest")
    studio.cancel(job.id)
    same, other = studio.again(job.id), studio.again(job.id, new_seed=True)

    assert same.request == job.request
    assert same.id != job.id
    assert same.owner == other.owner == "guest"
    assert (other.request.prompt, other.request.num_images) == ("a castle", 1)
    assert other.request.seed != job.request.seed
    assert studio.again(job.id, key="one press").id == studio.again(job.id, key="one press").id
    with pytest.raises(NotFound):
        studio.again("nope")


def test_what_cannot_be_asked_for_again_says_why(studio):
    accept(studio.settings.home, RAIL_PLUS_PLUS)
    download = studio.submit(DOWNLOAD)
    training = studio.queue.submit(TRAINING)
    claimed(studio.queue, TRAIN)

    assert studio.again(download.id).id == download.id, "an unfinished download is that download"
    with pytest.raises(StudioError, match="New seeds are for kinds of work that draw them; 'Downloading sd21' does"):
        studio.again(download.id, new_seed=True)
    with pytest.raises(StudioError, match="'Training x' has ended well, and its result is kept"):
        studio.again(training.id)


def test_the_time_of_a_waiting_job_is_that_of_earlier_ones(queue):
    first, second = drawings(queue, 2)
    assert Estimates(queue).seconds(queue.get(second)) is None
    claim = queue.claim("w", DRAW)
    queue.beat(claim, Progress(step=1, steps=4, seconds=1.0, seconds_left=3.0))
    assert Estimates(queue).seconds(queue.get(first)) == 3.0
    queue.succeed(claim, Progress(step=4, steps=4))

    ended = queue.get(first)
    assert Estimates(queue).seconds(queue.get(second)) == ended.finished_at - ended.started_at
    assert queue.get(second).state != RUNNING
