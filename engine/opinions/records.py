"""What lies in the files of a study: the study, its participants and their answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files import read_json
from engine.opinions.pictures import is_picture_name
from engine.opinions.study import KINDS, Study
from gallery.ids import is_id


@dataclass(frozen=True)
class Answer:
    """What a participant said at one question.

    Attributes:
        position: of the question, from 0.
        values: by question: 1 to 5, or a method, "equal", "real", "made".
        seconds: from the picture's appearance to the answer.
    """

    position: int
    values: Mapping[str, int | str]
    seconds: float


@dataclass(frozen=True)
class Participant:
    """Somebody who takes part: a random number and answers.

    Attributes:
        joined_at: unix seconds.
    """

    id: str
    joined_at: float
    answers: tuple[Answer, ...] = ()


def study_in(path: Path) -> Study | None:
    try:
        values = read_json(path)
        for name in ("methods", "contents"):
            values[name] = tuple(values[name])
        study = Study(**values)
        names = [name for of_content in study.pictures.values() for name in of_content.values()]
        sound = (
            isinstance(study.subject, dict)
            and study.kind in KINDS
            and is_id(study.id)
            and all(map(is_picture_name, [*names, *study.originals.values()]))
        )
        return study if sound else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def participant_in(path: Path) -> Participant | None:
    try:
        values: dict[str, Any] = read_json(path)
        answers = tuple(
            Answer(int(each["position"]), each["values"], float(each["seconds"])) for each in values["answers"]
        )
        if [answer.position for answer in answers] != list(range(len(answers))) or values["id"] != path.stem:
            return None
        return Participant(values["id"], float(values["joined_at"]), answers)
    except (OSError, ValueError, TypeError, KeyError, json.JSONDecodeError):
        return None
