"""A kind that is declared in one file of its own is queued, run, shown, cancelled and restarted like any other."""

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.errors import InvalidRequest, StudioBusy
from engine.jobs.schema import CANCELLED, DRAW, QUEUED, RUNNING, SUCCEEDED
from engine.jobs.supervisor import Supervisor
from engine.kinds import KINDS as REAL_KINDS
from engine.prepared import adopt, prepared, sweep
from engine.settings import Settings
from engine.studio import Studio
from tests.toy_kind import KINDS, Knit, lay_out_wool, place_of, worker_for

PAGE = """
from pathlib import Path
from engine.settings import Settings
from engine.studio import Studio
from pages.parts.jobs import show_jobs
from tests.toy_kind import KINDS
studio = Studio(Settings(home=Path({home!r})), KINDS)
show_jobs(studio, ["knit"])
"""


@pytest.fixture
def knitting(settings: Settings) -> Iterator[Studio]:
    studio = Studio(settings, KINDS)
    yield studio
    studio.database.dispose()


def asked(studio: Studio, name: str = "winter", **values):
    request = studio.request(Knit.kind, {"name": name, "rows": 3, **values})
    lay_out_wool(studio.settings, request)
    return request


def scarf(studio: Studio, request: Knit) -> list[str]:
    return (place_of(studio.settings, request) / "scarf.txt").read_text().split("\n")[:-1]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.02)


def test_it_is_queued_and_run(knitting):
    job = knitting.submit(asked(knitting))
    assert (job.state, job.kind, knitting.title(job)) == (QUEUED, "knit", "Knitting winter")

    worker, handlers = worker_for(knitting.settings)
    assert worker.run_one(DRAW, handlers)
    ended = knitting.job(job.id)
    assert (ended.state, ended.step, ended.steps) == (SUCCEEDED, 3, 3)
    assert scarf(knitting, job.request) == ["wool", "row 0", "row 1", "row 2"]


def test_it_is_refused_by_its_own_rules_and_admission(knitting):
    knitting.submit(asked(knitting))
    with pytest.raises(InvalidRequest) as caught:
        knitting.request(Knit.kind, {"name": "winter", "rows": 0})

    assert [problem.field for problem in caught.value.problems] == ["rows", "name"]


def test_it_is_shown_in_the_list_of_jobs(knitting):
    job = knitting.submit(asked(knitting))
    page = AppTest.from_string(PAGE.format(home=str(knitting.settings.home)), default_timeout=120).run()

    assert not page.exception
    assert "**Knitting winter**" in [text.value for text in page.markdown]
    (stop,) = page.button
    assert stop.label == "Pause"
    stop.click().run()
    assert knitting.job(job.id).state == CANCELLED


def test_a_running_one_is_stopped_at_its_next_row(knitting):
    job = knitting.submit(asked(knitting, rows=1000, seconds_a_row=0.05))
    worker, handlers = worker_for(knitting.settings)
    thread = threading.Thread(target=worker.run_one, args=(DRAW, handlers))
    thread.start()
    until(lambda: knitting.job(job.id).step > 0)
    knitting.cancel(job.id)
    thread.join(30)

    assert knitting.job(job.id).state == CANCELLED
    assert 1 < len(scarf(knitting, job.request)) < 1000


def test_it_goes_on_after_its_worker_was_killed_while_the_upkeep_takes_its_time(knitting):
    slow = threading.Event()
    supervisor = Supervisor(knitting.settings, knitting.queue, module="tests.toy_kind", upkeep=slow.wait)
    supervisor.start()
    try:
        job = knitting.submit(asked(knitting, rows=40, seconds_a_row=0.1))
        until(lambda: knitting.job(job.id).state == RUNNING and knitting.job(job.id).step > 2)
        os.kill(supervisor.worker_pid, signal.SIGKILL)
        until(lambda: knitting.job(job.id).ended, 90)
    finally:
        slow.set()
        supervisor.stop()

    ended = knitting.job(job.id)
    assert (ended.state, ended.attempt) == (SUCCEEDED, 2)
    assert scarf(knitting, job.request) == ["wool", *(f"row {row}" for row in range(40))]


def test_another_studio_keeps_it_and_says_that_it_cannot_read_it(knitting):
    job = knitting.submit(asked(knitting))
    other = Studio(knitting.settings, REAL_KINDS)

    assert other.job(job.id).request is None
    assert "another version" in other.title(other.job(job.id))


# -- what a job needs on disk


def test_what_was_prepared_for_a_refused_job_is_gone(settings):
    studio = Studio(Settings(home=settings.home, queue_limit=1), KINDS)
    studio.submit(asked(studio))
    with pytest.raises(InvalidRequest, match="being knitted already"):
        studio.submit(asked(studio))
    with pytest.raises(StudioBusy):
        studio.submit(asked(studio, "summer"))

    assert [path.name for path in (settings.home / "scarves").iterdir()] == ["winter"]
    assert list((settings.home / "prepared").iterdir()) == []


def test_a_second_press_with_the_same_key_leaves_nothing(knitting):
    first = knitting.submit(asked(knitting), key="one press")
    second = knitting.submit(asked(knitting, "summer"), key="one press")

    assert second.id == first.id
    assert [path.name for path in (knitting.settings.home / "scarves").iterdir()] == ["winter"]
    assert list((knitting.settings.home / "prepared").iterdir()) == []


def test_a_crash_between_queueing_and_adopting_loses_nothing(knitting):
    request = asked(knitting)
    job = knitting.queue.submit(request)  # as if the web process had died just after this
    assert not place_of(knitting.settings, request).exists()
    assert sweep(knitting.settings.home, knitting.queue.folders(), settle_seconds=0) == []

    worker, handlers = worker_for(knitting.settings)
    worker.run_one(DRAW, handlers)
    assert knitting.job(job.id).state == SUCCEEDED


def test_what_nobody_asked_for_is_swept_once_it_is_old(knitting):
    request = asked(knitting)
    folder = prepared(knitting.settings.home, place_of(knitting.settings, request))
    assert sweep(knitting.settings.home, knitting.queue.folders()) == []
    assert folder.exists()
    hours_ago = time.time() - 7200
    os.utime(folder, (hours_ago, hours_ago))

    assert sweep(knitting.settings.home, knitting.queue.folders()) == ["winter"]
    assert not folder.exists()


def test_a_place_on_another_disk_is_filled_too(knitting, monkeypatch):
    """Renames between disks fail, which the system says with EXDEV."""
    rename = os.rename

    def between_disks(source, target):
        if Path(source).parent.name == "prepared":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        rename(source, target)

    monkeypatch.setattr(os, "rename", between_disks)
    job = knitting.submit(asked(knitting))

    assert scarf(knitting, job.request) == ["wool"]
    assert list((knitting.settings.home / "prepared").iterdir()) == []
    assert [path.name for path in (knitting.settings.home / "scarves").iterdir()] == ["winter"]


def test_a_starting_studio_sweeps(knitting):
    folder = prepared(knitting.settings.home, place_of(knitting.settings, asked(knitting)))
    hours_ago = time.time() - 7200
    os.utime(folder, (hours_ago, hours_ago))
    supervisor = Supervisor(knitting.settings, knitting.queue, module="tests.toy_kind")
    supervisor.start()
    try:
        until(lambda: not folder.exists())
    finally:
        supervisor.stop()


def test_a_copy_that_came_too_late_leaves_the_first(knitting, monkeypatch):
    """Web process and worker may both adopt from another disk."""
    request = asked(knitting)
    place = place_of(knitting.settings, request)
    copytree = shutil.copytree

    def overtaken(source, target, **options):
        copytree(source, place)
        return copytree(source, target, **options)

    monkeypatch.setattr(os, "rename", lambda source, target: _raise(OSError(errno.EXDEV, "another disk")))
    monkeypatch.setattr(shutil, "copytree", overtaken)
    adopt(knitting.settings.home, place)

    assert scarf(knitting, request) == ["wool"]
    assert [path.name for path in place.parent.iterdir()] == ["winter"]


def _raise(error: Exception) -> None:
    raise error


def test_a_broken_rule_is_said_although_the_admission_fails(studio):
    with pytest.raises(InvalidRequest, match="A run's name has") as caught:
        studio.request("promote_lora", {"run": "../x", "name": "x", "checkpoint": "a/b"})

    assert {problem.field for problem in caught.value.problems} == {"run", "checkpoint"}
