"""What a picture shows: the attributes of a scene, and how they are drawn together."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from engine.errors import InvalidRequest, Problem

TIMES = ("dawn", "day", "sunset", "dusk", "night", "aurora")
WEATHERS = ("clear", "cloudy", "fog", "rain", "snow", "storm")
LANDS = ("mountains", "hills", "valley", "forest", "desert", "canyon", "volcano", "cliffs", "floating")
WATERS = ("none", "lake", "river", "sea", "waterfall")
PLANTS = ("none", "pines", "leafy", "autumn", "blossom", "palms", "flowers")
LANDMARKS = ("none", "castle", "tower", "village", "temple", "ship", "windmill", "mushrooms", "crystals")
MOODS = ("calm", "dramatic", "dreamy", "magical")
LOOKS = ("painterly", "ink", "cel", "mono")

CHOICES = {
    "time": TIMES,
    "weather": WEATHERS,
    "land": LANDS,
    "water": WATERS,
    "plants": PLANTS,
    "landmark": LANDMARKS,
    "mood": MOODS,
    "look": LOOKS,
}
ATTRIBUTES = tuple(CHOICES)
MAX_SEED = 2**63 - 1

# What goes with each land form; weights are relative. A pairing that is left out does not look right.
_WATER_OF_LAND = {
    "mountains": {"none": 2, "lake": 3, "river": 2, "sea": 1, "waterfall": 2},
    "hills": {"none": 3, "lake": 3, "river": 3, "sea": 2, "waterfall": 1},
    "valley": {"none": 2, "lake": 3, "river": 4, "waterfall": 2},
    "forest": {"none": 3, "lake": 3, "river": 3, "waterfall": 2},
    "desert": {"none": 5, "lake": 2, "river": 2, "sea": 1},
    "canyon": {"none": 3, "lake": 1, "river": 3, "waterfall": 3},
    "volcano": {"none": 3, "lake": 2, "sea": 3, "river": 1},
    "cliffs": {"none": 1, "sea": 6, "waterfall": 2, "lake": 1},
    "floating": {"none": 2, "waterfall": 3, "sea": 3, "lake": 1},
}
_PLANTS_OF_LAND = {
    "mountains": {"none": 1, "pines": 5, "leafy": 1, "autumn": 2, "blossom": 1, "flowers": 2},
    "hills": {"none": 1, "pines": 2, "leafy": 3, "autumn": 3, "blossom": 3, "flowers": 4},
    "valley": {"none": 1, "pines": 3, "leafy": 2, "autumn": 3, "blossom": 2, "flowers": 3},
    "forest": {"pines": 4, "leafy": 3, "autumn": 3, "blossom": 2},
    "desert": {"none": 3, "palms": 4},
    "canyon": {"none": 4, "pines": 2, "palms": 2},
    "volcano": {"none": 3, "pines": 2, "palms": 3},
    "cliffs": {"none": 2, "pines": 3, "leafy": 2, "autumn": 2, "palms": 2, "flowers": 3},
    "floating": {"none": 1, "pines": 2, "leafy": 3, "autumn": 2, "blossom": 3},
}
_WEATHER = {"clear": 5, "cloudy": 4, "fog": 3, "rain": 3, "snow": 3, "storm": 2}
_TIME = {"dawn": 3, "day": 4, "sunset": 4, "dusk": 3, "night": 4, "aurora": 2}
_MOOD = {"calm": 4, "dramatic": 2, "dreamy": 2, "magical": 2}
_LANDMARK = {
    "none": 30,
    "castle": 12,
    "tower": 10,
    "village": 9,
    "temple": 9,
    "ship": 16,  # possible on a lake or the sea only, so drawn more often there
    "windmill": 11,
    "mushrooms": 9,
    "crystals": 9,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture in words; with its seed it fixes every pixel."""

    time: str = "day"
    weather: str = "clear"
    land: str = "hills"
    water: str = "none"
    plants: str = "leafy"
    landmark: str = "none"
    mood: str = "calm"
    look: str = "painterly"
    seed: int = 0

    def __post_init__(self):
        problems = [*_wrong_values(self), *_wrong_seed(self.seed)]
        if not problems:
            problems = [Problem("scene", text) for text in conflicts(self)]
        if problems:
            raise InvalidRequest(problems)

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def _wrong_values(scene: Scene) -> list[Problem]:
    return [
        Problem(name, f"A scene's {name} must be one of {', '.join(choices)}; got {getattr(scene, name)!r}.")
        for name, choices in CHOICES.items()
        if getattr(scene, name) not in choices
    ]


def _wrong_seed(seed: object) -> list[Problem]:
    if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= MAX_SEED:
        return []
    return [Problem("seed", f"A scene's seed must be a whole number from 0 to {MAX_SEED}; got {seed!r}.")]


def conflicts(scene: Scene) -> list[str]:
    """Sentences about attributes that cannot be seen together; empty when all is well."""
    texts = []
    if scene.water not in _WATER_OF_LAND[scene.land]:
        texts.append(_pair("water", scene.water, scene.land, _WATER_OF_LAND[scene.land]))
    if scene.plants not in _PLANTS_OF_LAND[scene.land]:
        texts.append(_pair("plants", scene.plants, scene.land, _PLANTS_OF_LAND[scene.land]))
    if not _fits("weather", scene.weather, scene):
        texts.append(f"Weather {scene.weather!r} does not go with {scene.land!r} at {scene.time!r}; choose clear.")
    if not _fits("plants", scene.plants, scene):
        reason = "in snow; choose pines or none" if scene.weather == "snow" else "by broad water; choose another plant"
        texts.append(f"Plants {scene.plants!r} are not seen {reason}.")
    if not _fits("landmark", scene.landmark, scene):
        texts.append(f"Landmark {scene.landmark!r} does not go with {scene.land!r} and water {scene.water!r}.")
    return texts


def _pair(name: str, value: str, land: str, choices: dict[str, int]) -> str:
    return f"Land form {land!r} goes with {name} {', '.join(choices)}; got {value!r}."


def _fits(name: str, value: str, scene: Scene) -> bool:
    """The rules beyond land-and-water and land-and-plants."""
    if name == "weather" and value == "snow":
        return scene.land not in ("desert", "canyon", "volcano")
    if name == "weather" and value == "rain" and scene.land == "desert":
        return False
    if name == "weather" and scene.time == "aurora":
        return value in ("clear", "snow")  # anything else hides the lights
    if name == "plants" and value == "flowers" and scene.water in ("sea", "lake"):
        return False  # the strip of shore is too narrow to show them
    if name == "plants" and scene.weather == "snow":
        return value in ("none", "pines")
    if name == "landmark" and value == "ship":
        return scene.water in ("lake", "sea") and scene.land != "floating"
    if name == "landmark" and value == "windmill":
        return scene.land in ("hills", "valley", "cliffs", "mountains", "forest", "floating")
    return True


def draw_scene(rng: np.random.Generator, **fixed: str | int) -> Scene:
    """A scene at random; values in `fixed` are kept, and the others drawn to go with them.

    Raises:
        InvalidRequest: a fixed value is unknown, or two fixed values cannot be seen together.
    """
    _check_names(fixed)
    seed = int(fixed.get("seed", rng.integers(0, 2**31)))
    tables = {"time": _TIME, "weather": _WEATHER, "landmark": _LANDMARK, "mood": _MOOD}
    for _ in range(400):
        land = str(fixed.get("land", _pick(rng, dict.fromkeys(LANDS, 1))))
        tables |= {"water": _WATER_OF_LAND.get(land, {"none": 1}), "plants": _PLANTS_OF_LAND.get(land, {"none": 1})}
        drawn = {name: _pick(rng, table) for name, table in tables.items()}
        values: dict[str, Any] = {"land": land, "look": "painterly"} | drawn | fixed | {"seed": seed}
        if _unknown(values) or not _conflict(values):
            break
    return Scene(**values)


def _check_names(fixed: dict[str, str | int]) -> None:
    known = [field.name for field in fields(Scene)]
    unknown = [name for name in fixed if name not in known]
    if unknown:
        names = ", ".join(unknown)
        raise InvalidRequest([Problem(unknown[0], f"A scene has {', '.join(known)}; got {names}.")])


def _unknown(values: dict) -> bool:
    return any(values[name] not in choices for name, choices in CHOICES.items())


def _conflict(values: dict) -> bool:
    blank = object.__new__(Scene)  # the rules need the attributes only, not a valid Scene
    for name, value in values.items():
        object.__setattr__(blank, name, value)
    return bool(conflicts(blank))


def _pick(rng: np.random.Generator, weights: dict[str, int]) -> str:
    """One key, by whole-number weights (so no float decides)."""
    ticket = int(rng.integers(sum(weights.values())))
    for name, weight in weights.items():
        ticket -= weight
        if ticket < 0:
            return name
    raise AssertionError("the ticket is below the sum of the weights")


def random_scene(seed: int, **fixed: str | int) -> Scene:
    """The scene that belongs to `seed`; the look changes nothing else."""
    problems = _wrong_seed(seed)
    if problems:
        raise InvalidRequest(problems)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), 7])))
    return draw_scene(rng, **{"seed": int(seed)} | fixed)


def with_look(scene: Scene, look: str) -> Scene:
    """The same picture in another look."""
    return replace(scene, look=look)
