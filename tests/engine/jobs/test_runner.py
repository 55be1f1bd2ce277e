"""How a job ends, whatever its handler does."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from engine.diffusion.request import TextToImage
from engine.errors import Cancelled, ImageFailed
from engine.jobs.context import JobContext
from engine.jobs.queue import JobQueue
from engine.jobs.records import Job
from engine.jobs.runner import JobRunner, Poisoned
from engine.jobs.schema import CANCELLED, DRAW, FAILED, QUEUED, RUNNING, SUCCEEDED
from engine.kinds import KINDS

REQUEST = TextToImage(prompt="a castle", seed=7, width=64, height=64, model="mini")


@pytest.fixture
def run(studio) -> Callable[..., Job]:
    """Runs one job with this handler and returns how it stands afterwards."""

    def run(handler: Callable[[JobContext], None], **settings: float) -> Job:
        changed = replace(studio.settings, **settings)
        queue = JobQueue(studio.database, changed, KINDS)
        job = queue.submit(REQUEST)
        runner = JobRunner(queue, changed, {REQUEST.kind: lambda context: handler(context, runner)})
        runner.run(queue.claim("worker", DRAW))
        return queue.get(job.id)

    return run


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_for_people_is_shown_as_it_is(run):
    def handler(context, runner):
        raise ImageFailed("No usable pixels.")

    job = run(handler)
    assert (job.state, job.error) == (FAILED, "No usable pixels.")


def test_an_unknown_error_is_named_without_its_traceback(run, studio):
    def handler(context, runner):
        raise KeyError("secret path /home/x")

    job = run(handler)
    assert job.state == FAILED
    assert "KeyError" in job.error
    assert "secret" not in job.error


def test_a_database_error_puts_the_job_back(run):
    def handler(context, runner):
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    job = run(handler)
    assert (job.state, job.attempt) == (QUEUED, 1)


def test_a_poisoned_device_puts_the_job_back_and_ends_the_process(run, studio):
    def handler(context, runner):
        raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(Poisoned):
        run(handler)
    assert studio.jobs()[0].state == QUEUED


def test_cancelled_while_it_runs(run, studio):
    def handler(context, runner):
        studio.cancel(context.job.id)
        until(context.should_stop)
        raise Cancelled("stopped")

    assert run(handler).state == CANCELLED


def test_a_job_of_unknown_length_is_given_back_when_the_worker_leaves(run):
    def handler(context, runner):
        assert not context.should_stop()
        runner.leave()
        assert context.should_stop()
        raise Cancelled("stopped")

    job = run(handler)
    assert (job.state, job.attempt) == (QUEUED, 0)


def test_a_job_that_ends_in_time_is_finished_before_the_worker_leaves(run, studio):
    def handler(context, runner):
        context.report("Drawing", 1, 4)
        time.sleep(0.02)
        context.report("Drawing", 2, 4)
        runner.leave()
        assert not context.should_stop()
        studio.queue.succeed(context.claim, context.progress)

    assert run(handler, drain_seconds=60.0).state == SUCCEEDED


def test_a_job_taken_by_another_worker_is_left_alone(run, studio):
    def handler(context, runner):
        studio.queue.reclaim(context.claim.token, "silent")
        context.report("Drawing", 1, 4)
        until(context.should_stop)
        raise Cancelled("stopped")

    job = run(handler)
    assert (job.state, job.attempt) == (QUEUED, 1)


def test_the_time_left_counts_only_what_was_done_here(run, studio):
    left = []

    def handler(context, runner):
        context.report("Downloading", 1000, 2000)
        assert context.progress.seconds_left is None
        time.sleep(0.1)
        context.report("Downloading", 1010, 2000)
        left.append(context.progress.seconds_left)
        studio.queue.succeed(context.claim, context.progress)

    run(handler)
    assert left[0] > 0.1 / 10 * 990


def test_a_job_without_progress_loses_its_lease(run, studio):
    """The heartbeat's own thread is well when a device hangs; only progress tells."""

    def stalls(context, runner):
        context.report("Drawing", 1, 4)
        until(lambda: studio.queue.leases()[0].until < time.time() - 1)  # a living one is late by less
        studio.queue.succeed(context.claim, context.progress)

    def goes_on(context, runner):
        context.report("Drawing", 1, 4)
        for _ in range(2):
            before = studio.queue.leases()[0].until
            until(lambda before=before: studio.queue.leases()[0].until > before)
        studio.queue.succeed(context.claim, context.progress)

    assert run(stalls, lease_seconds=0.6, stall_seconds=0.5).state == SUCCEEDED
    assert run(goes_on, lease_seconds=0.6, stall_seconds=60.0).state == SUCCEEDED


def test_no_heartbeat_outlives_its_job(run, studio):
    def handler(context, runner):
        assert studio.jobs()[0].state == RUNNING
        studio.queue.succeed(context.claim, context.progress)

    run(handler)
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
