"""Upscaling jobs: pictures in, larger pictures with their whole recipe out, through the real worker code."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.errors import InvalidRequest
from engine.jobs.schema import CANCELLED, FAILED, SUCCEEDED
from engine.kept_photos import PhotoRef
from engine.kinds import KINDS
from engine.studio import Studio
from engine.upscaling.catalogue import LOOKED_AT, own_folder
from engine.upscaling.request import Upscale
from gallery.metadata import read_digital_source
from tests.gallery.samples import picture, recipe
from tests.tiny_upscaler import save_compact, save_esrgan, save_swinir, tiny_compact

Work = Callable[[], None]


def photo_file(seed: int = 0, size: tuple[int, int] = (50, 34)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def pixels(studio: Studio, image_id: str) -> np.ndarray:
    with Image.open(io.BytesIO(studio.gallery.png(image_id))) as image:
        return np.asarray(image)


def by_hand(data: bytes, factor: int) -> np.ndarray:
    """What the tiny network in the shipped one's place makes of a picture, as a whole."""
    with Image.open(io.BytesIO(data)) as image:
        small = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None] / 255
    large = tiny_compact()(small)
    if factor == 2:
        large = torch.nn.functional.avg_pool2d(large, 2)
    return large.clamp(0, 1)[0].permute(1, 2, 0).mul(255).numpy()


@pytest.mark.parametrize("factor", [2, 4])
def test_pictures_become_larger_with_their_recipe(studio: Studio, work: Work, factor: int) -> None:
    photos = tuple(studio.add_photo(photo_file(seed), f"{seed}.png") for seed in range(2))
    job = studio.submit(Upscale(photos=photos, factor=factor))
    assert studio.title(job) == f"{factor}x of 2 pictures: 0.png, 1.png"
    work()
    assert studio.job(job.id).state == SUCCEEDED
    first, second = studio.gallery.of_job(job.id)
    assert (first.width, first.height) == (50 * factor, 34 * factor)
    assert np.abs(pixels(studio, first.id) - by_hand(photo_file(0), factor)).max() <= 0.51
    assert (first.title, second.title) == ("0.png", "1.png")
    assert KINDS.read(first.recipe.kind, first.recipe.request) == Upscale(photos=photos[:1], factor=factor)
    facts = first.recipe.model
    assert (facts["name"], facts["scale"], facts["licence"][:12]) == ("realesr-animevideov3", 4, "BSD 3-Clause")
    assert len(facts["sha256"]) == 64
    assert read_digital_source(studio.gallery.png(first.id)) == "compositeWithTrainedAlgorithmicMedia"


def test_a_recipe_gives_the_same_pixels_again(studio: Studio, work: Work) -> None:
    job = studio.submit(Upscale(photos=(studio.add_photo(photo_file(), "a.png"),), factor=4))
    work()
    (first,) = studio.gallery.of_job(job.id)
    again = studio.submit(KINDS.read(first.recipe.kind, first.recipe.request))
    work()
    (second,) = studio.gallery.of_job(again.id)
    assert np.array_equal(pixels(studio, first.id), pixels(studio, second.id))


def test_a_picture_of_the_gallery_is_enlarged_under_its_title(studio: Studio, work: Work) -> None:
    drawn = studio.gallery.save(picture(size=(24, 16), mode="RGBA"), recipe("a castle\non a mountain"))
    chosen = studio.start_from(drawn.id)
    assert (chosen.image, chosen.name) == (drawn.id, "a castle\non a mountain")
    job = studio.submit(Upscale(photos=(chosen,)))
    work()
    (large,) = studio.gallery.of_job(job.id)
    assert (large.width, large.height, large.title) == (48, 32, "a castle\non a mountain")
    assert large.recipe.parents == ({"role": "original", "image": drawn.id, "photo": chosen.id},)
    assert [child.id for child in studio.gallery.children(drawn.id)] == [large.id]
    assert read_digital_source(studio.gallery.png(large.id)) == "trainedAlgorithmicMedia"


def test_of_a_job_that_was_interrupted_only_the_rest_is_done(studio: Studio, work: Work) -> None:
    photos = tuple(studio.add_photo(photo_file(seed), f"{seed}.png") for seed in range(2))
    job = studio.submit(Upscale(photos=photos))
    kept = studio.gallery.save(picture(), recipe(), job_id=job.id, job_index=0)
    work()
    first, second = studio.gallery.of_job(job.id)
    assert first.id == kept.id
    assert second.title == "1.png"


def test_one_picture_that_is_gone_leaves_the_others(studio: Studio, work: Work) -> None:
    photos = tuple(studio.add_photo(photo_file(seed), f"{seed}.png") for seed in range(2))
    job = studio.submit(Upscale(photos=photos))
    studio.photos.path(photos[0].id).unlink()
    work()
    ended = studio.job(job.id)
    assert ended.state == FAILED
    assert ended.error.startswith("0.png: The photo ")
    assert [record.title for record in studio.gallery.of_job(job.id)] == ["1.png"]


def test_a_batch_stops_between_tiles_and_the_next_job_runs(studio: Studio, work: Work) -> None:
    small = studio.add_photo(photo_file(), "a.png")
    large = studio.add_photo(photo_file(1, (1900, 1900)), "b.png")  # far longer than a worker takes to hear of it
    job = studio.submit(Upscale(photos=(small, large), factor=4))
    after = studio.submit(Upscale(photos=(small,)))
    save = studio.gallery.files.write

    def cancel_then_write(path: Path, data: bytes, **more: bool) -> None:
        studio.cancel(job.id)
        save(path, data, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gallery.files.ImageFiles.write", lambda self, *given, **more: cancel_then_write(*given, **more))
        work()
    assert studio.job(job.id).state == CANCELLED
    assert [record.title for record in studio.gallery.of_job(job.id)] == ["a.png"]
    assert studio.job(after.id).state == SUCCEEDED


KEPT = PhotoRef("ab" * 32, "a.png")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"photos": ()}, "There must be a picture"),
        ({"photos": (KEPT,) * 51}, "At most 50 pictures go into one job; got 51"),
        ({"photos": (PhotoRef("x", "a.png"),)}, "a.png must be kept first"),
        ({"factor": 3}, "Factor must be 2 or 4 times; got 3"),
        ({"factor": True}, "got True"),
        ({"factor": [2]}, r"got \[2\]"),
        ({}, "a.png is not kept here any more"),
        ({"upscaler": "other"}, "no upscaler named 'other'; known are: realesr-animevideov3"),
        ({"upscaler": ["a"]}, "named by a text"),
        ({"factor": 4.0}, "got 4.0"),
    ],
)
def test_what_cannot_be_asked_is_said_at_once(studio: Studio, changes: dict, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        studio.submit(studio.request(Upscale.kind, {"photos": (KEPT,), "factor": 2, **changes}))


@pytest.mark.parametrize(
    ("size", "factor", "advice"),
    [((4100, 20), 4, "16400x80. Choose factor 2"), ((16, 8200), 2, "32x16400. Make it smaller first")],
)
def test_what_the_gallery_would_not_keep_is_refused_with_the_numbers(
    studio: Studio, size: tuple[int, int], factor: int, advice: str
) -> None:
    photo = studio.add_photo(photo_file(size=size), "a.png")
    with pytest.raises(InvalidRequest, match=f"16,383 on a side; a.png has {size[0]}x{size[1]}, .* {advice}"):
        studio.submit(Upscale(photos=(photo,), factor=factor))


# -- the artist's own


def listed(studio: Studio, name: str):
    return next(info for info in studio.upscalers() if info.name == name)


@pytest.mark.parametrize(("save", "scale"), [(save_compact, 8), (save_esrgan, 2), (save_swinir, 2)])
def test_own_networks_enlarge_by_both_factors(studio: Studio, work: Work, save: Callable, scale: int) -> None:
    save(own_folder(studio.settings) / "mine.safetensors", scale)
    assert listed(studio, "mine").scale is None
    photo = studio.add_photo(photo_file(size=(20, 16)), "a.png")
    jobs = [studio.submit(Upscale(photos=(photo,), factor=factor, upscaler="mine")) for factor in (2, 4)]
    work()
    assert [studio.job(job.id).state for job in jobs] == [SUCCEEDED] * 2, studio.job(jobs[0].id).error
    sizes = [(each.width, each.height) for job in jobs for each in studio.gallery.of_job(job.id)]
    assert sizes == [(40, 32), (80, 64)]
    assert listed(studio, "mine").scale == scale
    assert listed(studio, "mine").architecture in ("ESRGAN", "RealESRGAN Compact", "SwinIR")


def unsupported(path):
    save_file({"something.weight": torch.ones(3, 3)}, path)


def one_channel(path):
    save_esrgan(path, channels=1)


def not_enlarging(path):
    save_compact(path, scale=1)


def cut_apart(path):
    tensors = tiny_compact().state_dict()
    tensors["body.2.weight"] = torch.ones(5, 5, 3, 3)
    save_file(tensors, path)


def not_finite(path):
    tensors = tiny_compact().state_dict()
    save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in tensors.items()}, path)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (unsupported, "mine.safetensors must hold a network of a kind that spandrel knows"),
        (one_channel, "must take and give 3 channels, red, green and blue; it has 1 to 1"),
        (not_enlarging, "must enlarge 2 to 8 times; it does 1"),
        (cut_apart, "does not fit it"),
        (not_finite, "not finite"),
    ],
)
def test_files_of_another_kind_are_refused_in_words_and_then_listed_so(
    studio: Studio, work: Work, write: Callable, words: str
) -> None:
    path = own_folder(studio.settings) / "mine.safetensors"
    path.parent.mkdir(parents=True)
    write(path)
    photo = studio.add_photo(photo_file(size=(16, 16)), "a.png")
    job = studio.submit(Upscale(photos=(photo,), upscaler="mine"))
    work()
    assert studio.job(job.id).state == FAILED
    assert words in studio.job(job.id).error
    assert words in listed(studio, "mine").problem
    with pytest.raises(InvalidRequest, match="mine cannot be used"):
        studio.submit(Upscale(photos=(photo,), upscaler="mine"))

    save_compact(path)  # another file under its name is looked at anew
    assert not listed(studio, "mine").problem


def test_another_file_under_the_name_of_the_warm_one_is_read(studio: Studio, work: Work) -> None:
    path = own_folder(studio.settings) / "mine.safetensors"
    save_compact(path)
    photo = studio.add_photo(photo_file(size=(16, 16)), "a.png")
    request = Upscale(photos=(photo,), upscaler="mine")
    first = studio.submit(request)
    work()
    fainter = {name: tensor / 2 for name, tensor in tiny_compact().state_dict().items()}
    save_file(fainter, path)
    second = studio.submit(request)
    work()
    (before,), (after,) = (studio.gallery.of_job(job.id) for job in (first, second))
    assert after.recipe.model["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not np.array_equal(pixels(studio, before.id), pixels(studio, after.id))


def test_what_is_seen_from_outside_is_said_in_the_list(studio: Studio, work: Work) -> None:
    folder = own_folder(studio.settings)
    folder.mkdir(parents=True)
    (folder / "old.pth").write_bytes(b"PK\x03\x04")
    (folder / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    save_file({"body.0.weight": torch.ones(2, dtype=torch.float64)}, folder / "double.safetensors")
    save_compact(folder / "realesr-animevideov3.safetensors")
    (folder / "notes.txt").write_text("mine")
    (folder / LOOKED_AT).write_text("[]")
    problems = {info.name: info.problem for info in studio.upscalers()}
    assert "is a pickle, which can run programs" in problems.pop("old")
    assert "cut short" in problems.pop("cut")
    assert "F64" in problems.pop("double")
    assert problems == {"realesr-animevideov3": "", "realesr-animevideov3 (safetensors)": ""}


def test_a_factor_that_a_network_cannot_reach_is_refused_in_words(studio: Studio, work: Work) -> None:
    save_compact(own_folder(studio.settings) / "three.safetensors", 3)
    photo = studio.add_photo(photo_file(size=(20, 16)), "a.png")
    fits, too_far = (studio.submit(Upscale(photos=(photo,), factor=each, upscaler="three")) for each in (2, 4))
    work()
    assert studio.job(fits.id).state == SUCCEEDED
    assert "three enlarges 3 times, in one pass or two; got factor 4" in studio.job(too_far.id).error
    with pytest.raises(InvalidRequest, match="got factor 4"):
        studio.submit(Upscale(photos=(photo,), factor=4, upscaler="three"))


def test_a_shipped_upscaler_that_is_missing_is_said(studio: Studio, tmp_path) -> None:
    from dataclasses import replace

    from engine.upscaling.catalogue import upscalers

    (info,) = upscalers(replace(studio.settings, weights_dir=tmp_path))
    assert "is not in" in info.problem
