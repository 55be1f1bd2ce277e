"""The sky: gradient, sun and moon, stars, northern lights, clouds. It shines by itself, so it is painted as glow."""

import numpy as np

from engine.scenes.canvas import GLOW, Canvas
from engine.scenes.layout import Layout
from engine.scenes.light import Palette
from engine.scenes.noise import blur, line, sample, screen, smoothstep, stream
from engine.scenes.scene import Scene


def paint_sky(canvas: Canvas, scene: Scene, layout: Layout, colours: Palette, crisp: float) -> None:
    """Args: crisp: 0 soft cloud edges .. 1 cut-out edges."""
    rng = stream(scene.seed, "sky")
    sky = canvas.data[GLOW]
    _gradient(sky, canvas, layout, colours)
    overcast = scene.weather in ("rain", "storm")
    if scene.time in ("dusk", "night", "aurora") and not overcast:
        _stars(sky, canvas, scene, layout, rng)
    if scene.time == "aurora":
        _aurora(sky, canvas, layout, rng)
    if scene.weather in ("clear", "cloudy") or (scene.weather == "fog" and scene.time != "dusk"):
        _disc(sky, canvas, scene, layout, rng)
    _clouds(sky, canvas, scene, layout, colours, crisp)
    if scene.land == "volcano":
        _smoke(sky, canvas, scene, layout, colours, crisp)


def _gradient(sky: np.ndarray, canvas: Canvas, layout: Layout, colours: Palette) -> None:
    t = np.clip(canvas.v / (layout.horizon * 1.02), 0, 1)
    stops = np.stack([colours.zenith, colours.middle, colours.horizon])
    rows = np.stack([np.interp(t[:, 0], (0.0, 0.6, 1.0), stops[:, channel]) for channel in range(3)])
    sky += blur(rows[:, :, None].astype(np.float32), 0)
    # The sky is lighter on the side of the light.
    sky *= 1 + 0.07 * layout.side * (canvas.u - 0.5) * 2 * t


def _stars(sky: np.ndarray, canvas: Canvas, scene: Scene, layout: Layout, rng: np.random.Generator) -> None:
    count = {"dusk": 26, "night": 130, "aurora": 80}[scene.time]
    v = (rng.random(count) ** 1.4) * layout.horizon
    u, power = rng.random(count), rng.random(count) ** 3
    strength = (0.35 + 0.65 * power) * np.clip(1.25 - v / layout.horizon, 0.1, 1)
    for x, y, shine, big in zip(u, v, strength, power > 0.72, strict=True):
        _dot(sky, canvas, x, y, 0.0075 if big else 0.0042, shine)


def _dot(sky: np.ndarray, canvas: Canvas, u: float, v: float, radius: float, shine: float) -> None:
    size = canvas.size
    reach = max(2, int(radius * size * 1.6 + 1))
    x, y = int(u * size), int(v * size)
    rows, columns = slice(max(0, y - reach), y + reach + 1), slice(max(0, x - reach), x + reach + 1)
    away = ((canvas.u[:, columns] - u) ** 2 + (canvas.v[rows] - v) ** 2) / radius**2
    sky[:, rows, columns] += shine * np.exp(-2.2 * away) * np.array([0.92, 0.95, 1.0], np.float32)[:, None, None]


def _aurora(sky: np.ndarray, canvas: Canvas, layout: Layout, rng: np.random.Generator) -> None:
    """Curtains: a wavy lower edge, rays that fade upward, green turning violet."""
    greens = ((60, 255, 150), (50, 235, 180), (110, 255, 120))
    tops = ((120, 90, 255), (60, 170, 240), (220, 90, 210))
    u = canvas.u[0]
    for rank in range(3):
        foot = layout.horizon * ((0.34, 0.55, 0.74)[rank] + 0.16 * rng.random()) + 0.05 * line("soft", u * 0.35, rng)
        tall = 0.26 + 0.16 * rng.random() + 0.05 * line("soft", u * 0.7, rng)
        rays = np.clip(0.62 + 0.25 * line("rough", u * 0.42, rng), 0.1, 1.2) * np.clip(
            0.7 + 0.5 * line("soft", u * 0.25, rng), 0.12, 1.2
        )
        up = (foot[None] - canvas.v) / np.maximum(tall, 0.08)[None]
        veil = np.where(up > 0, np.exp(-2.3 * up) * smoothstep(0, 0.13, up), 0) * rays[None]
        low = np.array(greens[int(rng.integers(3))], np.float32)[:, None, None] / 255
        high = np.array(tops[int(rng.integers(3))], np.float32)[:, None, None] / 255
        sky += veil * (low + np.clip(1.25 * up, 0, 1) * (high - low)) * 0.85


_DISC = {"dawn": (255, 236, 206), "day": (255, 252, 236), "sunset": (255, 226, 150)}


def _disc(sky: np.ndarray, canvas: Canvas, scene: Scene, layout: Layout, rng: np.random.Generator) -> None:
    u, v = layout.sun
    moon = scene.time not in _DISC
    radius = 0.03 + 0.025 * rng.random() + {"sunset": 0.03, "day": -0.006}.get(scene.time, 0.01)
    away = np.sqrt((canvas.u - u) ** 2 + (canvas.v - v) ** 2)
    colour = np.array(_DISC.get(scene.time, (226, 234, 246)), np.float32)[:, None, None] / 255
    veil = 0.5 if scene.weather == "fog" else 1.0
    glow = 0.5 * np.exp(-away / (radius * 2.2)) + (0.12 if moon else 0.34) * np.exp(-away / (radius * 6.5))
    sky += np.clip(glow * (0.6 if moon else 0.9), 0, 1) * (colour - sky)
    face = np.clip((radius - away) * canvas.size + 0.5, 0, 1) * veil
    if moon:
        spots = sample("soft", (canvas.u - u) * 2, (canvas.v - v) * 2)
        colour = colour * (1 - 0.07 * np.clip(spots, -1, 1))
        if rng.random() < 0.4:  # a crescent: a shadow disc takes a bite
            bite = np.sqrt((canvas.u - u - 0.55 * radius) ** 2 + (canvas.v - v + 0.12 * radius) ** 2)
            face = face * np.clip((bite - 0.92 * radius) * canvas.size + 0.5, 0, 1)
    sky += face * (colour - sky)


def _clouds(sky: np.ndarray, canvas: Canvas, scene: Scene, layout: Layout, colours: Palette, crisp: float) -> None:
    rng = stream(scene.seed, "clouds")
    if scene.weather in ("rain", "storm"):
        _ceiling(sky, canvas, scene, layout, colours, crisp, rng)
    elif scene.weather == "cloudy":
        for rank in range(3):
            _bank(sky, canvas, layout, colours, crisp, rng, rank)
        _wisps(sky, canvas, layout, colours, crisp, rng, 0.35)
    elif scene.weather == "clear" and scene.time != "aurora" and rng.random() < 0.45:
        _wisps(sky, canvas, layout, colours, crisp, rng, 0.2)


def _bank(
    sky: np.ndarray,
    canvas: Canvas,
    layout: Layout,
    colours: Palette,
    crisp: float,
    rng: np.random.Generator,
    rank: int,
) -> None:
    """A row of heaped clouds: puffs (discs) on a base line; each pixel takes the light of its foremost puff."""
    base = layout.horizon * (0.5, 0.72, 0.92)[rank] + 0.03 * rng.random()
    scale = (1.0, 0.85, 0.7)[rank]
    field, lit = np.full(canvas.data.shape[1:], -1, np.float32), np.zeros(canvas.data.shape[1:], np.float32)
    for _ in range(3):
        centre, width = rng.random() * 1.2 - 0.1, (0.2 + 0.17 * rng.random()) * scale
        _heap(field, lit, canvas, layout, rng, centre, base, width)
    ragged = field + 0.16 * screen("rough", canvas.size, rng, 0.45, 0.6)
    mask = smoothstep(-0.02, 0.3 - 0.26 * crisp, ragged) * smoothstep(0.02, -0.05 + 0.03 * crisp, canvas.v - base)
    mask = mask * (0.95 if crisp else 0.9)
    tone = lit + (0.0 if crisp else 0.1) * screen("soft", canvas.size, rng, 0.8, 0.9)
    if crisp:
        tone = 0.25 + 0.4 * smoothstep(0.42, 0.46, tone) + 0.35 * smoothstep(0.62, 0.66, tone)
    far = (0.0, 0.22, 0.45)[rank]
    colour = (
        colours.cloud_shade[:, None, None]
        + np.clip(tone, 0, 1) * ((colours.cloud_lit - colours.cloud_shade)[:, None, None])
    )
    colour = colour + far * (colours.horizon[:, None, None] - colour)
    sky += mask * (colour - sky)


def _heap(
    field: np.ndarray,
    lit: np.ndarray,
    canvas: Canvas,
    layout: Layout,
    rng: np.random.Generator,
    centre: float,
    base: float,
    width: float,
) -> None:
    count = 13
    place = 2 * rng.random(count) - 1
    lift = rng.random(count) * (1 - place**2) * 0.62
    radius = width * (0.2 + 0.2 * rng.random(count)) * (1.15 - 0.5 * np.abs(place))
    for k in np.argsort(-lift, kind="stable"):
        u, v = centre + place[k] * width, base - lift[k] * width - 0.15 * radius[k]
        _puff(field, lit, canvas, layout, (u, v, radius[k]))


def _window(canvas: Canvas, u: float, v: float, r: float) -> tuple[slice, slice]:
    size = canvas.size
    r = r * 1.25
    rows = slice(max(0, int((v - r) * size)), max(0, int((v + r) * size) + 1))
    return rows, slice(max(0, int((u - r) * size)), max(0, int((u + r) * size) + 1))


def _smoke(sky: np.ndarray, canvas: Canvas, scene: Scene, layout: Layout, colours: Palette, crisp: float) -> None:
    """The plume of a volcano: puffs that grow as they drift, red-lit from below."""
    rng = stream(scene.seed, "smoke")
    u, depth, top, _ = (float(value) for value in layout.peaks[0])
    foot = layout.horizon + (layout.eye - 0.72 * top) / depth
    field, lit = np.full(canvas.data.shape[1:], -1, np.float32), np.zeros(canvas.data.shape[1:], np.float32)
    for k in range(16):
        rise = k / 15
        r = 0.026 + 0.085 * rise
        x = u - layout.side * 0.3 * rise**1.6 + 0.5 * r * (2 * rng.random() - 1)
        _puff(field, lit, canvas, layout, (x, foot + 0.01 - 0.42 * rise + 0.3 * r * rng.random(), r))
    ragged = field + 0.2 * screen("rough", canvas.size, rng, 0.6, 0.6)
    mask = smoothstep(0.0, 0.5 - 0.42 * crisp, ragged) * np.clip(0.92 - 0.4 * (foot - canvas.v) / 0.5, 0, 1)
    dark = colours.ambient[:, None, None] * 0.55
    colour = dark + np.clip(lit, 0, 1) * (colours.light * 0.34 + 0.08)[:, None, None]
    ember = np.exp(-(((canvas.u - u) ** 2 + (canvas.v - foot) ** 2) / 0.011))
    fire = np.array([1.0, 0.36, 0.1], np.float32)[:, None, None]
    sky += mask * (colour - sky)
    sky += ember * 0.85 * (fire - sky * 0.4)


def _puff(
    field: np.ndarray, lit: np.ndarray, canvas: Canvas, layout: Layout, place: tuple[float, float, float]
) -> None:
    """Lay one disc of cloud in front of what is there."""
    u, v, r = place
    rows, columns = _window(canvas, u, v, r)
    du, dv = (canvas.u[:, columns] - u) / r, (canvas.v[rows] - v) / r
    inside = 1 - du * du - dv * dv
    light = 0.5 + 0.3 * du * layout.side - 0.42 * dv
    old = lit[rows, columns]
    lit[rows, columns] = np.where(inside > 0, light * 0.75 + 0.25 * np.maximum(old, 0), old)
    np.maximum(field[rows, columns], inside, out=field[rows, columns])


def _wisps(
    sky: np.ndarray,
    canvas: Canvas,
    layout: Layout,
    colours: Palette,
    crisp: float,
    rng: np.random.Generator,
    amount: float,
) -> None:
    """Thin high streaks."""
    field = screen("soft", canvas.size, rng, 0.35, 1.5) + 0.35 * screen("rough", canvas.size, rng, 0.4, 1.3)
    field -= 1.1 - amount + 0.9 * smoothstep(0.75, 1.0, canvas.v / layout.horizon)
    mask = smoothstep(0, 1.1 - 0.95 * crisp, field) * (0.75 - 0.2 * crisp)
    sky += mask * (colours.cloud_lit[:, None, None] - sky)


def _ceiling(
    sky: np.ndarray,
    canvas: Canvas,
    scene: Scene,
    layout: Layout,
    colours: Palette,
    crisp: float,
    rng: np.random.Generator,
) -> None:
    """A heavy ceiling that leaves a bright gap above the horizon."""
    across, down = (0.5, 1.3) if scene.weather == "rain" else (0.42, 0.9)
    field = 0.75 * screen("billow", canvas.size, rng, across, down) + 0.45 * screen("rough", canvas.size, rng, 0.5, 1.1)
    reach = canvas.v / layout.horizon
    mask = smoothstep(1.0 + 0.1 * crisp, 0.62 - 0.02 * crisp, reach + 0.1 * field)
    tone = np.clip(0.42 + 0.27 * field, 0, 1)
    if crisp:
        tone = 0.2 + 0.35 * smoothstep(0.38, 0.42, tone) + 0.35 * smoothstep(0.58, 0.62, tone)
    light, dark = colours.cloud_lit[:, None, None], colours.cloud_shade[:, None, None]
    sky += 0.92 * mask * (dark + tone * (light - dark) - sky)
