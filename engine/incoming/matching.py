"""Which model, LoRA or embedding another tool's picture means: by hash first, then by name; never another silently.

Tools write the first digits of SHA-256: 10 of the whole file (A1111's models, Civitai's AutoV2), 12 of the tensors
alone (A1111's LoRAs, Civitai's AutoV3) or, of embeddings, of the whole file (A1111), or all 64 of either; and until
2023 eight digits of a piece of the file. No file is read whole here: what was hashed before is known, and of a LoRA
also the hash that its own header tells.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote_plus

from engine.errors import UnsafeFile
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.hashes import LEGACY_DIGITS, known_sha256, legacy_hash
from engine.weights.loras import LoraInfo
from engine.weights.models import ModelInfo
from engine.weights.safetensors_file import check_lora

MODEL, LORA, EMBEDDING = "model", "LoRA", "embedding"
MOST_SOUGHT = 200  # characters of a name that a search is given
NOTHING_HASHED = "e3b0c442"  # how the hash of nothing begins, which some training tools wrote into every file
_SUFFIX = re.compile(r"\.(safetensors|ckpt|pt|pth|bin|sft|gguf|onnx)$", re.IGNORECASE)
_DIGITS = re.compile("[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model, a LoRA or an embedding here.

    Attributes:
        name: in requests.
        title: for people.
        path: the one file; None for a model in a folder, which has no hash.
        whole, tensors: its hashes as far as they are known; empty where not.
        names: all that it may be called, folded.
        problem: why it cannot be used; empty where it can.
        absent: whether it is on the list and its weights are not here.
    """

    name: str
    title: str
    path: Path | None
    names: frozenset[str]
    whole: str = ""
    tensors: str = ""
    problem: str = ""
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """What was found.

    Attributes:
        name: of the model or LoRA here; empty where there is none.
        title: for people.
        sure: whether it may be taken without being asked about.
        said: a sentence about how it was found, or why not.
        unhashed: files that were not compared, since their hash is not known yet.
        links: where it may be had, as words and address; empty where it is here.
    """

    name: str = ""
    title: str = ""
    sure: bool = False
    said: str = ""
    unhashed: tuple[Path, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def models_here(models: Iterable[ModelInfo], cache: Path | None = None) -> list[Candidate]:
    """Models as candidates; `cache` is where hashes are remembered, see `engine.weights.hashes`."""
    return _with_hashes([_of_model(info) for info in models], cache)


def loras_here(loras: Iterable[LoraInfo], cache: Path | None = None) -> list[Candidate]:
    """LoRAs as candidates; `cache` as for models."""
    return _with_hashes([_of_lora(lora) for lora in loras], cache)


def embeddings_here(embeddings: Iterable[EmbeddingInfo], cache: Path | None = None) -> list[Candidate]:
    """Embeddings as candidates; `cache` as for models."""
    found = _with_hashes([_of_embedding(info) for info in embeddings], cache)
    return [replace(each, tensors=each.whole) for each in found]  # which is what the twelve digits are of


def found_here(what: str, name: str, digits: str, candidates: Sequence[Candidate]) -> Match:
    """The candidate that has this hash, else the one of this name.

    Args:
        what: `MODEL`, `LORA` or `EMBEDDING`, for the sentences.
        name: as the other tool writes it; folder, suffix and case do not count.
        digits: of its hash, 8 to 64; anything else is no hash and does not count.
    """
    digits, name = _valid(digits), _bare(name)
    hashes = {each.name: _hashes(each, digits) for each in candidates}
    same = [each for each in candidates if digits and hashes[each.name].has(digits)]
    if same:
        return _taken(next((each for each in same if not each.problem), same[0]), "Found by its hash.")
    open_ones = [each.path for each in candidates if digits and hashes[each.name].may_have(digits)]
    unhashed = tuple(path for path in open_ones if path)
    named = [each for each in candidates if folded(name) in each.names] if name else []
    if not named:
        return Match(said=_missing(what, unhashed), unhashed=unhashed, links=where_to_get(name, digits))

    def against(each: Candidate) -> tuple[bool, bool, bool]:
        """What speaks against it where several have the name; the least is chosen."""
        other = bool(digits and each.path) and not hashes[each.name].may_have(digits)
        return bool(each.problem), other, each.name != name

    chosen = min(named, key=against)
    return _by_name(what, chosen, digits, hashes[chosen.name], unhashed, where_to_get(name, digits))


def folded(name: str) -> str:
    """A name as it counts: without folder, suffix and case."""
    return _bare(name).casefold()


def _bare(name: str) -> str:
    last = name.strip().replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _SUFFIX.sub("", last)


def where_to_get(name: str, digits: str = "") -> tuple[tuple[str, str], ...]:
    """Searches for it, as words and address. Civitai finds a file by its hash, the hub by names alone."""
    found, name = [], name[:MOST_SOUGHT]
    if digits or name:
        found.append(("Civitai", f"https://civitai.com/search/models?query={quote_plus(digits or name)}"))
    if name:
        found.append(("Hugging Face", f"https://huggingface.co/models?search={quote_plus(name)}"))
    return tuple(found)


def _of_model(info: ModelInfo) -> Candidate:
    absent = not info.available and not info.problem
    path = info.path if info.single_file and not absent else None
    names = _folded_all(info.name, info.title, info.path.name, info.hub_id)
    return Candidate(info.name, info.title, path, names, problem=info.problem, absent=absent)


def _of_lora(lora: LoraInfo) -> Candidate:
    return Candidate(lora.name, lora.name, lora.path, _folded_all(lora.name, lora.path.name), problem=lora.problem)


def _of_embedding(info: EmbeddingInfo) -> Candidate:
    names = _folded_all(info.name, info.path.name, info.token.strip("<>"))
    return Candidate(info.name, info.name, info.path, names, problem=info.problem)


def _with_hashes(candidates: Sequence[Candidate], cache: Path | None) -> list[Candidate]:
    known = known_sha256([each.path for each in candidates if each.path], cache)
    pairs = [known[each.path] if each.path else ("", "") for each in candidates]
    return [
        replace(each, whole=whole, tensors=tensors) for each, (whole, tensors) in zip(candidates, pairs, strict=True)
    ]


def _folded_all(*names: str) -> frozenset[str]:
    return frozenset(filter(None, map(folded, names)))


def _valid(digits: str) -> str:
    digits = digits.strip().lower().removeprefix("0x")
    return digits if _DIGITS.fullmatch(digits) and not digits.startswith(NOTHING_HASHED) else ""


@dataclass(frozen=True, slots=True)
class _Hashes:
    """What is known of one file: the hash of all of it, of its tensors, and the old one; each empty where unknown."""

    whole: str = ""
    tensors: str = ""
    legacy: str = ""
    told: str = ""  # by its own header

    def has(self, digits: str) -> bool:
        return any(one.startswith(digits) for one in (self.whole, self.tensors, self.legacy, self.told))

    def may_have(self, digits: str) -> bool:
        """Whether one that these digits could be of is not known; how many they are tells which it is."""
        whole, tensors = not self.whole, not (self.tensors or self.told)
        by_length = {LEGACY_DIGITS: False, 10: whole, 12: tensors}
        return by_length.get(len(digits), whole or tensors)


def _hashes(candidate: Candidate, digits: str) -> _Hashes:
    """All that is known of its file; nothing where no digits are to be compared with it."""
    path = candidate.path
    if path is None or not digits:
        return _Hashes()
    if len(digits) == LEGACY_DIGITS:
        return _Hashes(legacy=_legacy(path))
    return _Hashes(candidate.whole, candidate.tensors, told=_told_by(path))


def _legacy(path: Path) -> str:
    try:
        return legacy_hash(path)
    except OSError:
        return ""


def _told_by(path: Path) -> str:
    """The hash of its tensors in a LoRA's own header, which A1111 takes for its hash; empty where there is none."""
    try:
        status = path.stat()
        return _valid(_told_once(path, status.st_size, status.st_mtime_ns))
    except (OSError, UnsafeFile):
        return ""


@lru_cache(maxsize=4096)
def _told_once(path: Path, size: int, mtime_ns: int) -> str:
    return check_lora(path).metadata.get("sshs_model_hash", "")


def _taken(chosen: Candidate, how: str) -> Match:
    if chosen.problem:
        return Match(chosen.name, chosen.title, said=f"{how} It cannot be used: {chosen.problem}")
    if chosen.absent:
        how = f"{how} Its weights are not on this machine yet; the model's menu fetches them."
    return Match(chosen.name, chosen.title, sure=True, said=how)


def _by_name(
    what: str,
    chosen: Candidate,
    digits: str,
    hashes: _Hashes,
    unhashed: tuple[Path, ...],
    links: tuple[tuple[str, str], ...],
) -> Match:
    if not digits:
        return _taken(chosen, "Found by its name; the picture tells no hash.")
    if chosen.path is None:
        return _taken(chosen, "Found by its name; what lies in a folder has no hash to compare.")
    if hashes.may_have(digits):
        return replace(_taken(chosen, "Found by its name; its hash is not known here yet."), unhashed=unhashed)
    said = (
        f"A {what} of this name is here, but its hash is another one than {digits[:12]}, so it is another file or "
        "version."
    )
    return Match(chosen.name, chosen.title, said=said, unhashed=unhashed, links=links)


def _missing(what: str, unhashed: Sequence[Path]) -> str:
    if not unhashed:
        return f"No {what} of this name or hash is here."
    files = "file that was" if len(unhashed) == 1 else "files that were"
    return f"No {what} of this name is here. By its hash it may be one of {len(unhashed)} {files} not hashed yet."
