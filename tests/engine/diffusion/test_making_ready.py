"""Models are made ready for OpenVINO beside the worker's jobs, and no job waits for it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from engine.computing.keeping import keep
from engine.computing.names import MAKING, abandon, compiled_folder, openvino_version
from engine.diffusion.backends.apart import convert
from engine.diffusion.backends.choosing import Backends
from engine.diffusion.backends.names import default_backend, is_converted
from engine.diffusion.backends.readying import as_text, from_text
from engine.diffusion.lora import Worn
from engine.jobs.schema import DRAW, SUCCEEDED
from engine.jobs.workplace import Workplace
from engine.settings import OPENVINO, TORCH, Settings
from engine.studio import Studio
from engine.weights.facts import folder_info
from engine.worker import Worker, device_place
from tests.tiny import REQUEST

needs_openvino = pytest.mark.skipif(not openvino_version(), reason="OpenVINO is not installed")
ASKED = {"prompt": "a castle", "seed": 3, "num_inference_steps": 2, "model": "mini"}


@pytest.fixture
def resting(studio: Studio) -> tuple[Workplace, Callable[[], str]]:
    """A worker's place where models are made ready, and a call that has it draw and says with what."""
    studio.settings = replace(studio.settings, backend="")
    worker = Worker(studio.settings, studio.database)
    place, handlers = device_place(studio.settings, worker.queue, studio.database, warm=True)

    def draw() -> str:
        info = folder_info("mini", studio.settings.weights_dir / "mini")
        backend = default_backend(studio.settings, info, accelerated=False)
        job = studio.submit(studio.request("text_to_image", {**ASKED, "backend": backend}))
        worker.run_one(DRAW, handlers)
        assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
        return studio.gallery.of_job(job.id)[0].recipe.request.get("backend", TORCH)

    return place, draw


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Also of a process that a test has stopped."""
    yield
    for child in all_converting():
        child.kill()


def converting() -> psutil.Process:
    (found,) = all_converting()
    return found


def all_converting() -> list[psutil.Process]:
    """Those that live; other tests of this process may have left processes of another kind."""
    living = [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]
    return [each for each in living if "engine.diffusion.backends.apart" in each.cmdline()]


@needs_openvino
def test_a_job_that_comes_while_a_model_is_made_ready_is_drawn_at_once(studio, resting):
    place, draw = resting
    assert place.rest()  # there is more to come
    child = converting()
    child.suspend()  # however slow it is
    assert draw() == TORCH
    assert place.rest()
    assert not list(compiled_folder(studio.settings.home).glob("*/unet.bin"))

    convert(studio.settings, child.cmdline()[-1])  # what it does, of which it would first import everything once more
    child.kill()
    while place.rest():
        time.sleep(0.01)
    assert draw() == OPENVINO
    assert not place.rest()  # once


@needs_openvino
def test_a_process_that_fails_is_said_once_and_not_tried_again(tiny, tmp_path, caplog):
    backends = Backends(Settings(home=tmp_path, device="cpu"))
    assert backends.make_ready(tiny)
    converting().kill()
    while backends.make_ready(tiny):
        time.sleep(0.01)
    assert not backends.make_ready(tiny)
    assert not all_converting()
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == ["its process ended with -9"]


@needs_openvino
def test_a_model_that_is_needed_at_once_is_converted_once(tiny, tmp_path):
    settings = Settings(home=tmp_path, device="cpu")
    backends, model = Backends(settings), replace(tiny, compiled={})
    assert backends.make_ready(model)
    child = converting()
    child.suspend()
    backend = backends.of(replace(REQUEST, backend=OPENVINO))
    with backend.engaged(model, REQUEST, Worn([])):
        assert is_converted(settings.home, model.info)
    assert not child.is_running()

    next_start, read = Backends(settings), replace(tiny, compiled={})
    while next_start.make_ready(read):
        time.sleep(0.01)
    assert read.held_bytes == model.held_bytes > tiny.size_bytes  # compiled before anybody asks


@needs_openvino
def test_memory_is_given_back_and_it_is_begun_again(tiny, tmp_path):
    backends = Backends(Settings(home=tmp_path, device="cpu"))
    assert backends.make_ready(tiny)
    first = converting()
    backends.make_room()
    assert not first.is_running()
    assert backends.make_ready(tiny)
    assert converting() != first
    backends.make_room()


@needs_openvino
def test_a_process_without_memory_is_not_started(tiny, tmp_path, caplog):
    vast = replace(tiny, size_bytes=10**15)
    assert not Backends(Settings(home=tmp_path, device="cpu")).make_ready(vast)
    assert "it needs 1000001.3 GB of free memory" in caplog.text


def test_the_process_ends_with_the_one_that_started_it(tiny, tmp_path):
    begun = compiled_folder(tmp_path) / "0123"
    child = subprocess.Popen(
        [sys.executable, "-m", "engine.diffusion.backends.apart", as_text(tiny.info)],
        env=Settings(home=tmp_path, device="cpu").to_environment(),
        stdin=subprocess.PIPE,
    )
    making = compiled_folder(tmp_path) / f"{MAKING}{child.pid}-x"
    (making / begun.name).mkdir(parents=True)
    assert child.stdin
    child.stdin.close()  # as the end of the parent does
    assert child.wait() == 0
    assert not making.exists()


@needs_openvino
def test_a_conversion_whose_process_had_to_end_does_not_count_as_tried(tmp_path):
    place = compiled_folder(tmp_path) / "0123"

    def end(folder) -> None:
        assert place.is_dir()
        abandon(tmp_path, os.getpid() + 1)
        assert place.is_dir()
        abandon(tmp_path, os.getpid())
        assert not place.exists()
        assert not folder.exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep(place, "Tiny", 0, end)


def test_a_model_comes_to_the_process_as_it_is(tiny):
    assert from_text(as_text(tiny.info)) == tiny.info
