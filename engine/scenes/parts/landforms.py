"""The height of the ground at any point of the world, for each land form and water."""

import numpy as np

from engine.scenes.layout import Layout
from engine.scenes.noise import sample, smoothstep
from engine.scenes.scene import Scene


def height(scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Ground height at (x, z); below 0 is under water. Any broadcastable shapes."""
    wave = sample("soft", x / 9, z / 9, layout.offsets[0])
    ground = 0.05 + 0.035 * wave * np.clip(z / 4, 0.3, 1)
    relief = _RELIEF[scene.land](layout, x, z)
    if scene.water == "sea" and scene.land != "cliffs":
        # Land on one side only, so that the open horizon is seen on the other.
        coast = smoothstep(0.5, 0.22, np.abs(x / z - (layout.feature_u - 0.5))) if scene.land != "volcano" else 1.0
        relief = (relief * coast - 0.12) * smoothstep(6, 14, z)
    land = ground + relief
    land = _flatten_spot(scene, layout, x, z, land)
    if scene.water == "none":
        return np.maximum(land, 0.012)
    return _WATER[scene.water](scene, layout, x, z, land, wave)


# ---------------------------------------------------------------- land forms


def _mountains(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    ridged = sample("ridged", x / 110, z / 110, layout.offsets[1])
    fine = sample("soft", x / 34, z / 34, layout.offsets[2])
    tents = _tents(layout, x + 0.7 * ridged, z + 0.9 * fine)
    return tents * (1 + 0.16 * ridged + 0.05 * fine) + smoothstep(7, 14, z) * 0.3 * (1.5 + ridged)


def _tents(layout: Layout, x: np.ndarray, z: np.ndarray, power: float = 1.15) -> np.ndarray:
    """Pointed summits."""
    total = np.zeros(np.broadcast(x, z).shape, np.float32)
    for u, depth, top, radius in layout.peaks:
        away = np.sqrt((x - (u - 0.5) * depth) ** 2 + ((z - depth) * 1.2) ** 2) / (radius * 1.25)
        np.maximum(total, top * np.clip(1 - away, 0, 1) ** power, out=total)
    return total


def _mounds(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Round tops."""
    total = np.zeros(np.broadcast(x, z).shape, np.float32)
    for u, depth, top, radius in layout.peaks:
        away = ((x - (u - 0.5) * depth) / radius) ** 2 + ((z - depth) / (0.5 * radius)) ** 2
        np.maximum(total, top * np.exp(-away), out=total)
    return total


def _hills(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    roll = sample("soft", x / 40, z / 40, layout.offsets[1])
    return _mounds(layout, x, z) * (1 + 0.08 * roll) + 0.14 * (1 + roll) * smoothstep(3, 10, z)


def _valley(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Two rising flanks and a far summit in the gap."""
    ridged = sample("ridged", x / 70, z / 70, layout.offsets[1])
    middle = (0.5 - 0.5 + (layout.spot[0] - 0.5) * 0.3) * z
    wide = 0.5 + 0.16 * z
    flank = np.clip(np.abs(x - middle + 0.25 * ridged) - wide, 0, 9)
    near = smoothstep(2.5, 9, z) * (1 - 0.75 * smoothstep(20, 34, z))
    return _tents(layout, x, z) + near * flank**1.15 * 0.95 * (1 + 0.16 * ridged)


def _desert(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Dunes: a long rise to a sharp crest and a short slip face, in two sizes."""
    warp = sample("soft", x / 90, z / 90, layout.offsets[1])
    small = sample("soft", x / 30, z / 30, layout.offsets[2])
    near = _dune(x * 0.2 * layout.side + z * 0.24 + 0.3 * small) * 0.26 * smoothstep(1.5, 4, z)
    far = _dune(x * 0.05 * layout.side + z * 0.07 + 0.45 * warp + 0.3) * smoothstep(5, 10, z)
    return near * (1 - smoothstep(6, 13, z)) + far * (2.6 + 0.9 * warp) * (1 - 0.5 * smoothstep(25, 45, z))


def _dune(phase: np.ndarray) -> np.ndarray:
    part = phase - np.floor(phase)
    return np.where(part < 0.7, (part / 0.7) ** 1.4, ((1 - part) / 0.3) ** 1.2)


def _canyon(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Flat-topped mesas with steep walls on terraces, closing in at both sides."""
    rough = sample("rough", x / 60, z / 60, layout.offsets[1])
    total = np.zeros(np.broadcast(x, z).shape, np.float32)
    for u, depth, top, radius in layout.peaks:
        away = np.sqrt((x - (u - 0.5) * depth) ** 2 + (z - depth) ** 2) / radius + 0.14 * rough
        mesa = top * (0.55 * smoothstep(1.02, 0.94, away) + 0.3 * smoothstep(0.86, 0.8, away))
        np.maximum(total, mesa + top * 0.15 * smoothstep(1.5, 1.0, away), out=total)
    gap = np.abs(x / z - (layout.spot[0] - 0.5) * 0.4) + 0.04 * rough
    walls = smoothstep(0.32, 0.34, gap) * 0.85 + smoothstep(0.39, 0.41, gap) * 0.75
    return np.maximum(total, walls * smoothstep(3.9, 4.1, z) * (1 - smoothstep(9, 9.5, z)))


def _volcano(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    u, depth, top, radius = layout.peaks[0]
    ridged = sample("ridged", x / 75, z / 75, layout.offsets[1])
    away = np.sqrt((x - (u - 0.5) * depth) ** 2 + (z - depth) ** 2) / radius
    cone = top * np.clip(1 - away, 0, 1) ** 1.45 * (1 + 0.05 * ridged * smoothstep(0.12, 0.4, away))
    crater = top * (0.64 + 0.8 * away)  # the cone is cut open at the top
    return np.minimum(cone, crater) + 0.1 * smoothstep(5, 10, z) * np.maximum(ridged, 0)


def _cliffs(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Three headlands, one behind the other, that step down to the water with bare walls."""
    rough = sample("soft", x / 26, z / 26, layout.offsets[1])
    toward = 1 if layout.spot[0] > 0.5 else -1
    inward = (x / z) * toward + 0.022 * rough
    total = np.zeros(np.broadcast(x, z).shape, np.float32)
    for edge, near, far, top in ((0.04, 4.6, 7.0, 0.8), (-0.12, 10, 15, 2.4), (-0.28, 20, 30, 5.6)):
        wall = smoothstep(edge - 0.01, edge + 0.03, inward) * smoothstep(near - 0.12, near + 0.08, z + 0.2 * rough)
        np.maximum(total, top * wall * (1 - smoothstep(far, far + 1.5, z)) * (1 + 0.03 * rough), out=total)
    return total


def _floating(layout: Layout, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return _mounds(layout, x, z) * 0.8


_RELIEF = {
    "mountains": _mountains,
    "hills": _hills,
    "valley": _valley,
    "forest": _hills,
    "desert": _desert,
    "canyon": _canyon,
    "volcano": _volcano,
    "cliffs": _cliffs,
    "floating": _floating,
}


def _flatten_spot(scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray, land: np.ndarray) -> np.ndarray:
    """A low mound for the landmark, and nothing high in front of it."""
    if scene.landmark in ("none", "ship") or scene.land in ("cliffs", "floating"):
        return land
    u, depth = layout.spot
    aside = np.abs(x / z - (u - 0.5)) / 0.26
    before = (1 - smoothstep(0.8, 1.25, aside)) * (1 - smoothstep(depth + 0.8, depth + 3, z))
    away = np.sqrt(((x - (u - 0.5) * depth) / 1.6) ** 2 + ((z - depth) / 1.3) ** 2)
    mound = 0.03 + 0.13 * (1 - smoothstep(0.4, 1.2, away))
    return land + before * (np.minimum(land, mound) - land)


# ---------------------------------------------------------------- water


def _lake(scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray, land: np.ndarray, wave: np.ndarray) -> np.ndarray:
    middle = (0.5 - layout.spot[0]) * 0.6 * 2.6
    away = ((x - middle) / 2.3) ** 2 + ((z - 2.85) / 1.45) ** 2 + 0.1 * wave
    return np.minimum(np.maximum(land, 0.02), (away - 1) * 0.14)


def river_u(layout: Layout, z: np.ndarray) -> np.ndarray:
    """Where the river runs, as a fraction of the width; it ends at the feature."""
    amplitude, frequency, phase = layout.bend
    swing = amplitude * np.sin(frequency * np.log(z) * 1.6 + phase) * (1 - smoothstep(2.2, 5.5, z))
    return 0.5 + (layout.feature_u - 0.5) * smoothstep(1, 7, z) + swing


def _river(
    scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray, land: np.ndarray, wave: np.ndarray
) -> np.ndarray:
    aside = np.abs(x - (river_u(layout, z) - 0.5) * z) - (0.2 + 0.025 * z + 0.03 * wave)
    channel = np.where((z < 13) & (aside < 0.3), aside * 0.3, _OPEN)
    low = np.maximum(land, 0.02)
    # The ground slopes down to the channel, so that hills do not hide it.
    bank = 0.04 + 0.25 * np.clip(aside - 0.15, 0, 9) + smoothstep(8, 14, z) * 9
    return np.minimum(np.minimum(low, bank), channel)


def _sea(scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray, land: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """Open water behind a strip of shore; far land keeps its relief; the landmark gets an island."""
    shore = (1.42 + 0.16 * wave + 0.5 * np.abs(x) * (x * (layout.feature_u - 0.5) > 0) - z) * 0.15
    rise = 0.1 if scene.land == "cliffs" else 0.17
    sea_floor = np.maximum(land - rise, -0.2)
    total = np.maximum(np.minimum(shore, 0.1), sea_floor)
    if scene.landmark in ("none", "ship") or scene.land in ("cliffs", "floating"):
        return total
    u, depth = layout.spot
    away = ((x - (u - 0.5) * depth) / 1.55) ** 2 + ((z - depth) / 1.1) ** 2 + 0.12 * wave
    return np.maximum(total, np.minimum((1 - away) * 0.3, 0.14))


FALL_DEPTH, FALL_HEIGHT, FALL_HALF = 7.0, 1.75, 0.3


def fall_x(layout: Layout) -> float:
    return (layout.feature_u - 0.5) * FALL_DEPTH


def _waterfall(
    scene: Scene, layout: Layout, x: np.ndarray, z: np.ndarray, land: np.ndarray, wave: np.ndarray
) -> np.ndarray:
    """A rock wall with a flat top, a pool below it and a stream that leaves it."""
    if scene.land == "floating":
        return np.maximum(land, 0.012)
    rough = sample("rough", x / 12, z / 12, layout.offsets[2])
    aside = x - fall_x(layout)
    width = 1.5 + 0.35 * rough
    wall = smoothstep(width + 0.25, width, np.abs(aside)) * smoothstep(FALL_DEPTH - 0.06, FALL_DEPTH + 0.06, z)
    wall = wall * (1 - smoothstep(9.5, 11, z))
    rock = np.maximum(land, wall * (FALL_HEIGHT + 0.12 * rough - 0.1 * (np.abs(aside) < FALL_HALF)))
    pool = (aside / 1.25) ** 2 + ((z - 5.5) / 1.6) ** 2 - 1 + 0.1 * wave
    stream_ = np.where(z < 6, np.abs(x - (river_u(layout, z) - 0.5) * z) - 0.24, _OPEN)
    wettest = np.where(z < FALL_DEPTH, np.minimum(pool * 0.5, stream_), _OPEN)
    water = np.where(wettest < 0.3, wettest * 0.3, _OPEN)
    bank = np.where(z < FALL_DEPTH - 0.1, 0.04 + 0.3 * np.clip(wettest, 0, 9), _OPEN)
    return np.minimum(np.maximum(np.minimum(rock, bank), 0.02), water)


_OPEN = 99.0  # higher than any land: no water here
_WATER = {"lake": _lake, "river": _river, "sea": _sea, "waterfall": _waterfall}
