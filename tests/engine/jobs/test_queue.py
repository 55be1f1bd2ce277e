import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from engine.diffusion.request import LoraWeight, TextToImage
from engine.errors import LeaseLost, NotFound, StudioBusy
from engine.jobs.queue import JobQueue
from engine.jobs.records import Progress
from engine.jobs.schema import CANCELLED, DRAW, FAILED, FETCH, QUEUED, RUNNING, SUCCEEDED, JobRow
from engine.jobs.status import is_dead, worker_name
from engine.kinds import KINDS
from engine.settings import PROJECT, Settings
from engine.weights.request import FetchModel

REQUEST = TextToImage(
    prompt="a castle 城 🏰", seed=7, width=64, height=64, model="mini", loras=(LoraWeight("ink", 0.5),)
)


@pytest.fixture
def queue(studio) -> JobQueue:
    return studio.queue


def test_a_request_comes_back_as_it_was_submitted(queue):
    job = queue.submit(REQUEST)

    assert queue.get(job.id) == job
    assert job.request == REQUEST
    assert job.state == QUEUED


def test_the_same_key_gives_the_same_job(queue):
    first = queue.submit(REQUEST, key="once")
    again = queue.submit(replace(REQUEST, seed=8), key="once")

    assert again.id == first.id
    assert again.request.seed == 7
    assert len(queue.list()) == 1


def test_a_key_sent_from_many_threads_at_once_makes_one_job(queue):
    threads = [threading.Thread(target=queue.submit, args=(REQUEST,), kwargs={"key": "k"}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(queue.list()) == 1


def test_jobs_are_claimed_oldest_first_and_once(queue):
    ids = [queue.submit(REQUEST).id for _ in range(3)]

    assert [queue.claim("w", DRAW).job.id for _ in range(3)] == ids
    assert queue.claim("w", DRAW) is None


def test_downloads_and_drawings_do_not_wait_for_each_other(queue):
    drawing, download = queue.submit(REQUEST), queue.submit(FetchModel(model="sd21"))

    assert queue.ahead_of(download) == 0
    assert queue.claim("w", FETCH).job.id == download.id
    assert queue.claim("w", DRAW).job.id == drawing.id


def test_the_queue_line_counts_unfinished_jobs_before_this_one(queue):
    first, second, third = (queue.submit(REQUEST) for _ in range(3))

    assert [queue.ahead_of(job) for job in (first, second, third)] == [0, 1, 2]
    claim = queue.claim("w", DRAW)
    assert queue.ahead_of(third) == 2
    queue.succeed(claim, Progress())
    assert queue.ahead_of(third) == 1


def test_a_full_queue_refuses_with_its_limit(studio):
    queue = JobQueue(studio.database, replace(studio.settings, queue_limit=2), KINDS)
    queue.submit(REQUEST)
    queue.submit(REQUEST)

    with pytest.raises(StudioBusy, match="At most 2 jobs"):
        queue.submit(REQUEST)


def test_progress_is_recorded(queue):
    claim = queue.claim("w", DRAW) if queue.submit(REQUEST) else None
    assert queue.get(claim.job.id).seconds_left is None

    queue.beat(claim, Progress(step=5, steps=20, seconds=2.0, seconds_left=6.0, stage="Drawing", notes=("cut",)))

    job = queue.get(claim.job.id)
    assert (job.step, job.steps, job.stage, job.notes) == (5, 20, "Drawing", ("cut",))
    assert job.seconds_left == 6.0


def test_a_worker_that_comes_back_from_the_dead_changes_nothing(queue):
    queue.submit(REQUEST)
    zombie = queue.claim("zombie", DRAW)
    assert queue.reclaim(zombie.token, "it did not answer")
    heir = queue.claim("heir", DRAW)

    for late in (
        lambda: queue.beat(zombie, Progress(step=99)),
        lambda: queue.succeed(zombie, Progress()),
        lambda: queue.fail(zombie, "late"),
        lambda: queue.cancelled(zombie),
        lambda: queue.release(zombie),
        lambda: queue.retry(zombie, "late"),
    ):
        with pytest.raises(LeaseLost):
            late()
    assert not queue.reclaim(zombie.token, "again")

    job = queue.get(heir.job.id)
    assert (job.state, job.step, job.attempt) == (RUNNING, 0, 2)
    queue.succeed(heir, Progress())
    assert queue.get(heir.job.id).state == SUCCEEDED


def test_a_beat_changes_the_lease_that_watchers_see(queue):
    queue.submit(REQUEST)
    claim = queue.claim("w", DRAW)
    (before,) = queue.leases()
    queue.beat(claim, Progress())
    (after,) = queue.leases()

    assert before.token == after.token == claim.token
    assert after.until > before.until


def test_a_job_whose_worker_dies_three_times_fails_with_the_reason(queue):
    job = queue.submit(REQUEST)
    for attempt in (1, 2, 3):
        claim = queue.claim("w", DRAW)
        assert claim.job.attempt == attempt
        queue.reclaim(claim.token, "it ended with code -9")

    ended = queue.get(job.id)
    assert ended.state == FAILED
    assert "started 3 times" in ended.error
    assert "it ended with code -9" in ended.error
    assert queue.claim("w", DRAW) is None


def test_giving_a_job_back_costs_no_attempt(queue):
    queue.submit(REQUEST)
    for _ in range(5):
        claim = queue.claim("w", DRAW)
        assert claim.job.attempt == 1
        queue.release(claim)


def test_cancel_ends_a_waiting_job_at_once_and_tells_a_running_one(queue):
    waiting, running = queue.submit(REQUEST), None
    queue.cancel(waiting.id)
    assert queue.get(waiting.id).state == CANCELLED

    queue.submit(REQUEST)
    running = queue.claim("w", DRAW)
    assert not queue.cancel_requested(running)
    queue.cancel(running.job.id)
    assert queue.cancel_requested(running)
    queue.cancelled(running)
    assert queue.get(running.job.id).state == CANCELLED


@pytest.mark.parametrize("leave", [JobQueue.release, lambda queue, claim: queue.reclaim(claim.token, "died")])
def test_a_cancelled_job_is_not_run_again(queue, leave):
    job = queue.submit(REQUEST)
    claim = queue.claim("w", DRAW)
    queue.cancel(job.id)
    leave(queue, claim)

    assert queue.get(job.id).state == CANCELLED


def test_cancelling_an_ended_job_leaves_it_as_it_is(queue):
    job = queue.submit(REQUEST)
    queue.succeed(queue.claim("w", DRAW), Progress())
    queue.cancel(job.id)

    assert queue.get(job.id).state == SUCCEEDED


def test_an_overdue_job_fails_in_words(queue):
    job = queue.submit(REQUEST)
    claim = queue.claim("w", DRAW)

    assert queue.fail_overdue(claim.token, 3600)
    assert "may run for 3600 s" in queue.get(job.id).error
    assert not queue.fail_overdue(claim.token, 3600)


def test_a_job_of_another_version_is_shown_and_does_not_block_the_queue(queue):
    old = queue.submit(REQUEST)
    with queue._database.write() as session:
        session.get(JobRow, old.id).request = {**REQUEST.to_dict(), "scheduler": "no longer known"}
    new = queue.submit(REQUEST)

    assert queue.get(old.id).request is None
    assert queue.claim("w", DRAW).job.id == new.id
    assert queue.get(old.id).state == FAILED
    assert "another version" in queue.get(old.id).error


def test_an_unknown_job_is_not_found(queue):
    with pytest.raises(NotFound, match="no job with the id 'nope'"):
        queue.get("nope")


def test_a_dead_process_is_told_from_a_living_one():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)
    name = worker_name(process.pid)
    assert not is_dead(name)
    process.communicate("")
    assert is_dead(name)
    assert not is_dead(worker_name())
    assert is_dead(worker_name().rpartition(":")[0] + ":1"), "the same pid, but another process"
    assert not is_dead("another-machine:1:1")


def claimers(program: str, settings: Settings, count: int) -> list[str]:
    """The ids of the jobs that so many claimers ended, each as often as one of them ended it."""
    command = [sys.executable, "-m", "tests.engine.jobs.claimers", program, str(settings.home), str(count)]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    return done.stdout.split()


def test_four_processes_end_every_job_exactly_once(queue, settings):
    ids = {queue.submit(REQUEST).id for _ in range(60)}
    ended = claimers("race", settings, 4)

    assert sorted(ended) == sorted(ids)
    assert {queue.get(job_id).state for job_id in ids} == {SUCCEEDED}


def test_killed_claimers_lose_no_job_and_end_none_twice(queue, settings):
    ids = {queue.submit(REQUEST).id for _ in range(30)}
    ended = claimers("kill", settings, 6)

    assert {queue.get(job_id).state for job_id in ids} == {SUCCEEDED}
    assert len(ended) == len(set(ended))
