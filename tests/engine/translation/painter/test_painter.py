"""The painter: what each part does to a picture made for it, and what the whole keeps and changes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine.translation.pace import BRUSHED_SIDE
from engine.translation.painter import (
    clouds,
    dabs,
    fine,
    flow,
    foliage,
    haze,
    light,
    lines,
    moods,
    night,
    regions,
    sky,
    tones,
)
from engine.translation.painter.enlarging import enlarged
from engine.translation.painter.paint import paint, painted
from engine.translation.painter.pixels import lab_of, rgb_of, step
from engine.translation.painter.water import water
from engine.translation.painting import AS_PAINTED, MOODS

SIDE = 96


def noise(strength: float, shape: tuple[int, ...] = (SIDE, SIDE), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, strength, shape).astype(np.float32)


def flat(light: float, a: float = 0, b: float = 0, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """(H, W, 3) Lab."""
    return np.broadcast_to(np.array([light, a, b], np.float32), (height, width, 3)).copy()


def landscape(top: tuple[float, float, float] = (78, -2, -26), land: tuple[float, float, float] = (35, -14, 22)):
    """(H, W, 3) Lab: a sky, and land that is not flat."""
    picture = flat(*top, 120, 160)
    picture[70:] = land
    picture[70:, :, 0] += noise(7, (50, 160))
    return picture


def pixels(lab: np.ndarray) -> np.ndarray:
    return (rgb_of(lab) * 255).round().astype(np.uint8)


def test_regions_are_flat_and_their_borders_lie_where_they_did() -> None:
    picture = flat(40)
    picture[:, 45:, 0] = 70
    picture[..., 0] += noise(3)
    found = regions.filled(lab_of(regions.calmed(pixels(picture), 1.0).astype(np.float32) / 255), 1.0, 20)
    left, right = found[8:-8, 4:40, 0], found[8:-8, 50:-4, 0]
    assert max(left.std(), right.std()) < 1.5
    assert (right.mean() - left.mean()) == pytest.approx(30, abs=3)
    steepest = np.abs(np.diff(found[8:-8, :, 0], axis=1)).argmax(1)
    assert abs(np.median(steepest) - 44) <= 1


def test_a_small_picture_gets_the_guides_borders() -> None:
    guide = flat(20)
    guide[:, 37:] = 80
    small = flat(20, height=SIDE // 2, width=SIDE // 2)
    small[:, 18:] = 80
    assert np.array_equal(regions.with_borders(small, guide), guide)


def test_sharpening_moves_colours_and_makes_no_new_ones() -> None:
    ramp = flat(50)
    ramp[..., 0] = 30 + 40 * step(np.arange(SIDE, dtype=np.float32), 40, 56)
    sharp = flow.sharpened(flow.sharpened(ramp, ramp[..., 0], 1.2), ramp[..., 0], 1.2)
    assert np.diff(sharp[48, :, 0]).max() > 1.3 * np.diff(ramp[48, :, 0]).max()
    assert sharp[..., 0].min() >= 30 - 1e-3
    assert sharp[..., 0].max() <= 70 + 1e-3


def test_directions_are_across_shapes() -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    for picture, expected in ((np.sin(columns / 3), (1, 0)), (np.sin(rows / 3), (0, 1))):
        cosine, sine = flow.directions(10 * picture.astype(np.float32), 2)
        assert abs(cosine[40, 40]) == pytest.approx(expected[0], abs=0.05)
        assert abs(sine[40, 40]) == pytest.approx(expected[1], abs=0.05)


def test_tones_are_few() -> None:
    region, shape = np.full((SIDE, SIDE), 50, np.float32), 12 * np.sin(np.arange(SIDE, dtype=np.float32) / 6)
    toned = tones.toned(region, region + shape[None], 1.0, hardness=8)
    levels, _ = np.histogram(toned, bins=24)
    assert np.sort(levels)[-6:].sum() > 0.6 * toned.size
    assert tones.toned(region, region + 0.3 * noise(1), 1.0) == pytest.approx(region, abs=0.3)


def test_values_are_grouped_and_stay_in_order() -> None:
    ramp = np.linspace(0, 100, 1001, dtype=np.float32)
    grouped = tones.grouped(ramp)
    assert (np.diff(grouped) >= 0).all()
    assert np.abs(grouped - ramp).max() < 3
    assert (np.diff(grouped) < 0.04).mean() > 0.25  # plateaus, against steps of 0.1 before


def test_texture_goes_and_a_large_border_stays() -> None:
    picture = flat(40)
    picture[:, 48:, 0] = 70
    border = picture.copy()
    picture[..., 0] += 5 * ((np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 4) < 2)
    found = regions.filled(picture, 1.0, 18)
    assert found[8:-8, 8:40, 0].std() < 0.3 * picture[8:-8, 8:40, 0].std()
    assert np.abs(found[8:-8, :46, 0].mean() - border[0, 0, 0] - 2.5) < 1
    assert np.abs(np.diff(found[8:-8, :, 0], axis=1)).argmax(1) == pytest.approx(47, abs=1)


def test_shade_turns_blue_light_turns_yellow_and_greens_stay_colourful() -> None:
    wall, leaves, white = flat(60, 2, 10), flat(40, -18, 22), flat(97, 0, 1)
    dark, bright = (np.full((SIDE, SIDE), tone, np.float32) for tone in (-20, 20))
    assert light.shaded(wall, dark, 1.0)[0, 0, 2] < wall[0, 0, 2] - 8
    assert light.shaded(wall, bright, 1.0)[0, 0, 2] > wall[0, 0, 2] + 2
    assert light.shaded(wall, dark, 0.0) == pytest.approx(wall)
    assert light.shaded(white, bright, 1.0) == pytest.approx(white)
    before, after = (np.hypot(*lab[0, 0, 1:]) for lab in (leaves, light.shaded(leaves, dark, 1.0)))
    assert after > 0.9 * before


def test_clumps_of_leaves_have_few_tones_and_light_ones_lie_on_top() -> None:
    leaves = flat(40, -18, 24)
    leaves[..., 0] += 4 * cv2.GaussianBlur(noise(9), (0, 0), 2)
    clumps = foliage.clumped(flat(40, -18, 24), leaves, 1.0, 0.5, 1.3)
    assert clumps[..., 0].mean() > 40
    levels, _ = np.histogram(clumps[..., 0], bins=24)
    assert np.sort(levels)[-9:].sum() > 0.6 * clumps[..., 0].size
    darker, lighter = clumps[..., 0] < 37, clumps[..., 0] > 43
    assert clumps[darker][:, 2].mean() < clumps[lighter][:, 2].mean() - 4


def test_dabs_cover_everything_reach_no_further_than_a_dab_and_are_the_same_each_time() -> None:
    across, down = dabs.tile(12, 6, 0.3, 0.5, 5)
    assert np.hypot(across, down).max() <= 6.01
    assert (np.hypot(across, down) > 0).mean() > 0.9
    dabs.tile.cache_clear()
    assert np.array_equal(dabs.tile(12, 6, 0.3, 0.5, 5)[0], across)
    picture = noise(10, (300, 70, 3))
    assert np.isin(dabs.dabbed(picture, (across, down)), picture).all()


def test_foliage_is_busy_and_green_and_a_wall_is_neither() -> None:
    leaves, wall, lawn = flat(40, -18, 24), flat(60, 4, 14), flat(50, -20, 30)
    leaves[..., 0] += noise(9)
    wall[..., 0] += 12 * (np.arange(SIDE) % 12 < 2)
    middle = (slice(30, 66),) * 2
    assert foliage.foliage(leaves, 1.0)[middle].mean() > 0.8
    assert foliage.foliage(wall, 1.0)[middle].mean() < 0.1
    assert foliage.foliage(lawn, 1.0)[middle].mean() < 0.05


def test_a_cable_is_kept_and_grain_is_not() -> None:
    cable, grain = np.full((2, SIDE, SIDE), 75, np.float32)
    cable[48] = 30
    grain += noise(4)
    assert fine.kept(cable, 1.0, 0.5)[48, 20:-20].mean() < -15
    assert np.abs(fine.kept(cable, 1.0, 0.5)[:40]).max() < 1
    assert np.abs(fine.kept(grain, 1.0, 0.5)).mean() < 0.3


def test_lines_stand_on_the_dark_side_of_borders_alone() -> None:
    picture = flat(75)
    picture[:, 48:, 0] = 30
    drawn = lines.lines(picture, 1.0)
    assert drawn[:, 48:51].max() > 0.8
    assert drawn[:, :47].max() < 0.05
    assert drawn[:, 60:].max() < 0.05
    assert lines.lines(flat(50), 1.0).max() == 0
    wall = flat(60, 20, 30)
    wall[..., 0] = lines.inked(wall[..., 0], np.ones((SIDE, SIDE), np.float32), 1.0)
    assert wall[..., 0].max() == 0 <= wall[..., 0].min()


def test_the_sky_is_found_to_the_pixel_and_land_is_none() -> None:
    there = sky.found(landscape(), 1.0)
    assert there.cover[:68].min() > 0.99
    assert there.cover[72:].max() < 0.01
    busy = flat(60, 2, -2, 120, 160)
    busy[..., 0] += noise(12, (120, 160))
    assert not sky.found(busy, 1.0).seen


def test_the_sky_goes_on_between_twigs_and_a_pool_of_its_colour_is_none() -> None:
    picture = landscape()
    twigs = np.zeros(picture.shape[:2], bool)
    twigs[:60:6, :70] = twigs[:60, :70:6] = True
    picture[twigs] = (25, 4, 8)
    picture[95:110, 40:120] = picture[0, 150]
    cover = sky.found(picture, 0.16).cover
    gaps = ~twigs
    gaps[60:], gaps[:, 70:] = False, False
    assert cover[gaps].mean() > 0.95
    assert cover[twigs].mean() < 0.05
    assert cover[80:].max() == 0
    grey = np.where(picture == picture[0, 150], np.float32([78, 0, -3]), picture)
    assert sky.found(grey, 0.16).cover[gaps].mean() < 0.5  # else grey houses would go as well


def test_a_pale_blur_behind_something_is_no_sky() -> None:
    blur = flat(70, 0, 0, 120, 160)
    blur[..., 2] = step(np.arange(160, dtype=np.float32), 0, 400)[None] * 60 - 2
    assert not sky.found(blur, 1.0).seen


def test_the_gradient_leaves_clouds_out() -> None:
    picture, cover = flat(60, -2, -38, 120, 160), np.ones((120, 160), np.float32)
    picture[..., 0] += np.linspace(0, 25, 120, dtype=np.float32)[:, None]
    picture[..., 2] += np.linspace(0, 16, 120, dtype=np.float32)[:, None]
    clear = picture.copy()
    picture[30:60, 40:90] = (96, 0, 0)
    assert np.abs(sky.gradient(picture, cover) - clear)[..., 2].mean() < 2.5
    cloud = clouds.found(picture, sky.gradient(picture, cover), cover)
    assert cloud[35:55, 45:85].min() > 0.9
    assert cloud[70:].mean() < 0.1


def test_a_low_sun_is_told_from_blue_that_is_a_little_violet() -> None:
    assert sky.dusk(np.array([[70, 24, -14]] * 9))
    assert sky.dusk(np.array([[80, 10, 40]] * 9))
    assert not sky.dusk(np.array([[60, 11, -40]] * 9))
    assert not sky.dusk(np.empty((0, 3)))


def test_clouds_have_few_tones_and_by_day_a_white_one() -> None:
    light = np.tile(np.linspace(55, 93, SIDE, dtype=np.float32), (SIDE, 1))
    toned = clouds.toned(light, np.ones_like(light))
    assert toned.max() > 96
    assert len(np.unique(toned.round())) < 30 < len(np.unique(light.round(1)))


def test_water_lies_under_the_sky() -> None:
    picture = landscape()
    picture[70:] = (55, -4, -12)
    picture[70:, :, 0] += 8 * np.sin(np.arange(50))[:, None] + noise(0.5, (50, 160))
    cover = np.zeros((120, 160), np.float32)
    cover[:70] = 1
    found = water(picture, cover, 0.2)
    assert found[85:110, 30:130].mean() > 0.8
    assert found[:68].max() < 0.1
    upright = picture.copy()
    upright[70:] = (55, -4, -12)
    upright[70:, :, 0] += 8 * np.sin(np.arange(160))[None]
    assert water(upright, cover, 0.2).mean() < 0.05


def test_haze_is_what_the_air_turned_blue() -> None:
    cover = np.zeros((SIDE, SIDE), np.float32)
    assert haze.distance(flat(60, -1, -14), cover, 1.0).mean() > 0.9
    assert haze.distance(flat(20, -1, -14), cover, 1.0).mean() < 0.1
    assert haze.distance(flat(60, -14, 30), cover, 1.0).max() == 0


def test_night_is_measured_lamps_stay_and_glow() -> None:
    assert (night.darkness(flat(15)), night.darkness(flat(60))) == (1.0, 0.0)
    assert night.darkness(flat(48)) == 1.0  # a blue hour
    day, lamp = flat(60, -10, 20), flat(97, 4, 40)
    assert night.dimmed(day, 1.0)[0, 0, 0] < 35
    assert night.dimmed(lamp, 1.0)[0, 0] == pytest.approx(lamp[0, 0], abs=1)
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    picture[44:52, 44:52] = 1
    glowing = night.glow(picture, 1.0, 0.5)
    assert glowing[42, 48].min() > 0.01
    assert glowing.max() <= 1
    assert np.array_equal(night.stars((64, 90), 1.0), night.stars((64, 90), 1.0))


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return pixels(landscape())


def test_the_whole_keeps_shapes_and_gives_the_same_pixels(scene: np.ndarray) -> None:
    first = painted(scene)
    assert np.array_equal(first, painted(scene))
    assert (first.shape, first.dtype) == (scene.shape, np.uint8)
    steepest = np.abs(np.diff(lab_of(first.astype(np.float32) / 255)[:, 8:-8, 0], axis=0)).argmax(0)
    assert abs(np.median(steepest) - 69) <= 1


def test_no_rim_stands_between_sky_and_land(scene: np.ndarray) -> None:
    """Halos: beside the border nothing is lighter than the sky or darker than the land around."""
    light = lab_of(painted(scene, replace(AS_PAINTED, line=0)).astype(np.float32) / 255)[..., 0].mean(1)
    assert light[62:74].max() <= moods.OF[MOODS[0]].horizon[0] + 0.5
    assert (np.diff(light[50:70]) > -0.5).all()  # the gradient goes on to the border
    assert light[62:80].min() >= light[80:].min() - 3


@pytest.mark.parametrize("mood", MOODS)
def test_a_mood_gives_the_sky_its_colours(scene: np.ndarray, mood: str) -> None:
    lab = lab_of(painted(scene, replace(AS_PAINTED, mood=mood, colour=1.0)).astype(np.float32) / 255)
    light, _, b = lab[66, 40:120].mean(0)
    assert lab[2, 40:120, 0].mean() < light - 10  # deeper above
    expected = moods.OF[mood].horizon
    assert light == pytest.approx(expected[0], abs=14)
    assert b == pytest.approx(expected[2], abs=16)


def test_night_stays_night_on_a_clear_day() -> None:
    dark = pixels(landscape((18, 4, -14), (8, 0, 2)))
    after = lab_of(painted(dark).astype(np.float32) / 255)[..., 0]
    assert np.abs(after - lab_of(dark.astype(np.float32) / 255)[..., 0]).mean() < 4


def test_sliders_do_what_they_say(scene: np.ndarray) -> None:
    def measured(**changes: float) -> np.ndarray:
        return lab_of(painted(scene, replace(AS_PAINTED, **changes)).astype(np.float32) / 255)

    land = (slice(80, None), slice(10, -10))
    assert measured(light=1.0)[land][..., 0].mean() > measured(light=0.0)[land][..., 0].mean() + 4
    rich, plain = (np.hypot(*measured(colour=colour)[land][..., 1:].mean((0, 1))) for colour in (1.0, 0.0))
    assert rich > plain + 5
    assert measured(line=1.0)[68:74, :, 0].min() < measured(line=0.0)[68:74, :, 0].min()
    fine_one, broad = (np.abs(np.diff(measured(detail=detail)[land][..., 0])).mean() for detail in (1.0, 0.0))
    assert fine_one > broad


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (17, 16), (64, 3)])
@pytest.mark.parametrize("value", [0, 255])
def test_any_size_and_black_and_white_are_painted(size: tuple[int, int], value: int) -> None:
    plain = np.full((*size, 3), value, np.uint8)
    assert painted(plain).shape == plain.shape


def test_a_large_photo_gets_its_own_borders() -> None:
    photo = np.full((90, 120, 3), 40, np.uint8)
    photo[:, 61:] = 200
    small = np.full((30, 40, 3), (10, 20, 90), np.uint8)
    small[:, 20:] = (240, 230, 60)
    large = enlarged(small, photo)
    assert np.abs(large[:, :60].astype(int) - (10, 20, 90)).max() <= 3
    assert np.abs(large[:, 62:].astype(int) - (240, 230, 60)).max() <= 3


def test_tensors_of_any_side_keep_their_size() -> None:
    photo = torch.zeros(1, 3, 12, BRUSHED_SIDE + 40)
    assert paint(photo).shape == photo.shape
