"""Jobs that name what computes them: recipes say what did, and are run again by the same."""

import json
from dataclasses import replace

import pytest

from engine.computing.names import NOT_INSTALLED, asked_problem, compiled_folder, openvino_version
from engine.errors import InvalidRequest, InvalidSetting
from engine.jobs.schema import DRAW, SUCCEEDED
from engine.reproducing.admission import of_picture
from engine.reproducing.verdict import verdict_of
from engine.settings import OPENVINO, TORCH, Settings
from engine.worker import Worker, device_work
from gallery.questions.traits import stack_of
from tests.tiny_lora import save_lora

needs_openvino = pytest.mark.skipif(not openvino_version(), reason="OpenVINO is not installed")
ASKED = {"prompt": "a castle", "seed": 3, "num_inference_steps": 2, "model": "mini"}


def drawn(studio, work, **more):
    job = studio.submit(studio.request("text_to_image", {**ASKED, **more}))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    return studio.gallery.of_job(job.id)[0]


@needs_openvino
def test_a_recipe_says_what_drew_it_and_the_same_draws_it_again(studio, work):
    lora = studio.settings.lora_dir / "style.safetensors"
    save_lora(lora)
    quick, usual = (drawn(studio, work, backend=name, loras=[("style", 0.5)]) for name in (OPENVINO, TORCH))
    assert quick.recipe.request["backend"] == OPENVINO
    assert quick.recipe.environment["backend"] == "OpenVINO"
    assert quick.recipe.software["openvino"] == openvino_version()
    assert "backend" not in {**usual.recipe.request, **usual.recipe.environment}
    assert quick.recipe.request["loras_merged"] is usual.recipe.request["loras_merged"] is True
    assert "openvino" not in usual.recipe.software
    assert stack_of(quick.recipe, "") == stack_of(usual.recipe, "")
    assert verdict(studio, work, quick).identical

    # As on a machine on which the model cannot be converted: PyTorch draws, and the verdict says so.
    for place in compiled_folder(studio.settings.home).iterdir():
        (place / "about.json").write_text(json.dumps({"unfit": "it differs."}))
    again = verdict(studio, fresh_work(studio), quick)
    assert "engine (OpenVINO then, PyTorch now)" in again.words()
    assert again.distance.largest <= 1


def fresh_work(studio):
    """As `work`, of a worker that has nothing in memory yet."""
    worker = Worker(studio.settings, studio.database)
    _, handlers = device_work(studio.settings, worker.queue, studio.database)
    return lambda: worker.run_one(DRAW, handlers)


def verdict(studio, work, record):
    job = studio.submit(of_picture(studio.gallery, studio.kinds, record.id))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    found = verdict_of(studio.settings.home, job.id)
    assert found
    return found


def test_what_is_not_here_is_refused_where_it_is_asked_for_by_name(studio):
    for name, accelerated in ((OPENVINO, True), (OPENVINO, False), (TORCH, True), (None, False)):
        problem = asked_problem(name, accelerated)
        refused = name == OPENVINO and (accelerated or not openvino_version())
        assert bool(problem) == refused
    assert "pip install" in NOT_INSTALLED
    with pytest.raises(InvalidRequest, match="Engine must be one of torch, openvino; got 'cuda'"):
        studio.request("text_to_image", {**ASKED, "backend": "cuda"})
    with pytest.raises(InvalidSetting, match="STUDIO_BACKEND must be torch or openvino; got 'fast'"):
        Settings(backend="fast")


@needs_openvino
def test_storage_lists_and_clears_what_was_converted(studio, work):
    def compiled():
        return next(each for each in studio.storage.usage() if each.kind == "compiled")

    assert compiled().size_bytes == 0
    drawn(studio, work, backend=OPENVINO)
    size = compiled().size_bytes
    assert size > 1_000_000
    next(compiled_folder(studio.settings.home).glob("*/unet.bin")).unlink()  # half gone: made again
    assert drawn(studio, fresh_work(studio), backend=OPENVINO, seed=5).recipe.request["backend"] == OPENVINO
    size = compiled().size_bytes
    assert studio.storage.clear("compiled") == size
    assert compiled().size_bytes == 0
    assert drawn(studio, work, backend=OPENVINO, seed=4).recipe.request["backend"] == OPENVINO


def test_grids_and_second_passes_keep_the_engine(studio):
    values = {"base": {**ASKED, "backend": TORCH}, "axes": [{"name": "seed", "values": [1, 2]}]}
    assert {cell.request.backend for cell in studio.request("grid", values).cells()} == {TORCH}
    request = replace(studio.request("text_to_image", ASKED), backend=OPENVINO, num_images=2)
    assert request.alone(1).backend == OPENVINO
