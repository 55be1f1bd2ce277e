"""Better captions: a sentence more for every keyword, a trigger word in front, and the file that keeps them."""

import csv
import io
import re
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.datasets.index import relative_name
from engine.datasets.texts import one_line
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_plain, replacing

DEFAULT_RULES = Path(__file__).with_name("caption_rules.toml")
CAPTIONS_FILE = "captions.csv"
ORIGINAL_FILE = f"{CAPTIONS_FILE}.original"
MAX_RULES_BYTES = 2**20
MAX_SENTENCE = 200  # characters; a text encoder reads about 300 of a whole caption


@dataclass(frozen=True, slots=True)
class CaptionRule:
    """A sentence for the captions that mention one of the words."""

    words: tuple[str, ...]
    sentence: str

    def fits(self, caption: str) -> bool:
        """Whether the caption mentions one of the words; whole words, capital letters make no difference."""
        return any(mentions(caption, word) for word in self.words)


def mentions(caption: str, words: str) -> bool:
    """Whether a caption has this word or phrase in it, not as part of a longer word."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", caption, re.IGNORECASE) is not None


def enriched(caption: str, rules: Iterable[CaptionRule]) -> str:
    """The caption, and the sentence of every rule that fits it and is not there yet."""
    known = caption.casefold()
    new = [rule.sentence for rule in rules if rule.fits(caption) and rule.sentence.casefold() not in known]
    if not new:
        return caption
    end = "" if caption.endswith((".", "!", "?")) else "."
    return " ".join([caption + end, *new])


def with_trigger(caption: str, trigger: str) -> str:
    """The caption with the trigger word in front, unless it mentions it already."""
    trigger = one_line(trigger)
    if not trigger or mentions(caption, trigger):
        return caption
    return f"{trigger}, {caption}" if caption else trigger


# ---------------------------------------------------------------- the file of rules


def read_rules(path: Path = DEFAULT_RULES) -> tuple[CaptionRule, ...]:
    """Read keyword rules from a TOML file: tables `[[rule]]` with `words` (a list) and `sentence`.

    Raises:
        NotFound: there is no such file.
        InvalidRequest: it is no TOML, or has wrong rules; all are named.
    """
    if not path.is_file():
        raise NotFound(f"There is no file of caption rules at {path}. Check the path.")
    try:
        content = tomllib.loads(_rules_text(path))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, [f"it is no TOML ({error})"]) from None
    rules = content.get("rule")
    if set(content) != {"rule"} or not isinstance(rules, list) or not rules:
        raise _wrong(
            path, [f"it must hold tables [[rule]] and nothing else; it holds {', '.join(content) or 'nothing'}"]
        )
    problems = [problem for number, rule in enumerate(rules, 1) for problem in _rule_problems(number, rule)]
    if problems:
        raise _wrong(path, problems)
    return tuple(CaptionRule(tuple(map(one_line, rule["words"])), one_line(rule["sentence"])) for rule in rules)


def _rules_text(path: Path) -> str:
    data = read_plain(path, MAX_RULES_BYTES + 1)
    if len(data) > MAX_RULES_BYTES:
        raise ValueError(f"it has more than {MAX_RULES_BYTES:,} bytes")
    return data.decode("utf-8-sig")


def _rule_problems(number: int, rule: Any) -> list[str]:
    """What is wrong with one rule."""
    if not isinstance(rule, dict) or set(rule) != {"words", "sentence"}:
        found = ", ".join(rule) if isinstance(rule, dict) else _shown(rule)
        return [f"rule {number} must have words and sentence; it has {found or 'nothing'}"]
    words, sentence, problems = rule["words"], rule["sentence"], []
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word.strip() for word in words):
        problems.append(f'rule {number}: words must be a list such as ["castle", "fort"]; got {_shown(words)}')
    if not isinstance(sentence, str) or not 0 < len(sentence.strip()) <= MAX_SENTENCE:
        problems.append(
            f"rule {number}: sentence must be text of 1 to {MAX_SENTENCE} characters; got {_shown(sentence)}"
        )
    return problems


def _shown(value: Any) -> str:
    """A value from a file in a message; TOML's hexadecimal numbers may be longer than Python writes."""
    try:
        return repr(value)[:80]
    except (ValueError, RecursionError):
        return "a number too long to be shown"


def _wrong(path: Path, problems: Sequence[str]) -> InvalidRequest:
    return InvalidRequest([Problem("rules", f"{path.name}: {problem}. Correct the file.") for problem in problems])


# ---------------------------------------------------------------- the file of captions


def write_captions(folder: Path, captions: Mapping[Path, str]) -> Path:
    """Write captions.csv, which `read_dataset` then reads; a file of that name that was there first is kept beside it.

    Args:
        folder: of the data set.
        captions: for pictures below the folder.

    Returns:
        The file.

    Raises:
        InvalidRequest: a picture is not below the folder.
    """
    outside = [str(path) for path in captions if not path.is_relative_to(folder)]
    if outside:
        message = f"Captions are kept with their pictures; {outside[0]} is not in {folder}. Choose its own folder."
        raise InvalidRequest([Problem("captions", message)])
    path, original = folder / CAPTIONS_FILE, folder / ORIGINAL_FILE
    if path.exists() and not original.exists():
        shutil.copyfile(path, original)
    with replacing(path) as file:
        file.write(captions_csv(folder, captions))
    return path


def captions_csv(folder: Path, captions: Mapping[Path, str]) -> bytes:
    """The table of captions as a file, with names relative to the data set's folder."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["file_name", "text"])
    writer.writerows([relative_name(folder, path), one_line(text)] for path, text in sorted(captions.items()))
    return buffer.getvalue().encode()
