"""The finished LoRA of a run, replaced whole, with everything that stood in its place before kept; no torch is loaded.

result/        the LoRA as it is now; see engine.weights.lora_export
versions/001/  as it was first, and so on
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from engine.weights.hashes import file_sha256, tensor_sha256

RESULT, VERSIONS = "result", "versions"
PICKED = "picker"  # inside a version: what the artist had changed of the copies in the picker
SUFFIXES = (".json", ".png", ".safetensors")  # the weights last: with them the LoRA is there


@contextmanager
def replaced_result(run: Path) -> Iterator[Path]:
    """A folder that becomes the run's result at the end; an error or a crash leaves the earlier one or its version."""
    fresh, result = run / ".result.new", run / RESULT
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        if result.exists():
            _put_away(run, fresh)
        fresh.rename(result)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def versions_of(run: Path) -> list[Path]:
    """The folders of what was the result before, the oldest first."""
    return sorted(path for path in (run / VERSIONS).glob("*") if path.is_dir())


def keep_changes(run: Path, picked: Path) -> None:
    """Keep with the result what the artist changed of its copies in the picker, before they are replaced.

    Theirs is what the run never gave: a copy of an earlier result that a crash left there is no change.

    Args:
        picked: the .safetensors file in the picker.
    """
    for suffix in SUFFIXES:
        copy = picked.with_suffix(suffix)
        if copy.exists() and copy.read_bytes() not in _given(run, suffix):
            kept = run / RESULT / PICKED
            kept.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(copy, _free(kept / copy.name))


def _given(run: Path, suffix: str) -> Iterator[bytes]:
    """The files of that kind in the result and in all versions, with what was kept of the artist's."""
    for folder in (run / RESULT, *versions_of(run)):
        for path in (*folder.glob(f"*{suffix}"), *(folder / PICKED).glob(f"*{suffix}")):
            yield path.read_bytes()


def _free(path: Path) -> Path:
    """The path, with a number where it is taken."""
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(each for each in chain([path], numbered) if not each.exists())


def _put_away(run: Path, fresh: Path) -> None:
    """Move the result to the versions; drop it where the new one is the same, as after a crash at the end."""
    result = run / RESULT
    if _contents(result) == _contents(fresh):
        shutil.rmtree(result)
        return
    (run / VERSIONS).mkdir(exist_ok=True)
    number = max((int(path.name) for path in versions_of(run) if path.name.isdigit()), default=0) + 1
    result.rename(run / VERSIONS / f"{number:03}")


def _contents(folder: Path) -> dict[str, str]:
    """Hashes by name; of weights those of the tensors, because a header's metadata has no order of its own."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    hashed = {path: tensor_sha256 if path.suffix == ".safetensors" else file_sha256 for path in files}
    return {path.relative_to(folder).as_posix(): hash_of(path) for path, hash_of in hashed.items()}
