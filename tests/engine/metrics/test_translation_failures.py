"""Each kind of failure is measured where it was made, and the photo itself has none."""

import cv2
import numpy as np
import pytest

from engine.metrics.translation_failures import FAILURES

SIDE = 128


def scene() -> np.ndarray:
    """A flat sky, darker land that is not flat, a cable, a white wall and skin."""
    picture = np.full((SIDE, SIDE, 3), (150, 190, 235), np.uint8)
    land = np.random.default_rng(0).integers(40, 90, (SIDE - 70, SIDE, 1), dtype=np.uint8)
    picture[70:] = land
    picture[30, 10:110] = (40, 40, 50)
    picture[90:110, 10:40] = (245, 245, 245)
    picture[90:110, 60:90] = (205, 150, 120)
    return picture


def haloed() -> np.ndarray:
    picture = scene()
    picture[62:69] = (215, 240, 255)
    return picture


def blotted() -> np.ndarray:
    return cv2.circle(scene(), (90, 40), 20, (120, 235, 200), -1)


def doubled() -> np.ndarray:
    picture = scene()
    picture[64:66] = (30, 40, 50)
    return picture


def without_cable() -> np.ndarray:
    picture = scene()
    picture[30] = (150, 190, 235)
    return picture


def lifted() -> np.ndarray:
    return np.maximum(scene(), 130)


def tinted() -> np.ndarray:
    picture = scene()
    picture[90:110, 10:40] = (235, 235, 190)
    picture[90:110, 60:90] = (150, 190, 160)
    return picture


@pytest.mark.parametrize(
    ("name", "fake", "least", "of_the_photo"),
    [
        ("halo", haloed(), 2.0, 0.0),
        ("blob", blotted(), 2.0, 0.0),
        ("ghost", doubled(), 0.02, 0.0),
        ("thin_kept", without_cable(), -0.3, 1.0),
        ("light_order", 255 - scene(), -1.5, 1.0),
        ("night_lift", lifted(), 8.0, 0.0),
        ("skin_drift", tinted(), 40.0, 0.0),
        ("white_drift", tinted(), 15.0, 0.0),
    ],
)
def test_a_failure_is_measured_where_it_was_made(
    name: str, fake: np.ndarray, least: float, of_the_photo: float
) -> None:
    measure, photo = FAILURES[name], scene()
    assert measure(photo, photo) == pytest.approx(of_the_photo, abs=1e-6)
    change = measure(photo, fake) - of_the_photo
    assert abs(change) >= abs(least)
    assert change * least > 0


def test_one_colour_has_no_failures() -> None:
    plain = np.full((40, 60, 3), 90, np.uint8)
    perfect = {"thin_kept": 1.0, "light_order": 1.0}
    for name, measure in FAILURES.items():
        assert measure(plain, plain) == pytest.approx(perfect.get(name, 0.0), abs=1e-6)
