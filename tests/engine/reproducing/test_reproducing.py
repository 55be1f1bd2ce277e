"""A picture's recipe run again, of every kind, through the real worker code."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.computing.names import openvino_version, threads
from engine.errors import InvalidRequest
from engine.jobs.schema import FAILED, SUCCEEDED
from engine.reproducing.admission import keep, of_picture
from engine.reproducing.comparing import Distance, differences, distance, unrecorded
from engine.reproducing.verdict import Verdict, files_of, verdict_of
from engine.settings import OPENVINO, TORCH
from engine.studio import Studio
from gallery.errors import GalleryError, ImageNotFound
from gallery.records import ImageRecord
from tests.gallery.samples import recipe

needs_openvino = pytest.mark.skipif(not openvino_version(), reason="OpenVINO is not installed")
Work = Callable[[], None]
DRAWING = {"prompt": "a castle", "seed": 3, "num_inference_steps": 2}


def photo(size: tuple[int, int] = (64, 64)) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(size).save(stream, "PNG")
    return stream.getvalue()


def made(studio: Studio, work: Work, kind: str, values: dict) -> ImageRecord:
    """The last picture of a job."""
    job = studio.submit(studio.request(kind, values))
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    return studio.gallery.of_job(job.id)[-1]


def reproduced(studio: Studio, work: Work, record: ImageRecord) -> tuple[Verdict, str]:
    """The verdict, and the id of the job."""
    job = studio.submit(of_picture(studio.gallery, studio.kinds, record.id))
    work()
    job = studio.job(job.id)
    assert job.state == SUCCEEDED, job.error
    verdict = verdict_of(studio.settings.home, job.id)
    assert verdict is not None
    assert verdict.words() in job.notes
    return verdict, job.id


def test_every_kind_of_picture_comes_out_the_same_and_is_kept_once(studio: Studio, work: Work) -> None:
    kept = studio.add_photo(photo(), "photo.png")
    varied = {"variation_strength": 0.3, "variation_seed": 9, "prompt": "a {red|blue} cat"}
    kinds = [
        ("text_to_image", {**DRAWING, "num_images": 3, **varied}),
        ("text_to_image", {**DRAWING, "seed": 2**64 - 1, "num_images": 2}),
        ("image_to_image", {**DRAWING, "image": kept, "strength": 0.5, "num_images": 2}),
        ("inpaint", {**DRAWING, "image": kept, "extend": (0, 0, 16, 0)}),
        ("upscale", {"photos": (kept, studio.add_photo(photo((40, 48)), "other.png"))}),
        ("translate", {"photos": (kept, studio.add_photo(photo((48, 40)), "third.png"))}),
    ]
    for kind, values in kinds:
        record = made(studio, work, kind, values)
        before = studio.gallery.count()
        verdict, job_id = reproduced(studio, work, record)
        assert verdict.identical, (kind, verdict.words())
        assert not verdict.differences
        assert studio.gallery.count() == before
        assert not files_of(studio.settings.home, job_id)[1].exists()


def test_another_model_in_its_place_is_measured_and_named(studio: Studio, work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(studio.settings.weights_dir / "mini", folder)
    studio.add_model(str(folder), "own")
    record = made(studio, work, "text_to_image", {**DRAWING, "model": "own"})
    weights = next((folder / "vae").glob("*.safetensors"))
    save_file({name: tensor * 1.01 for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    verdict, job_id = reproduced(studio, work, record)

    assert not verdict.identical
    assert verdict.distance is not None
    with (
        Image.open(io.BytesIO(studio.gallery.png(record.id))) as one,
        Image.open(files_of(studio.settings.home, job_id)[1]) as two,
    ):
        apart = np.abs(np.asarray(one).astype(int) - np.asarray(two))
    assert verdict.distance.largest == apart.max()
    assert verdict.distance.mean == pytest.approx(apart.mean())
    assert [each.what for each in verdict.differences] == ["the hash of the model's vae"]
    said = json.loads(files_of(studio.settings.home, job_id)[0].read_text())
    assert said["identical"] is False
    assert said["distance"]["largest"] == apart.max()

    first, again = keep(studio.gallery, studio.job(job_id)), keep(studio.gallery, studio.job(job_id))
    assert first == again
    assert studio.gallery.count() == 2
    assert first.recipe.model["weights"] != record.recipe.model["weights"]


def test_what_cannot_be_run_again_is_said_before_anything_runs(studio: Studio, work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    shutil.copytree(studio.settings.weights_dir / "mini", folder)
    studio.add_model(str(folder), "gone")
    kept = studio.add_photo(photo(), "photo.png")
    record = made(studio, work, "image_to_image", {**DRAWING, "image": kept, "model": "gone"})
    studio.photos.path(kept.id).unlink()
    shutil.rmtree(folder)
    with pytest.raises(InvalidRequest) as caught:
        studio.submit(of_picture(studio.gallery, studio.kinds, record.id))
    assert {problem.field for problem in caught.value.problems} == {"model", "image"}

    picture = Image.new("RGB", (8, 8))
    sheet = studio.gallery.save(picture, replace(recipe(), kind="grid"))
    strange = studio.gallery.save(picture, replace(recipe(), kind="of_the_future"))
    broken = studio.gallery.save(picture, replace(recipe(), kind="text_to_image", request={"prompt": 4}))
    seedless = {**record.recipe.request, "seed": None}
    no_seed = studio.gallery.save(picture, replace(record.recipe, request=seedless))
    for each, words in ((sheet, "sheet"), (strange, "of_the_future"), (broken, "version"), (no_seed, "seed")):
        with pytest.raises(InvalidRequest, match=words):
            of_picture(studio.gallery, studio.kinds, each.id)
    with pytest.raises(ImageNotFound):
        of_picture(studio.gallery, studio.kinds, record.id, owner="somebody else")
    studio.gallery.path(record.id).unlink()
    with pytest.raises(GalleryError, match="file"):
        of_picture(studio.gallery, studio.kinds, record.id)
    assert not studio.jobs(kind="reproduce")


def test_a_picture_that_goes_while_it_waits_fails_in_words(studio: Studio, work: Work) -> None:
    record = made(studio, work, "text_to_image", DRAWING)
    job = studio.submit(of_picture(studio.gallery, studio.kinds, record.id))
    studio.gallery.path(record.id).write_bytes(b"other")
    work()
    assert studio.job(job.id).state == FAILED
    assert "changed since it was saved" in str(studio.job(job.id).error)


def test_distances_are_those_of_the_pixels() -> None:
    black = np.zeros((2, 2, 3), np.uint8)
    spot = black.copy()
    spot[0, 0] = (255, 0, 0)
    assert distance(black, black) == Distance(0, 0.0, 0.0)
    assert distance(spot, black) == distance(black, spot) == Distance(255, 255 / 12, 0.25)
    assert distance(black, black[:1]) is None


def test_only_what_a_recipe_says_can_differ() -> None:
    def lora(letter: str) -> dict:
        return {"loras": [{"name": "ink", "sha256": letter * 64}], "device": "a T4"}

    old = {**lora("a"), "software": {"torch": "1"}, "model": None, "environment": {"threads": 4}}
    new = {**lora("b"), "software": {"torch": "2", "peft": "1"}, "environment": {"threads": 1, "instructions": "AVX2"}}
    assert [str(each) for each in differences(old, new)] == [
        "torch's version (1 then, 2 now)",
        "number of threads (4 then, 1 now)",
        "the LoRA ink's hash (aaaaaaaaaaaa then, bbbbbbbbbbbb now)",
    ]
    assert unrecorded(old, new) == ["peft's version", "the machine's instructions"]
    assert differences({}, new) == []


@pytest.mark.parametrize("backend", [TORCH, pytest.param(OPENVINO, marks=needs_openvino)])
def test_the_recipe_says_how_many_threads_there_were(studio: Studio, work: Work, backend: str) -> None:
    environment = made(studio, work, "text_to_image", {**DRAWING, "backend": backend}).recipe.environment
    assert environment["threads"] == (torch.get_num_threads() if backend == TORCH else threads())
