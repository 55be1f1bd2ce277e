"""Translation jobs: photos in, pictures with their whole recipe out, through the real worker code."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import InvalidRequest, PhotoRefused
from engine.jobs.context import JobContext
from engine.jobs.schema import CANCELLED, DRAW, FAILED, SUCCEEDED
from engine.kept_photos import PhotoRef
from engine.kinds import KINDS
from engine.studio import Studio
from engine.translation.catalogue import Sidecar, own_folder
from engine.translation.checkpoints import save_translator
from engine.translation.classical import illustrate
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver
from engine.translation.painter.paint import painted
from engine.translation.painting import VERSION, Painting
from engine.translation.request import Translate, translate
from engine.translation.styling import Styling
from engine.worker import Worker, device_work
from gallery.metadata import read_digital_source

Work = Callable[[], None]


def photo_file(seed: int = 0, size: tuple[int, int] = (50, 34)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def tiny(studio: Studio) -> str:
    """An imported NijiGAN, small enough for tests."""
    torch.manual_seed(0)
    sidecar = Sidecar(
        architecture="nijigan",
        settings={"width": 4, "blocks": 2, "solver": {"method": "euler", "steps": 1}, "refinement": {"radius": 3}},
        title="Tiny",
        native_size=256,
        channel_order="rgb",
        licence="MIT",
        non_commercial=False,
        source="a test",
        source_sha256="",
        sha256="",
    )
    model = Generator(Architecture(width=4, blocks=2), Solver("euler"))
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter, 0.3)
    save_translator(own_folder(studio.settings) / "tiny.safetensors", model.state_dict(), sidecar)
    return "tiny"


def pixels(studio: Studio, image_id: str) -> np.ndarray:
    with Image.open(io.BytesIO(studio.gallery.png(image_id))) as image:
        return np.asarray(image.convert("RGB"), dtype=int)


def test_photos_become_pictures_with_their_recipe(studio: Studio, tiny: str, work: Work) -> None:
    photos = tuple(studio.add_photo(photo_file(seed), f"../{seed}.png") for seed in range(2))
    assert [photo.name for photo in photos] == ["0.png", "1.png"]
    job = studio.submit(Translate(photos=photos, translator=tiny))
    work()
    assert studio.job(job.id).state == SUCCEEDED
    first, second = studio.gallery.of_job(job.id)
    assert (first.width, first.height) == (50, 34)
    assert (first.title, second.title) == ("0.png", "1.png")
    recipe = first.recipe
    assert KINDS.read(recipe.kind, recipe.request) == Translate(photos=photos[:1], translator=tiny)
    assert recipe.model["solver"] == {"method": "euler", "steps": 1}
    assert recipe.model["nfe"] == 2
    assert recipe.model["refinement"] == {"radius": 3, "epsilon": 0.001, "calm": 0.02, "sharpness": 1.25}
    assert recipe.model["sha256"]
    assert studio.photos.png(recipe.request["photos"][0]["id"])
    for data in (studio.gallery.path(first.id).read_bytes(), studio.gallery.jpg(first.id)):
        assert read_digital_source(data) == "compositeWithTrainedAlgorithmicMedia"


def test_the_same_request_gives_the_same_pixels(studio: Studio, tiny: str, work: Work) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    jobs = [studio.submit(Translate(photos=(photo,), translator=tiny)) for _ in range(2)]
    work()
    images = [pixels(studio, studio.gallery.of_job(job.id)[0].id) for job in jobs]
    assert np.array_equal(*images)


def one(studio: Studio, work: Work, photo: PhotoRef, translator: str, **options: object) -> np.ndarray:
    job = studio.submit(Translate(photos=(photo,), translator=translator, **options))
    work()
    job = studio.job(job.id)
    assert job.state == SUCCEEDED, job.error
    return pixels(studio, studio.gallery.of_job(job.id)[0].id)


def test_strength_blends_photo_and_translation(studio: Studio, tiny: str, work: Work) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    with Image.open(io.BytesIO(photo_file())) as image:
        original = np.asarray(image.convert("RGB"), dtype=int)
    whole, half, none = (one(studio, work, photo, tiny, strength=s) for s in (1.0, 0.5, 0.0))
    assert np.array_equal(none, original)
    assert np.abs(half - (whole + original) / 2).max() <= 1


def test_solvers_are_chosen_per_request(studio: Studio, tiny: str, work: Work) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    quick, exact = one(studio, work, photo, tiny), one(studio, work, photo, tiny, solver="dopri5")
    assert not np.array_equal(quick, exact)
    assert np.array_equal(one(studio, work, photo, tiny), quick)


def test_the_long_side_limits_the_picture(studio: Studio, tiny: str, work: Work) -> None:
    photo = studio.add_photo(photo_file(size=(200, 120)), "a.png")
    assert one(studio, work, photo, tiny, long_side=100).shape == (60, 100, 3)
    assert one(studio, work, photo, tiny, long_side=400).shape == (120, 200, 3)


def test_the_classical_translator_needs_no_weights(studio: Studio, work: Work) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    fake = one(studio, work, photo, "classical")
    with Image.open(io.BytesIO(photo_file())) as image:
        tensor = torch.from_numpy(np.asarray(image.convert("RGB")).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    expected = ((illustrate(tensor)[0].permute(1, 2, 0).numpy() + 1) * 127.5).round()
    assert np.abs(fake - expected).max() <= 1


def test_the_painter_paints_as_the_recipe_says(studio: Studio, work: Work) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    painting = Painting(mood="golden hour", detail=0.2, light=0.9, line=0.0, colour=1.0)
    fake = one(studio, work, photo, "painter", painting=painting)
    with Image.open(io.BytesIO(photo_file())) as image:
        assert np.array_equal(fake, painted(np.asarray(image.convert("RGB")), painting))
    record = studio.gallery.of_job(studio.jobs()[0].id)[0]
    again = studio.kinds.read("translate", record.recipe.request)
    assert again.painting == painting
    assert record.recipe.software["painter"] == VERSION


def test_what_is_no_painting_is_refused_in_words(studio: Studio) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    with pytest.raises(InvalidRequest) as refusal:
        Translate(photos=(photo,), painting=Painting(mood="dawn", detail=2, light=float("nan"), colour="much"))
    assert [problem.field for problem in refusal.value.problems] == ["mood", "detail", "light", "colour"]
    with pytest.raises(InvalidRequest, match="Classical does not paint"):
        studio.submit(Translate(photos=(photo,), translator="classical", painting=Painting(light=1.0)))
    earlier = {key: value for key, value in Translate(photos=(photo,)).to_dict().items() if key != "painting"}
    assert translate(earlier) == Translate(photos=(photo,))


def test_neural_style_takes_a_style(studio: Studio, work: Work) -> None:
    photo, style = (studio.add_photo(photo_file(seed, (64, 48)), "a.png") for seed in (0, 5))
    with pytest.raises(InvalidRequest, match="takes its style from a picture"):
        studio.submit(Translate(photos=(photo,), translator="neural-style"))
    fake = one(studio, work, photo, "neural-style", style=style, style_steps=10)
    assert fake.shape == (48, 64, 3)
    blend = Styling(more_styles=(photo,), shares=(1.0, 3.0))
    blended = one(studio, work, photo, "neural-style", style=style, style_steps=10, styling=blend)
    assert not np.array_equal(fake, blended)
    recipe = studio.gallery.of_job(studio.jobs()[0].id)[0].recipe
    assert [(parent["role"], parent["photo"]) for parent in recipe.parents] == [
        ("photo", photo.id),
        ("style", style.id),
        ("style", photo.id),
    ]
    assert set(recipe.model["losses"]) == {"content", "style", "variation", "total"}
    assert KINDS.read(recipe.kind, recipe.request).styling == blend


def test_what_neural_style_is_asked_for_is_checked(studio: Studio) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    with pytest.raises(InvalidRequest, match="Painter takes no style, so what was chosen for neural style"):
        studio.submit(Translate(photos=(photo,), styling=Styling(start="noise")))
    lost = Styling(more_styles=(PhotoRef("0" * 64, "lost.png"),))
    with pytest.raises(InvalidRequest, match=r"lost.png is not kept here any more"):
        studio.submit(Translate(photos=(photo,), translator="neural-style", style=photo, styling=lost))
    values = {"photos": (photo,), "translator": "neural-style", "styling": {"optimizer": "SGD"}}
    with pytest.raises(InvalidRequest) as refusal:
        studio.request("translate", values)
    assert [problem.field for problem in refusal.value.problems] == ["optimizer", "style"]


def test_refuses_what_cannot_be_done(studio: Studio, tiny: str) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    with pytest.raises(InvalidRequest, match="named 'shinkai'; known are: painter, classical, tiny, neural-style"):
        studio.submit(Translate(photos=(photo,), translator="shinkai"))
    with pytest.raises(InvalidRequest, match="There must be a photo"):
        Translate(photos=(), translator=tiny)
    gone = PhotoRef("0" * 64, "gone.png")
    with pytest.raises(InvalidRequest, match=r"gone.png is not kept here any more"):
        studio.submit(Translate(photos=(gone,), translator=tiny))
    with pytest.raises(PhotoRefused, match=r"notes.txt is not a PNG"):
        studio.add_photo(b"words", "notes.txt")


class Listening(JobContext):
    """Keeps stage, step and steps of everything that a job reports."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.said: list[tuple[str, int, int]] = []

    def report(self, stage: str, step: int = 0, steps: int = 0, preview: Callable | None = None) -> None:
        super().report(stage, step, steps, preview)
        self.said.append((stage, step, steps))


def progress_of(studio: Studio, *photos: PhotoRef, **options: Any) -> list[tuple[str, int, int]]:
    worker, said = Worker(studio.settings, studio.database), []
    _, handlers = device_work(studio.settings, worker.queue, studio.database)

    def translate(context: JobContext) -> None:
        listening = Listening(context.claim, context._heartbeat, context._must_leave)
        handlers[Translate.kind](listening)
        said.extend(listening.said)

    job = studio.submit(Translate(photos=photos, **options))
    assert worker.run_one(DRAW, handlers | {Translate.kind: translate})
    assert studio.job(job.id).state == SUCCEEDED
    return said


def test_progress_begins_before_the_first_step(studio: Studio) -> None:
    photo = studio.add_photo(photo_file(0, (64, 48)), "a.png")
    said = progress_of(studio, photo, translator="neural-style", style=photo, style_steps=10)
    stage = "Translating photo"
    about = said[1][0]
    assert re.fullmatch(rf"{stage} \(about \d+ s in all\)", about)
    assert said[:4] == [("Loading the translator", 0, 0), (about, 0, 0), (about, 0, 10), (stage, 1, 10)]
    assert said[-1] == (stage, 10, 10)


def test_progress_counts_no_steps_that_there_are_not(studio: Studio) -> None:
    photos = [studio.add_photo(photo_file(seed), f"{seed}.png") for seed in range(2)]
    assert {said[1:] for said in progress_of(studio, photos[0])} == {(0, 0)}
    said = progress_of(studio, *photos)
    assert re.fullmatch(r"Translating photo 1 of 2 \(about \d+ s in all\)", said[1][0])
    assert said[1][1:] == (0, 200)
    assert said[-1] == ("Translating photo 2 of 2", 200, 200)


def test_a_lost_photo_fails_in_words_and_keeps_the_others(studio: Studio, tiny: str, work: Work) -> None:
    photos = tuple(studio.add_photo(photo_file(seed), f"{seed}.png") for seed in range(3))
    job = studio.submit(Translate(photos=photos, translator=tiny))
    studio.photos.path(photos[1].id).unlink()
    work()
    job = studio.job(job.id)
    assert job.state == FAILED
    assert "Put it back, or upload it again" in (job.error or "")
    assert (job.error or "").startswith("1.png: ")
    assert [image.title for image in studio.gallery.of_job(job.id)] == ["0.png", "2.png"]


def test_a_batch_stops_between_two_photos(studio: Studio, tiny: str, work: Work) -> None:
    photo = studio.add_photo(photo_file(size=(600, 450)), "a.png")
    photos = (photo,) * 20  # together far longer than a worker takes to hear of a cancelled job
    job = studio.submit(Translate(photos=photos, translator="classical"))
    save = studio.gallery.files.write

    def cancel_then_write(path: Path, data: bytes, **more: bool) -> None:
        studio.cancel(job.id)
        save(path, data, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gallery.files.ImageFiles.write", lambda self, *given, **more: cancel_then_write(*given, **more))
        work()
    assert studio.job(job.id).state == CANCELLED
    assert 0 < len(studio.gallery.of_job(job.id)) < 20


def test_a_very_long_photo_is_brought_to_what_the_gallery_keeps(studio: Studio, work: Work) -> None:
    photo = studio.add_photo(photo_file(size=(9000, 40)), "wide.png")
    job = studio.submit(Translate(photos=(photo,), translator="classical"))
    work()
    (image,) = studio.gallery.of_job(job.id)
    assert image.width == 8192
    assert "works at 8192 pixels" in studio.job(job.id).notes[0]


def test_a_solver_needs_something_to_solve(studio: Studio) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    with pytest.raises(InvalidRequest, match="Classical solves nothing, so it takes no solver; got rk4"):
        studio.submit(Translate(photos=(photo,), translator="classical", solver="rk4"))


def test_a_damaged_translator_is_said(studio: Studio, tiny: str, work: Work) -> None:
    photo = studio.add_photo(photo_file(), "a.png")
    path: Path = own_folder(studio.settings) / f"{tiny}.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    job = studio.submit(Translate(photos=(photo,), translator=tiny))
    work()
    assert "changed or damaged" in (studio.job(job.id).error or "")
