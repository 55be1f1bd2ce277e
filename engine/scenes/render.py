"""From a scene to its pixels."""

from collections.abc import Callable

import numpy as np

from engine.errors import InvalidRequest, Problem
from engine.scenes.canvas import NEAR, Canvas
from engine.scenes.layout import Layout, plan
from engine.scenes.light import Palette, palette, shade
from engine.scenes.looks import STYLES, finish
from engine.scenes.parts.buildings import paint_landmark
from engine.scenes.parts.islands import Island, islands, paint_islands, rim_v
from engine.scenes.parts.landforms import height
from engine.scenes.parts.plants import paint_flowers, paint_plants, places
from engine.scenes.parts.sky import paint_sky
from engine.scenes.parts.terrain import fog_at, paint_ground
from engine.scenes.parts.water import paint_ship, paint_water, water_surface
from engine.scenes.parts.weather import haze_of, paint_bolt, veil
from engine.scenes.scene import Scene

MIN_SIZE, MAX_SIZE = 64, 512
_FORE = 4.3  # things nearer than this stand on this side of the water


def render(scene: Scene, size: int = 256) -> np.ndarray:
    """Paint a scene.

    Args:
        scene: what to paint; the same scene has the same composition at every size and in every look.
        size: pixels of each side, 64 to 512.

    Returns:
        (size, size, 3) uint8.

    Raises:
        InvalidRequest: size is out of range.
    """
    check_size(size)
    layout, colours, style, canvas = plan(scene), palette(scene), STYLES[scene.look], Canvas(size)
    paint(scene, layout, colours, canvas)
    image = veil(shade(canvas.data, colours, style.steps), canvas, scene, layout, colours, style.steps)
    pixels = finish(image, canvas, scene, colours)
    return (pixels * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)


def paint(
    scene: Scene,
    layout: Layout,
    colours: Palette,
    canvas: Canvas,
    after: Callable[[str], None] = lambda what: None,
) -> None:
    """Lay everything onto a canvas, from far to near, before light falls on it.

    Args:
        after: told what was laid: "sky", "land", "plants", "landmark" or "water".
    """
    style = STYLES[scene.look]
    paint_sky(canvas, scene, layout, colours, style.crisp)
    paint_bolt(canvas, scene, layout)
    after("sky")
    haze = haze_of(scene)
    shown = paint_ground(canvas, scene, layout, haze, style.texture)
    near = canvas.data[NEAR].copy()
    ground, fog = _ground(scene, layout), lambda z: fog_at(z, haze)
    if scene.land == "floating":
        paint_islands(canvas, scene, layout, style.texture)
    after("land")
    trees = places(scene, layout, ground)
    paint_plants(canvas, scene, layout, trees, fog, (_FORE, np.inf))
    after("plants")
    paint_landmark(canvas, scene, layout, ground, fog)
    after("landmark")
    paint_water(canvas, scene, layout, colours, water_surface(canvas, shown, near))
    after("water")
    paint_ship(canvas, scene, layout, float(fog(3.1)))
    after("landmark")
    paint_flowers(canvas, scene, layout, ground, fog, shown)
    paint_plants(canvas, scene, layout, trees, fog, (0.0, _FORE))
    after("plants")


def check_size(size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or not MIN_SIZE <= size <= MAX_SIZE:
        message = f"A scene's size must be a whole number of pixels from {MIN_SIZE} to {MAX_SIZE}; got {size!r}."
        raise InvalidRequest([Problem("size", message)])


def _ground(scene: Scene, layout: Layout) -> Callable:
    """Height of the place where things stand: the land, or the top of the main floating island."""
    if scene.land != "floating":
        return lambda x, z: height(scene, layout, np.asarray(x, np.float32), np.asarray(z, np.float32))
    main: Island = islands(scene, layout)[-1]

    def top(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Things near the main island's distance stand on it; others find no ground."""
        u = 0.5 + np.asarray(x) / z
        on = (np.abs(u - main.u) < main.half * 0.93) & (np.abs(z - main.depth) < 0.9)
        level = layout.eye - (rim_v(main, u) + 0.05 * (main.depth - z) * main.half - layout.horizon) * z
        return np.where(on, level, -1.0)

    return top
