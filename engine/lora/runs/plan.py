"""What a LoRA run is made from, and its record on disk; no torch is loaded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.datasets.findings import counted, named
from engine.datasets.pictures import CaptionedPicture, facts_of
from engine.errors import InvalidRequest, NotFound, Problem
from engine.files import read_json, write_json
from engine.lora.runs.config import Config, config_from
from engine.weights.facts import ModelInfo
from engine.weights.hashes import file_sha256
from engine.weights.layout import weight_files
from engine.weights.sources import NAME

FILE = "run.json"
FORMAT = 1
LIBRARIES = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "pillow")


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """All that a run is asked for.

    Attributes:
        name: of the LoRA and its files.
        model: to train on.
        pictures: to train on; their files must stay as they are.
        held_out: never trained on; the held-out loss is measured on them.
        trigger_words, about: for the finished LoRA's notes.
        preferred_weight: likewise, -2 to 2.

    Raises:
        InvalidRequest: the name cannot be a file's name, or the weight is out of range.
    """

    name: str
    model: ModelInfo
    config: Config
    pictures: Sequence[CaptionedPicture]
    held_out: Sequence[CaptionedPicture] = ()
    trigger_words: Sequence[str] = ()
    about: str = ""
    preferred_weight: float = 1.0

    def __post_init__(self) -> None:
        problems = []
        if not NAME.fullmatch(self.name):
            message = f"A LoRA's name has 1 to 64 letters, digits, '.', '+', '-' or '_'; got {self.name[:80]!r}."
            problems.append(Problem("name", message))
        if not -2 <= self.preferred_weight <= 2:
            message = f"The preferred weight must be a number from -2 to 2; got {self.preferred_weight!r}."
            problems.append(Problem("preferred_weight", message))
        if problems:
            raise InvalidRequest(problems)


def record_of(plan: RunPlan) -> dict[str, Any]:
    """The plan as JSON values, with the hashes of model and pictures as they are now.

    Raises:
        PictureRefused: a picture can no longer be read.
    """
    model = asdict(plan.model) | {"path": str(plan.model.path), "sha256": model_sha256(plan.model)}
    return {
        "name": plan.name,
        "model": model,
        "config": plan.config.to_dict(),
        "pictures": [_picture_record(picture) for picture in plan.pictures],
        "held_out": [_picture_record(picture) for picture in plan.held_out],
        "trigger_words": list(plan.trigger_words),
        "about": plan.about,
        "preferred_weight": plan.preferred_weight,
    }


def read_plan(folder: Path) -> RunPlan:
    """The plan of the run in a folder.

    Raises:
        NotFound: there is no run.
        InvalidRequest: its record cannot be read.
    """
    record = read_record(folder)
    try:
        model = {key: value for key, value in record["model"].items() if key != "sha256"}
        return RunPlan(
            name=record["name"],
            model=ModelInfo(**model | {"path": Path(model["path"])}),
            config=config_from(record["config"]),
            pictures=_pictures_from(record["pictures"]),
            held_out=_pictures_from(record["held_out"]),
            trigger_words=tuple(record["trigger_words"]),
            about=record["about"],
            preferred_weight=record["preferred_weight"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _unreadable(folder, f"{type(error).__name__} {error}") from None


def read_record(folder: Path) -> dict[str, Any]:
    """What `begin` wrote. Raises as `read_plan`."""
    try:
        return read_json(folder / FILE)
    except FileNotFoundError:
        raise NotFound(f"There is no training run in {folder}. Choose the folder of a run.") from None
    except (OSError, ValueError) as error:
        raise _unreadable(folder, str(error)) from None


def begin(folder: Path, plan: RunPlan, created_at: float) -> None:
    """Write the record of a new run, or make sure that the one there is of the same plan.

    Args:
        created_at: seconds since 1970.

    Raises:
        InvalidRequest: it is another plan, or its model or pictures have changed since.
    """
    record = record_of(plan)
    if (folder / FILE).exists():
        _require_same(folder, read_record(folder), record)
        return
    noted = {"format": FORMAT, "created_at": created_at, "versions": {name: version(name) for name in LIBRARIES}}
    write_json(folder / FILE, noted | record)


def _require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """What decides the weights; the notes of the LoRA stay as they were written first."""
    problems = [
        *_changed_settings(before.get("config", {}), now["config"]),
        *_changed_pictures(before.get("pictures", []), now["pictures"]),
        *_changed_pictures(before.get("held_out", []), now["held_out"]),
    ]
    if before.get("model", {}).get("sha256") != now["model"]["sha256"]:
        problems.append(Problem("model", f"the weights of {now['model']['title']} are others than they were"))
    if problems:
        rule = Problem("run", f"A run must go on with what it began with; {folder} differs")
        raise InvalidRequest([rule, *problems, Problem("folder", "Put it back as it was, or begin a new run.")])


def _changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Problem]:
    for name in now:
        if before.get(name) != now[name]:
            yield Problem(name, f"{name} was {before.get(name)!r}, now {now[name]!r}")


def _changed_pictures(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """One sentence for each kind of change; also the order of pictures decides what a step sees."""
    old, new = ({picture["path"]: picture for picture in pictures} for pictures in (before, now))
    kinds = {
        "gone": [path for path in old if path not in new],
        "new": [path for path in new if path not in old],
        "changed": [path for path in new if path in old and new[path] != old[path]],
    }
    if not any(kinds.values()) and list(before) != list(now):
        kinds["in another order"] = list(new)
    for kind, paths in kinds.items():
        if paths:
            names = named([Path(path).name for path in paths])
            yield Problem("pictures", f"{counted(len(paths), 'picture')} {kind}: {names}")


def _picture_record(picture: CaptionedPicture) -> dict[str, Any]:
    return {
        "path": str(picture.path.absolute()),
        "caption": picture.caption,
        "repeats": picture.repeats,
        "sha256": facts_of(picture.path).sha256,
    }


def _pictures_from(records: Sequence[Mapping[str, Any]]) -> tuple[CaptionedPicture, ...]:
    return tuple(CaptionedPicture(Path(each["path"]), each["caption"], each["repeats"]) for each in records)


def model_sha256(model: ModelInfo) -> str:
    """Of the single file, or of the UNet's files in a folder."""
    files = [model.path] if model.single_file else weight_files(model.path, "unet")
    hashes = [file_sha256(path) for path in files]
    return hashes[0] if len(hashes) == 1 else sha256("".join(hashes).encode()).hexdigest()


def _unreadable(folder: Path, reason: str) -> InvalidRequest:
    message = f"{folder / FILE} must be a record that the studio wrote: {reason}. Put it back, or begin a new run."
    return InvalidRequest([Problem("run", message)])
