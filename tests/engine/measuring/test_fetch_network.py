"""Networks to measure with, from pressing Download, or from a folder, to being found."""

import hashlib
import json
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.errors import InvalidRequest
from engine.jobs.schema import FAILED, FETCH, SUCCEEDED
from engine.measuring.request import FetchNetwork
from engine.metrics.published import catalogue
from engine.metrics.published.catalogue import network_named
from engine.worker import Worker, fetch_work

CONTENT = b"weights of a test" * 1000


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_):
        pass


@pytest.fixture
def inception(tmp_path, monkeypatch):
    """Inception's file as a small one that a server of this machine publishes."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / catalogue.INCEPTION.name).write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/{catalogue.INCEPTION.name}"
    digest = hashlib.sha256(CONTENT).hexdigest()
    small = replace(catalogue.INCEPTION, url=url, size=len(CONTENT), sha256=digest)
    monkeypatch.setattr(catalogue, "INCEPTION", small)
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def fetch(studio):
    worker = Worker(studio.settings, studio.database)

    def run(**values):
        job = studio.submit(studio.request(FetchNetwork.kind, {"network": "inception", **values}))
        worker.run_one(FETCH, fetch_work(studio.settings, worker.queue, studio.database))
        return studio.job(job.id)

    return run


def test_a_download_brings_it_and_asking_again_finds_it(inception, fetch):
    assert not network_named("inception").available
    assert fetch().state == SUCCEEDED
    assert (network_named("inception").place / catalogue.INCEPTION.name).read_bytes() == CONTENT
    assert network_named("inception").available
    (inception / catalogue.INCEPTION.name).unlink()
    assert fetch().state == SUCCEEDED


def test_a_folder_brings_it_without_the_network(inception, fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    job = fetch()
    assert (job.state, "HF_HUB_OFFLINE is set" in job.error) == (FAILED, True)
    (tmp_path / "stick").mkdir()
    job = fetch(folder=str(tmp_path / "stick"))
    assert (job.state, "it lacks weights-inception" in job.error) == (FAILED, True)
    assert fetch(folder=str(inception)).state == SUCCEEDED
    assert network_named("inception").available


def test_wrong_asking_is_refused_in_words(studio):
    for values, words in (
        ({"network": "resnet"}, "must be one of clip, inception, alexnet, vgg16, blip; got 'resnet'"),
        ({"network": 3}, "must be a text; got 3"),
        ({"network": "clip", "folder": "/no such folder"}, "/no such folder is none"),
        ({"network": "clip", "folder": "~no-such-person/x"}, "~no-such-person/x is none"),
        ({"network": "clip", "folder": "x" * 300}, "xxx is none"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            studio.submit(studio.request(FetchNetwork.kind, values))


def test_they_are_listed_with_what_they_cost(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    lines = CliRunner().invoke(cli, ["measuring-networks", "--json"]).stdout.splitlines()
    (inception,) = [said for line in lines if (said := json.loads(line))["name"] == "inception"]
    assert (inception["measures"], inception["available"]) == ("FID and KID", False)
    assert inception["size_bytes"] == 95_628_359
    assert inception["folder"].startswith(str(tmp_path))
    assert "FID and KID  [not here, 96 MB]" in CliRunner().invoke(cli, ["measuring-networks"]).stdout
