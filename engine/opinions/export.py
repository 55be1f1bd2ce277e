"""Results for other programs: every answer as CSV, and everything as JSON."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from engine.opinions.estimates import Estimate
from engine.opinions.published import PUBLISHED
from engine.opinions.records import Participant
from engine.opinions.results import Question, Results
from engine.opinions.study import Study
from engine.opinions.tables import given

COLUMNS = ("participant", "position", "repeat_of", "content", "shown", "question", "answer", "seconds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a table program would compute a cell that begins so


def as_csv(study: Study, participants: Sequence[Participant]) -> str:
    """One line for each answer to each question; what was shown is joined by " | " in its order."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in given(study, participants, repeats=True):
        trial, answer = each.trial, each.answer
        repeated = "" if trial.repeat_of is None else trial.repeat_of + 1
        for question, value in answer.values.items():
            cells = (trial.content, " | ".join(trial.shown), question, value)
            who = participants[each.participant].id
            writer.writerow([_plain(who), trial.position + 1, repeated, *map(_plain, cells), answer.seconds])
    return file.getvalue()


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_values(results: Results) -> dict[str, Any]:
    """JSON-like values; what cannot be computed is None. Published values stand apart from the measured ones."""
    study = results.study
    return {
        "study": study.id,
        "title": study.title,
        "kind": study.kind,
        "closed": study.closed_at is not None,
        "contents": len(study.contents),
        "questions": [_question(question) for question in results.questions],
        "participants": [_finite(asdict(person)) for person in results.people],
        "left_out": results.left_out,
        "first_place": results.first_place and dict(zip(("share", "by_chance"), results.first_place, strict=True)),
        "published": PUBLISHED,
    }


def _question(question: Question) -> dict[str, Any]:
    return {
        "question": question.name,
        "text": question.text,
        "alpha": question.alpha,
        "verdict": question.verdict,
        "methods": [
            {
                "method": row.method,
                **_estimate(row.score),
                "to_best": row.to_best and _estimate(row.to_best),
                "strength": row.strength and dict(zip(("value", "low", "high"), row.strength, strict=True)),
            }
            for row in question.rows
        ],
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    values = asdict(found)
    return _finite({name: values[name] for name in list(values)[:7]})


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
