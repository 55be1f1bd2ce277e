"""What makes a painted background of a photo: lit clouds, lamplight, skies of a mood, flat walls."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.translation.painter import (
    clouds,
    dabs,
    fine,
    gaps,
    light,
    moods,
    regions,
    scene,
    sky,
    tones,
    water,
    windows,
)
from engine.translation.painter.paint import painted
from engine.translation.painter.pixels import lab_of, moved_down, rgb_of
from engine.translation.painting import AS_PAINTED, MOODS

HEIGHT, WIDTH = 150, 200
BLUE, WHITE, STONE = (62, -2, -40), (95, 0, 0), (70, 3, 12)
DAY, GOLDEN, NIGHT = (moods.OF[name] for name in MOODS)


def flat(*lab: float) -> np.ndarray:
    return np.broadcast_to(np.array(lab, np.float32), (HEIGHT, WIDTH, 3)).copy()


def pixels(lab: np.ndarray) -> np.ndarray:
    return (rgb_of(lab) * 255).round().astype(np.uint8)


def cloudy() -> tuple[np.ndarray, np.ndarray]:
    """A round cloud on a blue sky, and how much of it each place is."""
    cloud = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.ellipse(cloud, (100, 75), (70, 40), 0, 0, 360, 1.0, -1)
    cloud = cv2.GaussianBlur(cloud, (0, 0), 1)
    return (flat(*BLUE) * (1 - cloud[..., None]) + flat(*WHITE) * cloud[..., None]).astype(np.float32), cloud


def test_a_cloud_has_a_light_top_a_shaded_base_and_a_border_that_is_crisp_above() -> None:
    lab, cloud = cloudy()
    made = clouds.painted(lab, cloud, flat(*BLUE), DAY, 1.0, 0.5)
    top, base = made[40:52, 80:120], made[104:113, 80:120]
    assert top[..., 0].mean() > base[..., 0].mean() + 3
    assert base[..., 2].mean() < top[..., 2].mean() - 2  # lavender
    column = made[:, 90:110, 2].mean(1)
    above, below = (np.abs(np.diff(part)).max() for part in (column[:75], column[75:]))
    assert above > 1.3 * below


def test_a_sky_without_clouds_is_left_as_it_is() -> None:
    clear = flat(*BLUE)
    assert clouds.painted(clear, np.zeros((HEIGHT, WIDTH), np.float32), clear, DAY, 1.0, 0.5) is clear


def test_puffs_are_lit_from_above_and_the_left() -> None:
    puffs = dabs.tile(20, 20, 0.0, 0.6, 3)
    side = dabs.lit_side(puffs, (90, 120))
    assert -1.01 <= side.min() < -0.6 < 0.6 < side.max() <= 1.01
    assert np.corrcoef(side.ravel(), np.tile(puffs[1], (2, 2))[:90, :120].ravel())[0, 1] > 0.7


def test_rows_move_down_and_the_border_goes_on() -> None:
    rows = np.arange(5, dtype=np.float32)[:, None] + np.zeros((1, 3), np.float32)
    assert moved_down(rows, 2)[:, 0].tolist() == [0, 0, 0, 1, 2]
    assert moved_down(rows, -2)[:, 0].tolist() == [2, 3, 4, 4, 4]


def test_white_cloud_between_towers_is_sky_and_a_white_wall_is_none() -> None:
    lab, known = flat(*BLUE), np.zeros((HEIGHT, WIDTH), bool)
    lab[40:100] = WHITE
    lab[..., 2] = cv2.GaussianBlur(lab[..., 2], (0, 0), 9)  # a cloud's border is soft
    lab[..., 0] = cv2.GaussianBlur(lab[..., 0], (0, 0), 9)
    lab[60:, 60:75] = lab[60:, 120:135] = lab[100:] = (40, 4, 14)
    known[:50] = True
    found = gaps.between(known, lab, 0.5)
    assert found[62:84, 80:115].mean() > 0.9
    assert not found[62:, 60:75].any()
    assert not found[103:].any()
    wall = flat(*BLUE)
    wall[60:] = (92, 1, 2)
    known[:] = False
    known[:58] = True
    assert not gaps.between(known, wall, 0.5)[62:].any()


def facade() -> np.ndarray:
    """A wall with twelve windows and a gate."""
    lab = flat(*STONE)
    for row in (30, 60, 90):
        for column in (30, 60, 90, 120):
            lab[row : row + 8, column : column + 5] = (25, 0, 0)
    lab[60:, 150:190] = (20, 0, 0)
    return lab


def test_windows_are_small_dark_and_in_walls_and_a_lawn_has_none() -> None:
    nowhere = np.zeros((HEIGHT, WIDTH), np.float32)
    found = windows.windows(facade(), nowhere, 0.8)
    lit = sum(found[row + 4, column + 2] > 0.5 for row in (30, 60, 90) for column in (30, 60, 90, 120))
    assert 5 <= lit <= 12
    assert found[:, 145:].max() < 0.05
    assert found.mean() < 0.03
    lawn = facade()
    lawn[..., 1] -= 20
    assert windows.windows(lawn, nowhere, 0.8).max() == 0
    assert windows.windows(facade(), nowhere + 1, 0.8).max() == 0


def test_by_night_there_is_lamplight_in_windows() -> None:
    photo = np.tile(pixels(facade()), (4, 4, 1))
    photo[500:] = (60, 130, 40)
    photo[:60] = (90, 150, 230)
    made = lab_of(painted(photo, replace(AS_PAINTED, mood=MOODS[2])).astype(np.float32) / 255)
    warm = (made[..., 0] > 60) & (made[..., 2] > 20)
    assert 0.001 < warm.mean() < 0.04
    assert np.median(made[..., 0]) < 50


def test_water_takes_the_skys_colour_and_land_does_not() -> None:
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    cover[75:] = 1
    made = water.mirrored(flat(50, 4, 12), cover, DAY, 1.0)
    assert made[:70] == pytest.approx(flat(50, 4, 12)[:70])
    assert made[80, 0, 2] < 0
    assert made[..., 0].std() == 0


def test_a_golden_sky_is_violet_then_pink_then_gold() -> None:
    height = np.linspace(0, 1, 200, dtype=np.float32)[:, None]
    colours = GOLDEN.gradient(height)[:, 0]
    assert colours[0] == pytest.approx(GOLDEN.horizon)
    assert colours[-1] == pytest.approx(GOLDEN.top)
    middle = colours[np.abs(height[:, 0] ** 0.75 - moods.MIDDLE).argmin()]
    assert middle == pytest.approx(GOLDEN.middle, abs=0.5)
    assert np.hypot(*colours[:, 1:].T).min() > 20  # never grey


def test_at_a_golden_hour_all_of_the_land_gets_warm() -> None:
    grey = flat(60, 0, 0)
    assert light.graded(grey, GOLDEN, 0.5, 0.7)[0, 0, 2] > light.graded(grey, DAY, 0.5, 0.7)[0, 0, 2] + 8


def test_what_is_carried_comes_from_where_the_colours_fit() -> None:
    guide = np.zeros((96, 96, 3), np.float32) + 20
    guide[:, 37:] = 80
    small = np.zeros((48, 48, 3), np.float32) + 20
    small[:, 18:] = 80
    carried = np.where(small == 80, np.float32([10, 20, 30]), np.float32([90, 0, -30])).astype(np.float32)
    made = regions.with_borders(small, guide, carried)
    assert (made[:, :37] == (90, 0, -30)).all()
    assert (made[:, 37:] == (10, 20, 30)).all()


def test_faint_texture_gets_no_tones_and_shapes_do() -> None:
    region = np.full((96, 96), 50, np.float32)
    shape = np.sin(np.arange(96, dtype=np.float32) / 6)[None]
    weak, strong = (tones.toned(region, region + high * shape, 1.0, faint=(2, 5)) for high in (2, 12))
    assert weak.std() < 0.4 < 4 < strong.std()


def test_sunlit_clouds_say_that_a_dull_blue_sky_may_be_blue() -> None:
    surface, lit, storm = flat(55, -1, -18), flat(55, -1, -18), flat(55, 0, -6)
    lit[40:80, 40:140] = (76, 0, -4)
    storm[40:80, 40:140] = (58, 0, -4)
    cover = np.ones((HEIGHT, WIDTH), np.float32)
    day, blue = sky.by_day(surface, sky.Sky(cover, lit))
    assert day == 1
    assert blue > 0.7
    assert sky.by_day(flat(55, 0, -6), sky.Sky(cover, storm))[1] < blue - 0.1


def test_masses_are_painted_at_half_the_size_and_small_photos_at_their_own() -> None:
    for side, share in ((1200, 0.5), (scene.BODY_SIDE, 1.0), (300, 1.0)):
        found = scene.seen(np.full((40, side, 3), 90, np.uint8), AS_PAINTED)
        assert found.share == share
        assert found.body.shape[1] == side * share
        assert found.cover.shape == found.body.shape[:2]


def test_a_light_cable_before_the_sky_is_no_cloud_and_a_cloud_is_no_cable() -> None:
    light = np.full((HEIGHT, 3 * WIDTH), 60, np.float32)
    cv2.line(light, (20, 120), (560, 20), 80.0, 4)
    cv2.circle(light, (300, 120), 20, 95.0, -1)
    found = fine.rods(light, 1.0)
    assert found[70, 290] > 0.9
    assert found[:, :12].max() < 0.1
    assert found[95:, 270:330].max() < 0.1


def test_sky_goes_on_to_a_small_dark_thing_that_stands_alone_in_it() -> None:
    picture = flat(*BLUE)
    picture[100:] = (40, -14, 22)
    picture[60:100, 98:102] = (25, 0, 0)
    picture[60:66, 92:108] = (25, 0, 0)
    cover = sky.found(picture, 0.2).cover
    assert cover[50:57, 80:120].min() > 0.9
    assert cover[60:66, 93:107].max() < 0.5


def test_a_strip_of_hills_mirrors_no_sky() -> None:
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    cover[60:70] = 1
    assert water.mirrored(flat(50, 2, 3), cover, DAY, 1.0) == pytest.approx(flat(50, 2, 3))
