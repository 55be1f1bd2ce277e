"""A model from the hub, from pressing Download to the first picture."""

import threading

import pytest

from engine.jobs.schema import CANCELLED, DRAW, FAILED, FETCH, SUCCEEDED
from engine.studio import Studio
from engine.weights.request import FetchModel
from engine.worker import Worker, device_work, fetch_work
from tests.tiny import save_tiny_pipeline


@pytest.fixture
def studio(settings, hub, tmp_path, monkeypatch):
    """A studio that knows a model on the hub by its id."""
    save_tiny_pipeline(tmp_path / "source")
    hub.holds(tmp_path / "source")
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    studio = Studio(settings)
    studio.add_model(hub.hub_id, "remote")
    yield studio
    studio.database.dispose()


@pytest.fixture
def worker(studio):
    return Worker(studio.settings, studio.database)


def fetch(studio, worker):
    job = studio.submit(FetchModel(model="remote"))
    worker.run_one(FETCH, fetch_work(studio.settings, worker.queue, studio.database))
    return studio.job(job.id)


def test_a_downloaded_model_draws(studio, worker):
    assert not studio.model("remote").available
    assert fetch(studio, worker).state == SUCCEEDED
    assert studio.model("remote").available

    job = studio.submit(
        studio.request("text_to_image", {"prompt": "a castle", "model": "remote", "num_inference_steps": 1})
    )
    _, handlers = device_work(studio.settings, worker.queue, studio.database)
    worker.run_one(DRAW, handlers)
    assert studio.job(job.id).state == SUCCEEDED


def test_a_stopped_download_continues_where_it_was(studio, worker, hub):

    hub.pieces = threading.Semaphore(20)
    job = studio.submit(FetchModel(model="remote"))
    stopper = threading.Timer(1.5, studio.cancel, (job.id,))
    stopper.start()
    worker.run_one(FETCH, fetch_work(studio.settings, worker.queue, studio.database))
    assert studio.job(job.id).state == CANCELLED
    assert not studio.model("remote").available

    hub.pieces = None
    assert fetch(studio, worker).state == SUCCEEDED
    assert any(asked.startswith("bytes=") for name in hub.files for asked in hub.ranges(name))


def test_a_hub_that_is_gone_fails_the_download_in_words(studio, worker, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    job = fetch(studio, worker)

    assert job.state == FAILED
    assert "cannot be reached" in job.error
    assert "by hand" in job.error
