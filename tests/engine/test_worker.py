"""The real worker process under a supervisor: killed, drained, hung, and orphaned."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from engine import worker as worker_module
from engine.drafts.board import Board
from engine.drafts.quick import draft_of
from engine.errors import StudioBusy
from engine.jobs.records import Job
from engine.jobs.schema import CANCELLED, DRAW, QUEUED, RUNNING, SUCCEEDED
from engine.jobs.status import ABSENT, READY
from engine.jobs.supervisor import Supervisor
from engine.locks import alone
from engine.mending import put_back
from engine.settings import PROJECT, Settings
from engine.studio import Studio
from engine.worker import Worker, device_work, uncollected
from gallery.mending.backups import snapshots
from tests.tiny import save_tiny_pipeline

pytestmark = pytest.mark.timeout(400)  # workers start, on a busy machine

SILENT_SECONDS = 6.0  # much longer than a busy machine keeps a living worker from answering
LONG = {"prompt": "a castle", "seed": 3, "num_inference_steps": 60, "num_images": 4}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Iterator[Studio]:
    """One studio for many tests: a worker needs seconds to start."""
    home = tmp_path_factory.mktemp("served") / "home"
    studio = Studio(Settings(home=home, weights_dir=tiny_weights, device="cpu", backend="torch"))
    studio.running_supervisor, studio.is_impatient = studio.supervisor(), False
    studio.running_supervisor.start()
    yield studio
    studio.running_supervisor.stop()
    studio.database.dispose()


@pytest.fixture
def running(served: Studio) -> Studio:
    """A studio whose worker process is ready; a test may leave another supervisor behind."""
    until(lambda: served.engine().state == READY, 150)
    return served


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.02)


def drawing(studio: Studio, job: Job, images: int = 1) -> Callable[[], bool]:
    return lambda: studio.job(job.id).state == RUNNING and len(studio.gallery.of_job(job.id)) >= images


def pixels(studio: Studio, job: Job) -> list[bytes]:
    return [Image.open(studio.gallery.path(image.id)).tobytes() for image in studio.gallery.of_job(job.id)]


def test_a_worker_killed_in_the_middle_loses_nothing_and_draws_the_same(running):
    job = running.submit(running.request("text_to_image", LONG))
    until(drawing(running, job, images=1))
    kept = running.gallery.of_job(job.id)
    os.kill(running.running_supervisor.worker_pid, signal.SIGKILL)

    until(lambda: running.job(job.id).ended, 120)
    ended = running.job(job.id)
    assert (ended.state, ended.attempt) == (SUCCEEDED, 2)
    images = running.gallery.of_job(job.id)
    assert [image.job_index for image in images] == list(range(4))
    assert images[: len(kept)] == kept

    again = running.submit(running.request("text_to_image", LONG))
    until(lambda: running.job(again.id).ended, 120)
    assert pixels(running, again) == pixels(running, job)


def test_cancel_stops_a_running_job_and_keeps_what_was_finished(running):
    job = running.submit(running.request("text_to_image", LONG))
    until(drawing(running, job))
    running.cancel(job.id)

    until(lambda: running.job(job.id).ended)
    assert running.job(job.id).state == CANCELLED
    assert 1 <= len(running.gallery.of_job(job.id)) < 4
    until(lambda: running.preview(job.id) is None)  # it is taken away just behind the end


def test_stopping_gives_the_job_back_and_the_next_start_finishes_it(running):
    job = running.submit(running.request("text_to_image", LONG))
    until(drawing(running, job))
    worker = running.running_supervisor.worker_pid
    running.running_supervisor.stop()

    assert not psutil.pid_exists(worker)
    assert running.running_supervisor.worker_exit_code == 0
    assert running.engine().state == ABSENT
    assert running.job(job.id).state in (QUEUED, SUCCEEDED)

    drafts = running.settings.home / "drafts"
    Board(running.settings.home).ask("gone", draft_of(job.request))
    begin_again(running)
    until(lambda: running.job(job.id).ended, 120)
    ended = running.job(job.id)
    assert (ended.state, ended.attempt) == (SUCCEEDED, 1)
    until(lambda: not drafts.exists())  # of pages that are gone; one who draws it would leave an answer
    assert len(running.gallery.of_job(job.id)) == 4


def begin_again(running: Studio) -> None:
    """Another supervisor, which gives up a worker that is silent for a few seconds."""
    running.running_supervisor = Supervisor(replace(running.settings, lease_seconds=SILENT_SECONDS), running.queue)
    running.running_supervisor.start()
    running.is_impatient = True


def test_a_worker_that_stops_answering_is_replaced(running):
    if not running.is_impatient:  # this test alone
        running.running_supervisor.stop()
        begin_again(running)
    job = running.submit(running.request("text_to_image", LONG))
    until(drawing(running, job))
    silent = running.running_supervisor.worker_pid
    os.kill(silent, signal.SIGSTOP)

    until(lambda: running.job(job.id).ended, 120)
    assert running.job(job.id).state == SUCCEEDED
    assert not psutil.pid_exists(silent)


def test_a_second_supervisor_takes_over_when_the_first_goes(running):
    first, second = running.running_supervisor, running.supervisor()
    second.start()
    time.sleep(2)
    assert second.worker_pid is None

    first.stop()
    running.running_supervisor = second
    job = running.submit(running.request("text_to_image", LONG | {"num_images": 1}))
    until(lambda: running.job(job.id).ended, 120)
    assert running.job(job.id).state == SUCCEEDED
    assert second.worker_pid is not None


def test_a_worker_whose_parent_is_killed_leaves_too_and_keeps_the_database_until_then(studio):
    code = (
        "import time; from engine.settings import Settings; from engine.studio import Studio\n"
        "supervisor = Studio(Settings.from_environment()).supervisor(); supervisor.start()\n"
        "while True: time.sleep(1); print(supervisor.worker_pid, flush=True)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=studio.settings.to_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    worker = int(parent.stdout.readline())
    until(lambda: studio.engine().state == READY, 150)
    until(lambda: snapshots(studio.database.file))
    os.kill(worker, signal.SIGSTOP)
    parent.kill()
    parent.wait()

    with pytest.raises(StudioBusy, match=rf"its worker \(process {worker}\) is still at work"):
        put_back(studio.settings, "latest")
    os.kill(worker, signal.SIGCONT)
    with alone(studio.settings.home, patience=40):
        assert not list((studio.settings.home / "workers").iterdir())
    until(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE, 40)


def test_a_broken_shipped_model_leaves_the_others_usable(studio, tmp_path):
    save_tiny_pipeline(tmp_path / "weights" / "mini")
    save_tiny_pipeline(tmp_path / "other")
    unet = tmp_path / "weights" / "mini" / "unet" / "diffusion_pytorch_model.safetensors"
    unet.write_bytes(unet.read_bytes()[:1000])
    studio = Studio(replace(studio.settings, weights_dir=tmp_path / "weights"))
    studio.add_model(str(tmp_path / "other"))
    worker = Worker(studio.settings, studio.database)
    _, handlers = device_work(studio.settings, worker.queue, studio.database, warm=True)
    job = studio.submit(
        studio.request("text_to_image", {"prompt": "a castle", "model": "other", "num_inference_steps": 1})
    )
    assert worker.run_one(DRAW, handlers)
    assert studio.job(job.id).state == SUCCEEDED


def test_what_can_wait_is_done_in_a_pause_until_nothing_is_left(studio, monkeypatch):
    monkeypatch.setattr(worker_module, "REST_SECONDS", 0.0)
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", 0.01)
    worker, left, asked = Worker(studio.settings, studio.database), [True, True, False], []

    def rest() -> bool:
        asked.append(len(asked))
        if len(asked) == len(left):
            threading.Timer(0.1, worker._stopping.set).start()
        return left[len(asked) - 1]

    worker.serve((DRAW,), {}, rest=rest)
    assert asked == [0, 1, 2]  # not again after the one that had nothing to do


def test_nothing_is_collected_while_modules_are_imported_and_all_is_after_it() -> None:
    with uncollected():
        before = [each["collections"] for each in gc.get_stats()]
        kept = [[] for _ in range(100_000)]  # would be looked through some hundred times
        assert [each["collections"] for each in gc.get_stats()] == before
    assert len(kept) == 100_000
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()
