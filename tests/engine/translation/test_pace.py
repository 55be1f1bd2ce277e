"""How long photos take: earlier pictures say it, then rates; nothing is said where neither knows."""

import subprocess
import sys
from dataclasses import replace

import pytest

from engine.computing.names import openvino_version
from engine.rules import rough_duration
from engine.settings import OPENVINO, PROJECT, TORCH
from engine.translation import pace
from engine.translation.catalogue import ARCHITECTURES, DOES, WITHOUT_WEIGHTS, Translator
from engine.translation.pace import Asked, Earlier, Estimate, estimate, in_words

NEURAL_STYLE, CLASSICAL, PAINTER = WITHOUT_WEIGHTS
NIJIGAN = replace(CLASSICAL, name="nijigan", architecture="nijigan", sha256="a" * 64)
SQUARE = (1000, 1000)


def recipe(info: Translator, seconds: object, device: str = "CPU", **request: object) -> dict[str, object]:
    model = {"name": info.name, "sha256": info.sha256 or None}
    return {"request": request, "model": model, "seconds": seconds, "device": device}


def test_every_translator_says_what_it_does_in_one_sentence() -> None:
    assert set(DOES) == {*ARCHITECTURES, *(known.architecture for known in WITHOUT_WEIGHTS)} == set(pace.RATES)
    assert all(text.endswith(".") and text.count(". ") == 0 and len(text) < 110 for text in DOES.values())


def test_work_grows_with_pixels_photos_and_steps() -> None:
    def seconds(info: Translator, *sizes: pace.Size, **asked: object) -> float:
        found = estimate(info, sizes, Asked(**asked))
        assert found is not None
        assert not found.here
        return found.seconds

    one = seconds(CLASSICAL, SQUARE)
    assert seconds(CLASSICAL, SQUARE, SQUARE) == pytest.approx(2 * one)
    assert seconds(CLASSICAL, SQUARE, long_side=500) < one < seconds(CLASSICAL, (2000, 1000))
    assert seconds(CLASSICAL, (2400, 2400)) == pytest.approx(seconds(CLASSICAL, (6000, 6000)))  # works at 2400 px
    larger, largest = seconds(PAINTER, (2400, 2400)), seconds(PAINTER, (4800, 4800))
    assert seconds(PAINTER, (1280, 1280)) < larger < largest < 4 * larger  # painted at 1280 px, then enlarged
    usual, by_pytorch = seconds(NIJIGAN, SQUARE), seconds(NIJIGAN, SQUARE, solver="euler", solver_steps=1)
    assert usual < by_pytorch if openvino_version() else usual == by_pytorch
    assert seconds(NIJIGAN, SQUARE, solver="dopri5") > 5 * by_pytorch
    few, many = (seconds(NEURAL_STYLE, SQUARE, style_steps=steps) for steps in (10, 110))
    assert many - few == pytest.approx(100 * 17 * 0.512**2)


def test_the_default_of_neural_style_on_a_cpu_takes_half_a_minute() -> None:
    steps, side = pace.style_defaults(accelerated=False)
    found = estimate(NEURAL_STYLE, [(512, 384)], Asked(side, steps))
    assert found is not None
    assert found.seconds <= 30
    assert pace.style_defaults(accelerated=True) == (150, 512)


def test_earlier_pictures_of_the_same_translator_and_device_say_it() -> None:
    earlier = pace.earlier_of(
        NIJIGAN,
        [
            (SQUARE, recipe(NIJIGAN, 4.0)),
            (SQUARE, recipe(NIJIGAN, 400.0, device="another")),
            (SQUARE, recipe(CLASSICAL, 900.0)),
            ((20, 20), recipe(NIJIGAN, 5.0)),
            (SQUARE, {"request": None, "model": [], "seconds": 1}),
            (SQUARE, recipe(NIJIGAN, "long")),
            (SQUARE, recipe(NIJIGAN, 10**400)),
            (SQUARE, recipe(NIJIGAN, 5.0, style_steps=10**400)),
            ((1400, 1000), recipe(NIJIGAN, 5.6)),
        ],
        "CPU",
    )
    assert [each.seconds for each in earlier] == [4.0, 5.6]
    assert estimate(NIJIGAN, [(500, 500)], Asked(backend=TORCH), earlier=earlier) == Estimate(1.0, here=True)
    if openvino_version():  # what PyTorch took says what OpenVINO will take
        quick = estimate(NIJIGAN, [(500, 500)], Asked(backend=OPENVINO), earlier=earlier)
        assert quick == Estimate(pytest.approx(pace.QUICK), here=True)
    other = replace(NIJIGAN, sha256="b" * 64)
    assert pace.earlier_of(other, [(SQUARE, recipe(NIJIGAN, 4.0))]) == []


def test_neural_styles_earlier_pictures_count_their_steps() -> None:
    earlier = [Earlier((1000, 500), 50.0, Asked(8192, 100))]
    found = estimate(NEURAL_STYLE, [(1000, 500)], Asked(1024, 20), earlier=earlier)
    assert found == Estimate(pytest.approx(10.0), here=True)


def test_a_gpu_without_pictures_promises_nothing_but_classical() -> None:
    assert estimate(NIJIGAN, [SQUARE], accelerated=True) is None
    assert estimate(CLASSICAL, [SQUARE], accelerated=True) is not None
    assert estimate(PAINTER, [SQUARE], accelerated=True) is not None
    assert estimate(replace(NIJIGAN, architecture="unknown"), [SQUARE]) is None


@pytest.mark.parametrize("asked", [Asked(-5, 0, "euler", 0), Asked(0, -1, "no such", -3)])
def test_values_that_are_refused_later_do_no_harm_here(asked: Asked) -> None:
    for info in (*WITHOUT_WEIGHTS, NIJIGAN):
        assert in_words(estimate(info, [SQUARE], asked), "this photo").startswith("About ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.1, "1 s"),
        (7.6, "8 s"),
        (27, "25 s"),
        (89, "90 s"),
        (97, "1 min 40 s"),
        (122, "2 min"),
        (174, "2 min 50 s"),
        (176, "3 min"),
        (3700, "1 h 2 min"),
    ],
)
def test_times_are_said_coarsely(seconds: float, text: str) -> None:
    assert rough_duration(seconds) == text
    assert in_words(Estimate(seconds, here=True), "this photo") == f"About {text} for this photo here."
    assert in_words(Estimate(seconds, here=False), "x") == f"About {text} for x on two CPU cores."
    assert in_words(None, "x") == "The first picture will show how long it takes here."


def test_the_size_of_a_kept_photo_is_in_its_header(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes([0, 0, 2, 0, 0, 0, 1, 128]))
    assert pace.size_of_photo(tmp_path / "a.png") == (512, 384)
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    assert pace.size_of_photo(tmp_path / "b.png") is None
    assert pace.size_of_photo(tmp_path / "none.png") is None
    assert [pace.counted(photos) for photos in (1, 3)] == ["this photo", "these 3 photos"]


def test_large_photos_count_the_borders_of_their_tiles_and_their_statistics() -> None:
    def seconds(size: pace.Size, backend: str) -> float:
        found = estimate(NIJIGAN, [size], Asked(backend=backend))
        assert found is not None
        return found.seconds

    for backend, more in ((TORCH, 1.1), (OPENVINO, 1.2 if openvino_version() else 1.1)):
        assert seconds((6000, 4000), backend) > more * 24 * seconds(SQUARE, backend)
        assert seconds((1200, 1200), backend) < 1.45 * seconds(SQUARE, backend)  # in one piece


def test_a_solver_of_many_steps_sees_further_so_its_tiles_are_smaller() -> None:
    def seconds(size: pace.Size, steps: int) -> float:
        found = estimate(NIJIGAN, [size], Asked(solver="euler", solver_steps=steps))
        assert found is not None
        return found.seconds

    large, whole = ([seconds(size, steps) for steps in (1, 10)] for size in ((6000, 4000), (1200, 1200)))
    assert large[1] / large[0] > 3 * whole[1] / whole[0]


def test_a_header_without_a_size_says_nothing(tmp_path) -> None:
    path = tmp_path / "zeros.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    assert pace.size_of_photo(path) is None


def test_the_first_picture_says_that_the_translator_is_made_ready() -> None:
    first = Estimate(8.0, here=False).with_readying()
    assert first.seconds == 8.0 + pace.READYING
    assert in_words(first, "x") == "About 15 s for x on two CPU cores, with making the translator ready, once."


def test_times_need_no_torch() -> None:
    code = "import sys, engine.translation.pace; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
