"""The landmarks: large, plain silhouettes with a lit and a shaded side."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.scenes.canvas import Canvas, Stamp
from engine.scenes.drawing import Colour, Drawing, mix
from engine.scenes.layout import Layout
from engine.scenes.noise import stream
from engine.scenes.scene import Scene

_SNOW: Colour = (240, 244, 252)
_STONES: tuple[Colour, ...] = ((206, 196, 182), (190, 186, 190), (216, 200, 170), (176, 170, 168))
_ROOFS: tuple[Colour, ...] = ((62, 92, 150), (178, 66, 56), (66, 120, 112), (120, 72, 132), (58, 66, 92))
_WINDOW: Colour = (255, 206, 112)
_DARK: Colour = (52, 44, 52)


@dataclass(frozen=True, slots=True)
class Style:
    """What the drawings need to know of the scene."""

    rng: np.random.Generator
    stone: Colour
    roof: Colour
    lamps: bool  # windows shine
    snow: bool


def _style(scene: Scene) -> Style:
    rng = stream(scene.seed, "landmark")
    stone = _STONES[int(rng.integers(len(_STONES)))]
    roof = _ROOFS[int(rng.integers(len(_ROOFS)))]
    snow = scene.weather == "snow"
    lamps = scene.time in ("dusk", "night", "aurora") or scene.weather == "storm"
    return Style(rng, stone, mix(roof, _SNOW, 0.88) if snow else roof, lamps, snow)


def draw_landmark(scene: Scene, pixels: int, side: int) -> Stamp:
    """The scene's landmark, `pixels` high."""
    width, height, paint = _LANDMARKS[scene.landmark]
    drawing = Drawing(width, height, pixels, side)
    paint(drawing, _style(scene))
    return drawing.stamp()


def paint_landmark(canvas: Canvas, scene: Scene, layout: Layout, ground: Callable, fog: Callable) -> None:
    """Stand the landmark on its spot. Ships sail on finished water, so they come later (`water.paint_ship`)."""
    if scene.landmark in ("none", "ship"):
        return
    u, depth = layout.spot
    v = layout.project(0.0, ground((u - 0.5) * depth, depth), depth)[1] + 0.012
    pixels = max(8, round(landmark_size(scene, layout) * canvas.size))
    canvas.stamp(draw_landmark(scene, pixels, layout.side), u, v, depth, fog(depth))


def landmark_size(scene: Scene, layout: Layout) -> float:
    """Height as a fraction of the picture; wide things are drawn less high."""
    share = {"village": 0.78, "temple": 0.9, "mushrooms": 0.9, "crystals": 0.95, "castle": 1.0, "windmill": 0.98}
    return layout.spot_size * share.get(scene.landmark, 1.06) * (0.82 if scene.land == "floating" else 1.0)


# ---------------------------------------------------------------- parts


def _window(drawing: Drawing, style: Style, x: float, y: float, w: float, h: float) -> None:
    colour, lit, glow = (_WINDOW, 1.0, 0.95) if style.lamps else (_DARK, 0.3, 0.0)
    drawing.box(x - w / 2, x + w / 2, y, y + h * 0.7, colour, lit, glow)
    drawing.disc(x, y + h * 0.7, w / 2, h * 0.3, colour, lit, glow)


def _round_tower(
    drawing: Drawing, style: Style, x: float, half: float, top: float, roof: float, base: float = 0.0
) -> None:
    """A wall, a wider gallery, a pointed roof, a flag and two windows."""
    drawing.shell(x, (half * 1.06, base), (half, top), style.stone)
    drawing.shell(x, (half * 1.2, top - half * 0.45), (half * 1.2, top), mix(style.stone, (0, 0, 0), 0.06))
    drawing.shell(x, (half * 1.42, top), (0.004, top + roof), style.roof)
    drawing.line([(x, top + roof - 0.01), (x, top + roof + 0.05)], 0.009, _DARK, 0.4)
    for share in (0.55, 0.78):
        _window(drawing, style, x, base + (top - base) * share - half * 0.5, half * 0.42, half * 0.75)


def _merlons(drawing: Drawing, style: Style, x0: float, x1: float, y: float, lit: float) -> None:
    count = max(2, round((x1 - x0) / 0.07))
    step = (x1 - x0) / count
    for k in range(count):
        drawing.box(x0 + (k + 0.15) * step, x0 + (k + 0.75) * step, y, y + 0.035, style.stone, lit)


# ---------------------------------------------------------------- the landmarks


def _castle(drawing: Drawing, style: Style) -> None:
    rng, side = style.rng, drawing.side
    keep = 0.62 + 0.08 * rng.random()
    for x, half, top in ((-0.26, 0.07, 0.56), (0.27, 0.075, 0.6)):
        _round_tower(drawing, style, x * (1 + 0.1 * rng.random()), half, top + 0.06 * rng.random(), 0.25)
    drawing.box(-0.17, 0.0, 0, keep - 0.1, style.stone, 0.5 - 0.3 * side)
    drawing.box(0.0, 0.17, 0, keep - 0.1, style.stone, 0.5 + 0.3 * side)
    _merlons(drawing, style, -0.18, 0.18, keep - 0.1, 0.5)
    _round_tower(drawing, style, 0.02 - 0.04 * rng.random(), 0.095, keep + 0.02, 0.96 - keep - 0.02, base=0.2)
    for x0, x1, lit in ((-0.52, 0.0, 0.5 - 0.14 * side), (0.0, 0.52, 0.5 + 0.14 * side)):
        drawing.box(x0, x1, -0.05, 0.27, style.stone, lit)
        _merlons(drawing, style, x0, x1, 0.27, lit)
    for x in (-0.52, 0.52):
        _round_tower(drawing, style, x, 0.085, 0.38 + 0.06 * rng.random(), 0.22)
    for x in (-0.14, 0.14):
        _round_tower(drawing, style, x, 0.06, 0.34, 0.14)
    drawing.box(-0.06, 0.06, -0.05, 0.11, _DARK, 0.2)
    drawing.disc(0, 0.11, 0.06, 0.06, _DARK, 0.2)


def _tower(drawing: Drawing, style: Style) -> None:
    half = 0.1 + 0.02 * style.rng.random()
    drawing.shell(0, (half * 1.75, -0.03), (half * 1.1, 0.12), mix(style.stone, _DARK, 0.12))
    drawing.shell(0, (half * 1.1, 0.1), (half * 0.86, 0.6), style.stone)
    drawing.shell(0, (half * 0.86, 0.56), (half * 1.5, 0.63), mix(style.stone, _DARK, 0.15))
    drawing.shell(0, (half * 1.5, 0.63), (half * 1.5, 0.7), style.stone)
    drawing.shell(0, (half * 1.05, 0.7), (half * 1.05, 0.76), mix(style.stone, _DARK, 0.1))
    drawing.shell(0, (half * 1.7, 0.75), (0.004, 1.02), style.roof)
    side = drawing.side
    drawing.shell(-side * half * 1.25, (0.045, 0.3), (0.045, 0.46), style.stone)
    drawing.shell(-side * half * 1.25, (0.0, 0.24), (0.045, 0.3), mix(style.stone, _DARK, 0.2))
    drawing.shell(-side * half * 1.25, (0.068, 0.46), (0.003, 0.6), style.roof)
    for x, y in ((0.01, 0.18), (-0.02, 0.33), (0.02, 0.47)):
        _window(drawing, style, x, y, 0.045, 0.075)
    for x in (-0.09, 0.0, 0.09):
        _window(drawing, style, x * half / 0.1, 0.645, 0.035, 0.05)
    drawing.box(-0.04, 0.04, -0.03, 0.07, _DARK, 0.25)
    drawing.disc(0, 0.07, 0.04, 0.04, _DARK, 0.25)


def _house(drawing: Drawing, style: Style, x: float, y: float, w: float, h: float, roof: Colour, wall: Colour) -> None:
    """A gable toward us and a roof that runs back to one side."""
    side, depth = drawing.side, w * 0.75
    front = [(x - w / 2, y), (x + w / 2, y), (x + w / 2, y + h), (x, y + h * 1.75), (x - w / 2, y + h)]
    back = -side * depth  # the long wall is on the shaded side
    edge = x - side * w / 2
    drawing.polygon([(edge, y), (edge + back, y), (edge + back, y + h), (edge, y + h)], wall, 0.3)
    eave = [(edge - side * w * 0.08, y + h * 0.92), (edge + back, y + h * 0.92)]
    drawing.polygon([*eave, (x + back, y + h * 1.82), (x, y + h * 1.82)], roof, 0.42)
    drawing.polygon(front, wall, 0.82)
    for sign in (-1, 1):
        low = (x + sign * w * 0.6, y + h * 0.86)
        drawing.line([(x, y + h * 1.82), low], 0.035 * w / 0.2, roof, 0.62 if sign == side else 0.36)
    for share in (-0.22, 0.22):
        _window(drawing, style, x + share * w, y + h * 0.42, w * 0.2, h * 0.42)
    drawing.box(x - w * 0.09, x + w * 0.09, y, y + h * 0.36, (104, 70, 50), 0.4)


def _village(drawing: Drawing, style: Style) -> None:
    rng = style.rng
    roofs: tuple[Colour, ...] = ((176, 84, 58), (150, 70, 62), (190, 120, 66), (112, 92, 96))
    walls: tuple[Colour, ...] = ((236, 220, 190), (226, 204, 170), (240, 232, 214))
    spire = -0.12 + 0.3 * rng.random()
    drawing.box(spire - 0.085, spire, 0, 0.6, (222, 210, 190), 0.5 - 0.22 * drawing.side)
    drawing.box(spire, spire + 0.085, 0, 0.6, (222, 210, 190), 0.5 + 0.3 * drawing.side)
    drawing.shell(spire, (0.115, 0.59), (0.004, 1.0), _SNOW if style.snow else roofs[0])
    _window(drawing, style, spire, 0.42, 0.06, 0.11)
    places = [
        (-0.5, 0.1),
        (0.48, 0.1),
        (-0.2, 0.07),
        (0.2, 0.06),
        (-0.66, 0.0),
        (-0.33, -0.02),
        (0.03, -0.02),
        (0.4, 0.0),
    ]
    for x, y in places:
        roof = _SNOW if style.snow else roofs[int(rng.integers(len(roofs)))]
        wall = walls[int(rng.integers(len(walls)))]
        scale = 0.92 + 0.25 * rng.random()
        _house(drawing, style, x + 0.05 * rng.random() + 0.05 * drawing.side, y, 0.22 * scale, 0.2 * scale, roof, wall)


def _temple(drawing: Drawing, style: Style) -> None:
    rng, side = style.rng, drawing.side
    marble: Colour = ((236, 230, 218), (228, 216, 196), (214, 216, 220))[int(rng.integers(3))]
    for k in range(3):
        half, y = 0.72 - 0.05 * k, 0.045 * k
        drawing.box(-half, half, y - 0.02, y + 0.045, marble, 0.85 - 0.22 * (k % 2))
    drawing.box(-0.55, 0.55, 0.13, 0.62, mix(marble, _DARK, 0.55), 0.22)
    broken = int(rng.integers(0, 4))
    columns = 6
    for k in range(columns):
        x = -0.54 + 1.08 * k / (columns - 1)
        drawing.shell(x, (0.062, 0.13), (0.05, 0.62), marble, 6)
        drawing.box(x - 0.075, x + 0.075, 0.6, 0.645, marble, 0.75)
        drawing.box(x - 0.075, x + 0.075, 0.13, 0.165, marble, 0.7)
    drawing.box(-0.66, 0.66, 0.64, 0.74, marble, 0.66)
    drawing.box(-0.69, 0.69, 0.735, 0.765, _SNOW if style.snow else marble, 0.92)
    drawing.polygon([(-0.69, 0.765), (0.69, 0.765), (0, 1.0)], marble, 0.8)
    drawing.polygon([(-0.5, 0.79), (0.5, 0.79), (0, 0.95)], mix(marble, _DARK, 0.3), 0.45)
    for sign in (-1, 1):
        drawing.line(
            [(sign * 0.71, 0.765), (0, 1.005)], 0.035, _SNOW if style.snow else marble, 0.6 + 0.3 * sign * side
        )
    if style.lamps:
        drawing.box(-0.085, 0.085, 0.13, 0.5, _WINDOW, 1.0, 0.8)
    if broken == 0:
        drawing.disc(0.8 * side, 0.03, 0.09, 0.07, marble, 0.5)


def _ship(drawing: Drawing, style: Style) -> None:
    rng, side = style.rng, drawing.side
    cloth: Colour = ((244, 236, 214), (206, 70, 58), (238, 226, 190), (244, 240, 232))[int(rng.integers(4))]
    hull: Colour = ((128, 78, 48), (104, 62, 44), (140, 92, 56))[int(rng.integers(3))]
    ahead = 1 if rng.integers(2) else -1
    for x, top, half in ((-0.27, 0.8, 0.145), (0.04, 0.98, 0.18), (0.3, 0.76, 0.13)):
        x *= ahead
        drawing.line([(x, 0.1), (x, top)], 0.018, (84, 58, 44), 0.4)
        levels = ((0.24, 0.47, 1.0), (0.5, 0.7, 0.82), (0.72, 0.87, 0.6))
        for low, high, share in levels:
            if high * 1.03 > top:
                continue
            _sail(drawing, x, low, high, half * share, ahead, cloth)
        flag = [(x, top), (x + 0.1 * ahead, top - 0.025), (x, top - 0.05)]
        drawing.polygon(flag, (196, 62, 58), 0.7)
    _jib(drawing, ahead, cloth)
    deck = [(-0.5, 0.24), (-0.36, 0.235), (-0.3, 0.17), (0.3, 0.16), (0.4, 0.21), (0.62, 0.26)]
    keel = [(0.5, 0.1), (0.42, 0.0), (-0.38, 0.0), (-0.47, 0.1)]
    drawing.polygon([(x * ahead, y) for x, y in deck + keel], hull, 0.62 if side == ahead else 0.44)
    wet = [(0.53, 0.12), (0.42, 0.0), (-0.38, 0.0), (-0.47, 0.1)]
    drawing.polygon([(x * ahead, y) for x, y in wet], mix(hull, _DARK, 0.4), 0.34)
    drawing.line([(x * ahead, y - 0.02) for x, y in deck], 0.02, (222, 178, 104), 0.75)
    for x in (-0.25, -0.1, 0.05, 0.2):
        _window(drawing, style, x * ahead, 0.105, 0.035, 0.035)


def _sail(drawing: Drawing, x: float, low: float, high: float, half: float, ahead: int, cloth: Colour) -> None:
    """A square sail with its belly to the wind: three upright bands of light."""
    belly = 0.035 * ahead
    for k in range(4):
        a, b = -1 + k * 0.5, -0.5 + k * 0.5
        lit = 0.62 + 0.3 * drawing.side * (a + b) / 2
        inner = [x + half * a * 0.9, x + half * b * 0.9]
        foot = [x + half * a + belly, x + half * b + belly]
        drawing.polygon([(inner[0], high), (inner[1], high), (foot[1], low), (foot[0], low)], cloth, lit)
    drawing.line([(x - half, high), (x + half, high)], 0.014, (84, 58, 44), 0.4)


def _jib(drawing: Drawing, ahead: int, cloth: Colour) -> None:
    drawing.line([(0.5 * ahead, 0.24), (0.74 * ahead, 0.34)], 0.018, (84, 58, 44), 0.4)
    drawing.polygon([(0.72 * ahead, 0.33), (0.36 * ahead, 0.66), (0.42 * ahead, 0.27)], cloth, 0.7)


def _windmill(drawing: Drawing, style: Style) -> None:
    rng = style.rng
    wall: Colour = ((240, 234, 220), (214, 190, 154), (226, 214, 206))[int(rng.integers(3))]
    cap = style.roof
    drawing.shell(0, (0.21, -0.03), (0.13, 0.52), wall)
    drawing.shell(0, (0.24, 0.2), (0.235, 0.225), (122, 84, 58))
    drawing.shell(0, (0.155, 0.5), (0.155, 0.53), (122, 84, 58))
    drawing.shell(0, (0.16, 0.53), (0.02, 0.68), cap)
    for x, y in ((0.0, 0.3), (-0.05, 0.42), (0.06, 0.1)):
        _window(drawing, style, x, y, 0.05, 0.07)
    drawing.box(-0.045, 0.045, -0.03, 0.1, (104, 70, 50), 0.35)
    turn = math.pi / 4 + 0.5 * (rng.random() - 0.5)
    for k in range(4):
        _vane(drawing, turn + k * math.pi / 2)
    drawing.disc(0, 0.56, 0.03, 0.03, (104, 70, 50), 0.6)


def _vane(drawing: Drawing, angle: float) -> None:
    """One arm with its cloth, seen from the front, about the hub at (0, 0.56)."""
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

    def at(r: float, s: float) -> tuple[float, float]:
        return (r * along[0] + s * across[0], 0.56 + r * along[1] + s * across[1])

    drawing.polygon([at(0.1, 0.0), at(0.47, 0.0), at(0.47, 0.105), at(0.1, 0.08)], (246, 238, 218), 0.85)
    for r in (0.19, 0.28, 0.37):
        drawing.line([at(r, 0.0), at(r, 0.095)], 0.009, (132, 100, 74), 0.5)
    drawing.line([at(0, 0), at(0.48, 0)], 0.022, (104, 70, 50), 0.5)


def _mushrooms(drawing: Drawing, style: Style) -> None:
    rng = style.rng
    cap: Colour = ((206, 52, 46), (222, 96, 44), (150, 70, 190), (60, 132, 196))[int(rng.integers(4))]
    glow = 0.5 if style.lamps else 0.0
    small = 0.3 + 0.1 * rng.random()
    for x, top, half in ((-0.4, 0.62, 0.24), (0.42, 0.5 + 0.1 * rng.random(), 0.22), (0.0, 0.98, 0.37)):
        _mushroom(drawing, x, top, half, cap, glow, style.snow)
    _mushroom(drawing, -0.62 if rng.integers(2) else 0.64, small, 0.12, cap, glow, style.snow)


def _mushroom(drawing: Drawing, x: float, top: float, half: float, cap: Colour, glow: float, snow: bool) -> None:
    side, stem = drawing.side, half * 0.3
    rim = top - half * 0.78
    drawing.shell(x, (stem * 1.3, -0.02), (stem * 0.85, rim), (238, 222, 196))
    drawing.disc(x, rim + 0.01, half * 0.96, half * 0.2, (226, 190, 164), 0.3, glow)
    for k in range(6):  # the dome: ever smaller, brighter lobes toward the light
        share = 1 - 0.13 * k
        shift = side * half * 0.05 * k
        _dome(drawing, x + shift, rim + 0.02 * k * half, half * share, half * (0.82 - 0.07 * k), cap, 0.26 + 0.13 * k)
    if snow:
        _dome(drawing, x, top - half * 0.42, half * 0.72, half * 0.42, _SNOW, 0.8)
    for a, b, r in ((-0.55, 0.28, 0.1), (-0.1, 0.5, 0.13), (0.42, 0.32, 0.11), (0.12, 0.16, 0.08), (-0.3, 0.1, 0.07)):
        if not snow:
            drawing.disc(x + a * half, rim + b * half, r * half, r * half * 0.8, (252, 244, 230), 0.85, glow)


def _dome(drawing: Drawing, x: float, y: float, rx: float, ry: float, colour: Colour, lit: float) -> None:
    arc = [(x + rx * math.cos(math.pi * k / 16), y + ry * math.sin(math.pi * k / 16)) for k in range(17)]
    drawing.polygon(arc, colour, lit)


def _crystals(drawing: Drawing, style: Style) -> None:
    rng = style.rng
    hue: Colour = ((86, 214, 236), (206, 110, 240), (112, 240, 190), (244, 130, 190))[int(rng.integers(4))]
    glow = 0.55 if style.lamps else 0.16
    shafts = [(-0.34, 0.62, 0.085, -0.3), (0.36, 0.58, 0.08, 0.32), (-0.17, 0.8, 0.1, -0.13), (0.19, 0.74, 0.095, 0.16)]
    shafts += [(0.0, 1.0, 0.115, 0.02), (-0.46, 0.34, 0.07, -0.5), (0.48, 0.32, 0.065, 0.5), (-0.07, 0.42, 0.08, -0.22)]
    shafts += [(0.12, 0.36, 0.075, 0.3)]
    for x, top, half, lean in shafts:
        tall = top * (0.9 + 0.1 * rng.random())
        _shaft(drawing, x * 0.72, tall, half * 1.08, lean + 0.05 * rng.random(), hue, glow)


def _shaft(drawing: Drawing, x: float, tall: float, half: float, lean: float, hue: Colour, glow: float) -> None:
    """A six-sided crystal: three faces toward us and a point."""
    shift, neck = math.sin(lean) * tall, tall * 0.8
    tip = (x + shift, tall)
    lits = (0.5 - 0.28 * drawing.side, 0.62, 0.5 + 0.4 * drawing.side)
    tints = (mix(hue, (30, 30, 110), 0.3), hue, mix(hue, (255, 255, 255), 0.45))
    tints = tints if drawing.side > 0 else tints[::-1]
    for k in range(3):
        a, b = (-1, -0.35, 0.4, 1)[k : k + 2]
        neck_x = shift * 0.8 + x
        face = [(x + a * half * 0.8, -0.03), (x + b * half * 0.8, -0.03)]
        face += [(neck_x + b * half, neck), tip, (neck_x + a * half, neck)]
        drawing.polygon(face, tints[k], lits[k], glow * (0.5 + 0.5 * lits[k]))


_LANDMARKS = {
    "castle": (1.4, 1.08, _castle),
    "tower": (0.6, 1.08, _tower),
    "village": (1.75, 1.08, _village),
    "temple": (1.7, 1.05, _temple),
    "ship": (1.55, 1.05, _ship),
    "windmill": (1.05, 1.1, _windmill),
    "mushrooms": (1.6, 1.05, _mushrooms),
    "crystals": (1.5, 1.06, _crystals),
}
