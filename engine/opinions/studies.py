"""Studies and answers, kept in files so that nothing is lost to a refresh, a second tab or a restart.

home/studies/<id>/study.json               what is asked
home/studies/<id>/pictures/<name>.png      about which pictures
home/studies/<id>/participants/<id>.json   one person's answers, in their order
"""

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.files import open_plain, put, write_json
from engine.opinions.pictures import Matched, is_picture_name, taken
from engine.opinions.records import Answer, Participant, participant_in, study_in
from engine.opinions.study import (
    BEST,
    CONSENT,
    EQUAL,
    MOST_TEXT,
    PAIRS,
    RATINGS,
    SCORES,
    Study,
    StudyRefused,
    check_study,
)
from engine.opinions.trials import Trial, trials_for
from gallery.ids import is_id, new_id

MOST_PARTICIPANTS = 2000  # of a study, who answered: a link that went astray must not fill the disk
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Studies:
    """The opinion studies of a studio.

    Args:
        home: its folder.
    """

    def __init__(self, home: Path):
        self._folder = Path(home) / "studies"

    # -- studies

    def create(
        self,
        title: str,
        kind: str,
        matched: Matched,
        *,
        repeats: int = 0,
        seed: int | None = None,
        least_seconds: float = 1.0,
        glimpse_seconds: float = 1.0,
        consent: str = CONSENT,
        question: str = "",
        study_id: str | None = None,
        at_home: bool = False,
        subject: Mapping[str, Any] | None = None,
    ) -> Study:
        """Make a study about these pictures; it is there whole or not at all.

        Args:
            study_id: a ULID; where a study has it already, that one is returned. None for a new one.

        Raises:
            StudyRefused: it breaks a rule, or a picture cannot be used.
        """
        contents = tuple(matched.files)
        methods = tuple(next(iter(matched.files.values()), {}))
        check_study(kind, title, methods, contents, repeats, (least_seconds, glimpse_seconds))
        if at_home and kind not in (BEST, PAIRS):
            raise StudyRefused(f"Judging alone goes by {PAIRS!r} or {BEST!r}; got {kind!r}.")
        if max(len(consent), len(question)) > MOST_TEXT:
            raise StudyRefused(f"Texts of a study have {MOST_TEXT:,} characters at most.")
        if study_id is not None and not is_id(study_id):
            raise StudyRefused(f"A study's id is a ULID; got {study_id[:40]!r}.")
        if study_id and (there := study_in(self._folder / study_id / "study.json")):
            return there
        study = Study(
            study_id or new_id(),
            secrets.token_urlsafe(16),
            title.strip(),
            kind,
            methods,
            contents,
            {},
            {},
            repeats,
            secrets.randbits(32) if seed is None else seed,
            least_seconds,
            glimpse_seconds,
            consent,
            time.time(),
            question=" ".join(question.split()),
            at_home=at_home,
            subject=dict(subject or {}),
        )
        return self._kept(study, matched)

    def _kept(self, study: Study, matched: Matched) -> Study:
        """With its pictures, on disk."""
        growing = self._growing(study.id)
        shutil.rmtree(growing, ignore_errors=True)  # of a job that was killed on the way
        (growing / "pictures").mkdir(parents=True)
        try:
            pictures, originals = taken(matched, lambda name, data: _write(growing / "pictures" / name, data))
            study = replace(study, pictures=pictures, originals=originals)
            write_json(growing / "study.json", asdict(study))
            put(growing, self._folder / study.id)
        except BaseException:
            shutil.rmtree(growing, ignore_errors=True)
            raise
        return study

    def _growing(self, study_id: str) -> Path:
        """Where a study is made, and where one goes that is deleted; what stays there is swept as a leftover."""
        return self._folder / f".{study_id}.tmp"

    def all(self) -> list[Study]:
        """Every study, newest first; those that cannot be read are left out."""
        paths = sorted(self._folder.glob("*/study.json"), reverse=True)
        return [study for path in paths if (study := study_in(path))]

    def open_to_others(self) -> list[Study]:
        """Those that a link opens now, newest first: neither closed nor judged at home."""
        return [study for study in self.all() if study.closed_at is None and not study.at_home]

    def get(self, study_id: str) -> Study:
        """The study of that id.

        Raises:
            StudyRefused: there is none.
        """
        study = study_in(self._folder / study_id / "study.json") if is_id(study_id) else None
        if study is None:
            raise StudyRefused(
                f"There is no study {study_id[:40]!r}, or it was deleted. `study list` shows those that are there."
            )
        return study

    def by_token(self, token: str) -> Study:
        """The study that a link opens.

        Raises:
            StudyRefused: no study has that link.
        """
        for study in self.all():
            if not study.at_home and secrets.compare_digest(study.token.encode(), token.encode()):
                return study
        raise StudyRefused(
            "This link opens no study. Ask whoever sent it for the whole link, or whether the study was deleted."
        )

    def close(self, study_id: str) -> Study:
        """Take no more answers; closing twice changes nothing."""
        with self._locked():
            study = self.get(study_id)
            if study.closed_at is None:
                study = replace(study, closed_at=time.time())
                write_json(self._folder / study.id / "study.json", asdict(study))
        return study

    def delete(self, study_id: str) -> None:
        """Delete a study with its pictures and everybody's answers, for good.

        Raises:
            StudyRefused: there is none.
        """
        with self._locked():
            study = self.get(study_id)
            shutil.rmtree(self._growing(study.id), ignore_errors=True)
            os.rename(self._folder / study.id, self._growing(study.id))  # gone at once, however long the rest takes
        shutil.rmtree(self._growing(study.id), ignore_errors=True)

    def picture(self, study: Study, name: str) -> bytes:
        """The PNG file of one picture."""
        if not is_picture_name(name):
            raise StudyRefused(f"A study has no picture {name[:40]!r}.")
        with open_plain(self._folder / study.id / "pictures" / name) as file:
            return file.read()

    # -- participants

    def join(self, study: Study) -> Participant:
        """A new participant, with a number that cannot be guessed.

        Raises:
            StudyRefused: the study is closed, or has as many as it may.
        """
        self._require_open(study)
        with self._writing(study) as folder:
            self._make_room(study, folder)
            participant = Participant(secrets.token_hex(9), time.time())
            write_json(folder / f"{participant.id}.json", asdict(participant))
        return participant

    def _make_room(self, study: Study, folder: Path) -> None:
        """Where a study is full, whoever came first and never answered gives their place.

        Raises:
            StudyRefused: all have answered.
        """
        if sum(1 for _ in folder.glob("*.json")) < MOST_PARTICIPANTS:
            return
        silent = next((each for each in self.participants(study) if not each.answers), None)
        if silent is None:
            raise StudyRefused(f"A study takes {MOST_PARTICIPANTS:,} participants; this one has them all.")
        (folder / f"{silent.id}.json").unlink()

    def participant(self, study: Study, participant_id: str) -> Participant:
        """Who has that number.

        Raises:
            StudyRefused: nobody has it.
        """
        path = self._participants(study) / f"{participant_id}.json"
        found = participant_in(path) if _TOKEN.fullmatch(participant_id) else None
        if found is None:
            raise StudyRefused("Nobody takes part in this study under this number. Begin anew by the study's own link.")
        return found

    def participants(self, study: Study) -> list[Participant]:
        """Everyone who takes part, in the order in which they came; what cannot be read is left out."""
        found = [each for path in self._participants(study).glob("*.json") if (each := participant_in(path))]
        return sorted(found, key=lambda each: (each.joined_at, each.id))

    def answer(
        self, study: Study, participant_id: str, position: int, values: Mapping[str, int | str], seconds: float
    ) -> Participant:
        """Keep an answer. One that was given meanwhile, in another tab or by a double click, is let be.

        Raises:
            StudyRefused: the study is closed, nobody has that number, or it is no answer to this question.
        """
        self._require_open(self.get(study.id))
        with self._writing(study) as folder:
            found = self.participant(study, participant_id)
            trials = trials_for(study, participant_id)
            if position != len(found.answers) or position >= len(trials):
                return found
            _require_answer(study, trials[position], values)
            if seconds < study.least_seconds:
                raise StudyRefused(f"Please look for at least {study.least_seconds:g} s before you answer.")
            answered = replace(found, answers=(*found.answers, Answer(position, dict(values), round(seconds, 3))))
            write_json(folder / f"{found.id}.json", asdict(answered))
        return answered

    def delete_participant(self, study: Study, participant_id: str) -> None:
        """Delete somebody's answers for good.

        Raises:
            StudyRefused: nobody has that number.
        """
        with self._writing(study) as folder:
            self.participant(study, participant_id)
            (folder / f"{participant_id}.json").unlink()

    def _require_open(self, study: Study) -> None:
        if study.closed_at is not None:
            raise StudyRefused("This study has ended, and takes no more answers. Thank you for wanting to take part.")

    def _participants(self, study: Study) -> Path:
        return self._folder / study.id / "participants"

    @contextmanager
    def _writing(self, study: Study) -> Iterator[Path]:
        """Raises StudyRefused: the study was deleted meanwhile, also while this waited."""
        with self._locked():
            self.get(study.id)
            folder = self._participants(study)
            folder.mkdir(exist_ok=True)
            yield folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # One for all studies, beside them: a lock inside of a study would bring back the folder of a deleted one.
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / ".lock", timeout=30):
            yield


def _require_answer(study: Study, trial: Trial, values: Mapping[str, int | str]) -> None:
    allowed: Sequence[int | str]
    if study.kind == RATINGS:
        allowed = list(SCORES)
    elif study.kind in (BEST, PAIRS):
        allowed = [*trial.shown, *([EQUAL] if study.kind == PAIRS else [])]
    else:
        allowed = ["real", "made"]
    if set(values) != set(study.questions) or not all(value in allowed for value in values.values()):
        raise StudyRefused(f"An answer gives each of {', '.join(study.questions)} one of the offered values.")


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
