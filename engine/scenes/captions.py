"""Captions in many wordings, drawn from what the picture shows."""

import re
from itertools import chain

import numpy as np

from engine.scenes import words
from engine.scenes.scene import Scene


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One caption: short or long, its parts in varied order, some attributes left out; decided by `rng` alone."""
    if rng.random() < 0.06:
        return plain_caption(scene)
    brief = rng.random() < 0.22
    subject = _subject(scene, rng)
    details = [] if brief else _details(scene, rng, subject)
    when = _choice(rng, words.TIME[scene.time]) if rng.random() < 0.88 else None
    if when and rng.random() < 0.65:
        subject = f"{subject} {when}"
    elif when:
        details.append(when)
    if brief and rng.random() < 0.6 and _weather(scene, rng):
        details.append(_weather(scene, rng))
    details += _style(scene, rng, brief)
    text = ", ".join(_order(rng, subject, details))
    return text[0].upper() + text[1:] if rng.random() < 0.25 else text


def captions(scene: Scene, rng: np.random.Generator, n: int) -> list[str]:
    """n captions of the same scene; they may repeat."""
    return [caption(scene, rng) for _ in range(n)]


def plain_caption(scene: Scene) -> str:
    """Every attribute in a fixed order, in its plainest words."""
    parts = [
        words.PLAIN[name][getattr(scene, name)]
        for name in ("landmark", "land", "water", "plants", "time", "weather", "mood", "look")
        if getattr(scene, name) in words.PLAIN[name]
    ]
    return ", ".join(parts)


def vocabulary(looks: bool = True) -> list[str]:
    """All words that captions can use, lower case, sorted.

    Args:
        looks: also those of scenes in another look than the painterly one.
    """
    tables = (
        words.TIME, words.WEATHER, words.WEATHER_AT_NIGHT, words.LAND, words.LAND_PLACE, words.WATER, words.WATER_PLACE,
        words.SHIP_PLACE, words.FLOATING_WATER_PLACE, words.PLANTS, words.LANDMARK, words.MOOD,
    )  # fmt: skip
    drawn = (*tables, words.LOOK) if looks else tables
    phrases = chain(*(chain(*table.values()) for table in drawn), words.STYLE, words.VIEW)
    plain = chain(*(table.values() for name, table in words.PLAIN.items() if looks or name != "look"))
    text = " ".join(p if isinstance(p, str) else " ".join(p) for p in chain(phrases, plain))
    return sorted(set(re.findall(r"[a-z']+", text.lower())) | {"with", "and"})


def _choice(rng: np.random.Generator, phrases: tuple[str, ...]) -> str:
    return phrases[int(rng.integers(len(phrases)))]


# ---------------------------------------------------------------- parts


def _subject(scene: Scene, rng: np.random.Generator) -> str:
    """What the eye meets first: the landmark in its place, or the land."""
    draw = rng.random()
    if scene.landmark == "none":
        return _land_subject(scene, rng, draw)
    thing = _choice(rng, words.LANDMARK[scene.landmark])
    if draw < 0.08:
        return thing
    place, water = _choice(rng, words.LAND_PLACE[scene.land]), _water_place(scene, rng)
    if water and (draw < 0.45 or scene.landmark == "ship"):
        return f"{thing} {water}" if draw < 0.3 else f"{thing} {water} {_backdrop(scene, rng)}"
    return f"{thing} {place}"


def _backdrop(scene: Scene, rng: np.random.Generator) -> str:
    """The land after the water has been named."""
    if scene.land in ("forest", "valley", "desert", "canyon", "floating"):
        return _choice(rng, words.LAND_PLACE[scene.land])
    return f"with {_choice(rng, words.LAND[scene.land])}"


def _land_subject(scene: Scene, rng: np.random.Generator, draw: float) -> str:
    land = _choice(rng, words.LAND[scene.land])
    water = _water_place(scene, rng)
    if draw < 0.15:
        return f"{_choice(rng, words.VIEW)} {_choice(rng, words.LAND_PLACE[scene.land])}"
    if water and draw < 0.5:
        return f"{land} {water}"
    if water and draw < 0.65 and scene.land not in ("floating",):
        return f"{_choice(rng, words.WATER[scene.water])} {_choice(rng, words.LAND_PLACE[scene.land])}"
    return land


def _water_place(scene: Scene, rng: np.random.Generator) -> str | None:
    if scene.water == "none":
        return None
    if scene.landmark == "ship":
        return _choice(rng, words.SHIP_PLACE[scene.water])
    table = words.FLOATING_WATER_PLACE if scene.land == "floating" else words.WATER_PLACE
    return _choice(rng, table[scene.water]) if scene.water in table else None


def _details(scene: Scene, rng: np.random.Generator, subject: str) -> list[str]:
    """What the subject has not named yet, each part with its own chance."""
    parts = []
    if not _names(subject, words.LAND, words.LAND_PLACE, scene.land) and rng.random() < 0.75:
        parts.append(_choice(rng, words.LAND[scene.land]))
    if scene.water != "none" and not _names_water(subject, scene) and rng.random() < 0.8:
        parts.append(_choice(rng, words.WATER[scene.water]))
    if scene.plants != "none" and rng.random() < 0.6:
        parts.append(_choice(rng, words.PLANTS[scene.plants]))
    if rng.random() < (0.3 if scene.weather == "clear" else 0.88) and _weather(scene, rng):
        parts.append(_weather(scene, rng))
    if rng.random() < (0.12 if scene.mood == "calm" else 0.5):
        parts.append(_choice(rng, words.MOOD[scene.mood]))
    return parts


def _names(text: str, nouns: dict, places: dict, value: str) -> bool:
    return any(phrase in text for phrase in (*nouns[value], *places[value]))


def _names_water(text: str, scene: Scene) -> bool:
    phrases = (*words.WATER[scene.water], *words.WATER_PLACE[scene.water])
    phrases += (*words.SHIP_PLACE.get(scene.water, ()), *words.FLOATING_WATER_PLACE.get(scene.water, ()))
    return any(phrase in text for phrase in phrases)


def _weather(scene: Scene, rng: np.random.Generator) -> str:
    dark = scene.time in ("dusk", "night", "aurora")
    table = words.WEATHER | (words.WEATHER_AT_NIGHT if dark else {})
    return _choice(rng, table[scene.weather])


def _style(scene: Scene, rng: np.random.Generator, brief: bool) -> list[str]:
    """Words for the look, when it is not the default; else now and then a word for fantasy painting."""
    if scene.look != "painterly":
        return [_choice(rng, words.LOOK[scene.look])] if rng.random() < 0.92 else []
    return [_choice(rng, words.STYLE)] if rng.random() < (0.08 if brief else 0.3) else []


def _order(rng: np.random.Generator, subject: str, details: list[str]) -> list[str]:
    """The details shuffled; now and then one of them comes before the subject."""
    shuffled = [details[k] for k in rng.permutation(len(details))]
    if shuffled and rng.random() < 0.14:
        return [shuffled[0], subject, *shuffled[1:]]
    return [subject, *shuffled]
