"""When a job is overdue: on the real queue and supervisor, with a clock that the test moves."""

import os
from dataclasses import replace

import pytest

from engine.diffusion.request import TextToImage
from engine.jobs.schema import DRAW, FAILED, RUNNING
from engine.jobs.status import worker_name
from engine.jobs.supervisor import Supervisor
from engine.jobs.watch import LeaseWatch
from tests.gallery.samples import picture, recipe

REQUEST = TextToImage(prompt="a castle", seed=7, width=64, height=64, model="mini", num_images=8)


class Watched:
    """A job at work, and a look of the supervisor at it."""

    def __init__(self, studio):
        self._studio = studio
        self._moment = 0.0
        self._supervisor = Supervisor(replace(studio.settings, lease_seconds=1e9), studio.queue)
        self._supervisor._watch = LeaseWatch(lambda: self._moment)
        self.id = studio.submit(REQUEST).id
        studio.queue.claim(worker_name(os.getpid()), DRAW)

    def bring(self, index):
        self._studio.gallery.save(picture(index), recipe(), job_id=self.id, job_index=index)

    def after(self, seconds):
        self._moment += seconds
        self._supervisor._look_at_leases(None)
        return self._studio.job(self.id).state


@pytest.fixture
def watched(studio):
    watched = Watched(studio)
    watched.after(0)
    return watched


def test_a_job_that_brings_picture_after_picture_may_take_as_long_as_all_of_them_need(watched):
    for index in range(4):
        assert watched.after(3000) == RUNNING
        watched.bring(index)
        assert watched.after(1) == RUNNING


def test_a_job_that_brings_no_further_picture_is_stopped_so_long_after_the_last(watched, studio):
    watched.after(3000)
    watched.bring(0)
    watched.after(1)
    studio.gallery.save(picture(9), recipe(), job_id=studio.submit(REQUEST).id, job_index=0)  # another's
    assert watched.after(3590) == RUNNING
    assert watched.after(20) == FAILED
    assert "may run for 3600 s without a finished picture" in studio.job(watched.id).error


def test_a_job_that_brought_nothing_is_stopped_at_the_limit(watched):
    assert watched.after(3590) == RUNNING
    assert watched.after(20) == FAILED
