"""Kinds of photos that the painter once spoilt, each as a picture made for it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.translation.painter import clouds, fine, light, moods, sky, tint, twigs
from engine.translation.painter.paint import painted
from engine.translation.painter.pixels import lab_of, rgb_of
from engine.translation.painting import AS_PAINTED, MOODS

HEIGHT, WIDTH = 150, 200
SKY = np.float32([82, -4, -22])


def noise(strength: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, strength, (HEIGHT, WIDTH)).astype(np.float32)


def flat(*lab: float) -> np.ndarray:
    return np.broadcast_to(np.array(lab, np.float32), (HEIGHT, WIDTH, 3)).copy()


def pixels(lab: np.ndarray) -> np.ndarray:
    return (rgb_of(lab) * 255).round().astype(np.uint8)


def lab(picture: np.ndarray) -> np.ndarray:
    return lab_of(picture.astype(np.float32) / 255)


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    """A ramp from black to white with soft shapes, and a pale sky above: no colour anywhere."""
    picture = flat(0, 0, 0)
    picture[..., 0] = np.linspace(5, 85, WIDTH) + cv2.GaussianBlur(noise(60), (0, 0), 3)
    picture[:50, :, 0] = 80
    return np.repeat(pixels(picture)[..., :1], 3, 2)


def test_a_black_and_white_photo_stays_black_and_white(grey: np.ndarray) -> None:
    assert np.abs(lab(painted(grey))[..., 1:]).max() < 2


@pytest.mark.parametrize("mood", MOODS[1:])
def test_a_mood_over_a_black_and_white_photo_is_one_tint(grey: np.ndarray, mood: str) -> None:
    """Places of one lightness have one colour."""
    made = lab(painted(grey, replace(AS_PAINTED, mood=mood)))
    assert np.hypot(*made[..., 1:].mean((0, 1))) > 2
    for low in range(10, 90, 10):
        alike = made[(made[..., 0] >= low) & (made[..., 0] < low + 2)]
        assert not len(alike) or alike[:, 1:].std(0).max() < 1.5


def test_sepia_stays_sepia(grey: np.ndarray) -> None:
    sepia = (grey * np.array([1.0, 0.92, 0.8])).round().astype(np.uint8)
    made = lab(painted(sepia))
    bright = made[made[..., 0] > 40]
    assert bright[:, 2].min() > 4
    assert made[..., 2].min() > -2


def test_a_spot_of_colour_in_a_grey_photo_stays(grey: np.ndarray) -> None:
    spot = grey.copy()
    spot[90:110, 90:110] = (220, 90, 40)
    made = lab(painted(spot))
    assert made[95:105, 95:105, 1].min() > 20
    assert np.abs(made[120:, :60, 1:]).max() < 2


def test_photos_with_colours_are_left_alone() -> None:
    picture = flat(60, 4, 20)
    picture[:60] = (75, -3, -25)
    assert tint.colourless(picture).max() == 0
    made = rgb_of(picture)
    assert tint.kept(made, picture, moods.OF[MOODS[0]], 0.2) is made


def storm() -> np.ndarray:
    """A grey sky with darker clouds over a field."""
    picture = flat(66, 0, -6)
    picture[..., 0] += cv2.GaussianBlur(noise(150), (0, 0), 9)
    picture[100:] = (45, -18, 26)
    picture[100:, :, 0] += noise(7)[100:]
    return picture


def test_a_grey_storm_stays_one() -> None:
    before = lab(pixels(storm()))
    made = lab(painted(pixels(storm())))
    above = (slice(5, 90), slice(5, -5))
    assert made[above][..., 2].mean() > -13
    assert np.corrcoef(made[above][..., 0].ravel(), before[above][..., 0].ravel())[0, 1] > 0.8
    assert made[above][..., 0].std() > 0.6 * before[above][..., 0].std()


@pytest.mark.parametrize(
    ("usual", "bluest", "palest"),
    [((70, 0, -32), 1, 1), ((84, -4, -15), 1, 0.8), ((68, -2, -6), 0.05, 0), ((99, 0, -1), 0.6, 0.4)],
)
def test_the_skys_own_colour_and_lightness_say_how_blue_it_may_get(
    usual: tuple[float, float, float], bluest: float, palest: float
) -> None:
    surface, clouded = flat(*usual), flat(*usual)
    clouded[..., 0] += cv2.GaussianBlur(noise(150), (0, 0), 9)
    day, blue = sky.by_day(surface, sky.Sky(np.ones((HEIGHT, WIDTH), np.float32), clouded))
    assert day == 1
    assert palest <= blue <= bluest


def test_a_grey_sky_without_clouds_is_no_storm() -> None:
    even = flat(68, -2, -6)
    assert sky.by_day(even, sky.Sky(np.ones((HEIGHT, WIDTH), np.float32), even))[1] > 0.4


def test_a_sky_of_cloud_alone_keeps_its_greys() -> None:
    source = storm()[:100]
    made = clouds.overcast(source, 0.7, 0.2)
    assert np.abs(made[..., 0] - source[..., 0]).mean() < 3
    assert made[..., 2].mean() == pytest.approx(-6 * 1.28, abs=0.5)


def test_a_white_sky_goes_on_to_the_tower_without_a_rim() -> None:
    picture = flat(100, 0, 0)
    picture[:30, :60] = (95, -3, -8)
    towers = np.zeros((HEIGHT, WIDTH), bool)
    towers[30:, 60:90] = towers[60:, 130:150] = towers[110:] = True
    picture[towers] = (45, 3, 16)
    picture[towers, 0] += noise(6)[towers]
    made = lab(painted(pixels(picture), replace(AS_PAINTED, line=0)))
    beside = cv2.dilate(towers.astype(np.uint8), np.ones((9, 9))) - cv2.dilate(towers.astype(np.uint8), np.ones((3, 3)))
    further = 1 - cv2.dilate(towers.astype(np.uint8), np.ones((25, 25)))
    rows = slice(50, 100)
    near, far = (made[rows][part[rows] > 0] for part in (beside, further))
    assert np.linalg.norm(near.mean(0) - far.mean(0)) < 3


def wall(height: int, width: int, gap: int, share: float, stone: tuple[float, float, float]) -> np.ndarray:
    """A wall under a blue sky, with that share of its stones in another colour."""
    picture, rng = flat(76, -2, -30), np.random.default_rng(3)
    picture[60:] = (75, 2, 8) if share == 1 else (58, 2, 12)
    for row in range(60 + gap, HEIGHT - height, height + gap):
        for column in range(gap, WIDTH - width, width + gap):
            if rng.random() < share:
                picture[row : row + height, column : column + width] = stone
    return picture


def test_stones_of_the_skys_colour_are_no_sky() -> None:
    assert sky.found(wall(6, 10, 2, 0.25, (76, -2, -30)), 0.2).cover[80:].max() < 0.05


def test_bluish_stones_get_no_bright_blue() -> None:
    made = lab(painted(pixels(wall(4, 8, 3, 1, (60, 0, -6)))))[66:]
    assert made[made[..., 0] > 45][:, 2].min() > -17


def test_land_gets_no_blue_that_it_does_not_have() -> None:
    own = np.zeros((HEIGHT, WIDTH), np.float32)
    pale, dark, warm = flat(70, 4, -30), flat(20, 4, -20), flat(60, 5, 30)
    assert light.bounded(pale, own)[0, 0, 2] == pytest.approx(-light.LEAST_BLUE)
    assert light.bounded(pale, own - 20)[0, 0] == pytest.approx(pale[0, 0])
    for kept in (dark, warm):
        assert light.bounded(kept, own) == pytest.approx(kept)


def tree() -> tuple[np.ndarray, np.ndarray]:
    """(360, 480, 3) Lab: many thin branches, softened as a lens does, on a sky; and how far each place is tree."""
    share = np.zeros((720, 960), np.float32)
    rng = np.random.default_rng(5)
    for _ in range(420):
        start, turn = rng.uniform((0, 0), (520, 420)), rng.uniform(0, np.pi)
        end = start + 90 * np.array([np.sin(turn), np.cos(turn)])
        cv2.line(share, start[::-1].astype(int).tolist(), end[::-1].astype(int).tolist(), 1.0, int(rng.integers(1, 5)))
    share = cv2.GaussianBlur(cv2.resize(share, (480, 360), interpolation=cv2.INTER_AREA), (0, 0), 0.6)[..., None]
    picture = SKY * (1 - share) + np.float32([22, 3, 6]) * share
    picture[310:] = (40, -14, 22)
    picture[310:, :, 0] += np.random.default_rng(0).normal(0, 7, (50, 480))
    return picture.astype(np.float32), share[..., 0]


def test_no_pale_patch_stands_round_branches() -> None:
    picture, share = tree()
    made = lab(painted(pixels(picture), replace(AS_PAINTED, line=0)))
    gaps = share < 0.15
    rows, inside, outside = slice(20, 240), slice(20, 200), slice(320, 470)
    among, beside = (made[rows, part][gaps[rows, part]].mean(0) for part in (inside, outside))
    assert np.linalg.norm(among - beside) < 6
    assert made[rows, inside][share[rows, inside] > 0.8][:, 0].mean() < 50


def test_through_twigs_as_much_sky_is_seen_as_is_there() -> None:
    picture, share = tree()
    surface = np.broadcast_to(SKY, picture.shape)
    cover = np.zeros(picture.shape[:2], np.float32)
    cover[:310, 200:] = 1
    cover[share > 0.1] = 0
    seen = twigs.through(picture, surface, cover, 0.47)
    part = (slice(20, 240), slice(120, 195))
    assert seen[part][share[part] < 0.1].mean() > 0.7
    assert seen[part][share[part] > 0.9].mean() < 0.1
    wall = np.broadcast_to(np.float32([60, 4, 14]), picture.shape).copy()
    wall[..., 0] -= 25 * (np.random.default_rng(1).random(wall.shape[:2]) > 0.93)
    assert twigs.through(wall, surface, cover, 0.47)[part].mean() < 0.02


def test_a_cable_that_gets_fainter_is_not_torn() -> None:
    shape = np.abs(noise(0.004))
    shape[40, 20:180] = np.where(np.arange(160) % 20 < 12, 0.1, 0.04)
    shape[100, 20:24] = 0.04
    drawn = fine.unbroken(shape, 0.06, 0.025, 1.0)
    assert drawn[40, 20:180].all()
    assert drawn.sum() == 160


def test_a_bright_ground_with_dark_stones_is_seen_as_no_sky_far_from_it() -> None:
    picture = np.broadcast_to(np.float32([35, 4, 14]), (300, 400, 3)).copy()
    cover = np.zeros(picture.shape[:2], np.float32)
    cover[:, :40] = 1
    ground = np.random.default_rng(1).random((60, 360)) > 0.15
    picture[:, :40] = SKY
    picture[200:260, 40:][ground] = SKY
    seen = twigs.through(picture, np.broadcast_to(SKY, picture.shape), cover, 0.47)
    assert seen[200:260, 45:70].mean() > 0.2
    assert seen[200:260, 130:].max() == 0
