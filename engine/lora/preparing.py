"""From a folder of captioned pictures to a training run that the worker can begin; no torch is loaded.

STUDIO_HOME/datasets/<name>      unpacked archives
STUDIO_HOME/runs/<run>           training runs, with the split that was drawn
STUDIO_HOME/evaluations/<name>   evaluations
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ulid import ULID

from engine.datasets.captions import DEFAULT_RULES, CaptionRule, enriched, read_rules, with_trigger
from engine.datasets.doctor import CheckUp, examine, rough_token_count
from engine.datasets.pictures import CaptionedPicture, facts_of
from engine.datasets.reading import Dataset, read_dataset
from engine.datasets.split import Split, sides, split_pictures, write_split
from engine.datasets.unpacking import unpack
from engine.diffusion.prompts.counting import length_of
from engine.diffusion.prompts.grammar import PLAIN
from engine.errors import InvalidRequest, NotFound, Problem
from engine.lora.runs import held_out as held_out_pictures
from engine.lora.runs.captions import keep_captions
from engine.lora.runs.config import Config
from engine.lora.runs.listing import installed_name
from engine.lora.runs.memory import MemoryEstimate, estimate_memory
from engine.lora.runs.plan import RunPlan, begin, read_plan, read_record
from engine.prepared import prepared as prepared_at
from engine.settings import Settings
from engine.weights.facts import ModelInfo

SPLIT = "split.json"
ARCHIVE = ".zip"
START_AND_END = 2  # tokens that every caption has beside its own
LEAST_TO_EVALUATE = held_out_pictures.LEAST


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What an artist asks for beside the pictures.

    Attributes:
        name: of the LoRA and its files.
        model: to train on.
        trigger: word put in front of every caption; empty for none.
        enrich: whether captions are extended by the keyword rules.
        rules: the file of these rules.
        share: of the pictures that is held out, 0 to 0.5.
        about: for the picker.
    """

    name: str
    model: ModelInfo
    config: Config
    trigger: str = ""
    enrich: bool = False
    share: float = 0.2
    about: str = ""
    rules: Path = DEFAULT_RULES


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A training as it would begin.

    Attributes:
        train, held_out: with their final captions.
        check_up: the doctor's findings.
        memory: what it needs.
    """

    dataset: Dataset
    train: tuple[CaptionedPicture, ...]
    held_out: tuple[CaptionedPicture, ...]
    split: Split
    check_up: CheckUp
    memory: MemoryEstimate


def dataset_folder(settings: Settings, source: Path) -> Path:
    """The folder of pictures: the source itself, or what its archive unpacks to.

    Raises:
        UnsafeFile: the archive is outside of the limits; nothing of it is left.
    """
    if source.suffix.lower() != ARCHIVE or source.is_dir():
        return source
    return unpack(source, settings.home / "datasets" / f"{source.stem[:60]}-{ULID()}")


def prepare(folder: Path, order: RunSettings, *, on_gpu: bool = False) -> PreparedRun:
    """Read the pictures, draw the split and look for everything that speaks against training.

    Raises:
        NotFound, InvalidRequest, StudioError: see `read_dataset` and `split_pictures`.
    """
    dataset = read_dataset(folder)
    rules = read_rules(order.rules) if order.enrich else ()
    captioned = [
        replace(picture, caption=_caption(picture.caption, order.trigger, rules)) for picture in dataset.pictures
    ]
    split = split_pictures(folder, captioned, order.config.seed, order.share)
    train, held_out = sides(split, folder, captioned)
    resolution = order.config.resolution or order.model.native_size
    check_up = examine(
        folder, train, resolution=resolution, held_out=held_out, trigger=order.trigger, **_tokens(order.model)
    )
    memory = estimate_memory(order.model, order.config, on_gpu)
    return PreparedRun(dataset, tuple(train), tuple(held_out), split, check_up, memory)


def _tokens(model: ModelInfo) -> dict[str, Any]:
    """How `examine` counts them for a model; roughly where its files do not tell."""
    empty = length_of("", model, PLAIN)
    if empty is None:
        return {}

    def count(text: str) -> int:
        length = length_of(text, model, PLAIN)
        return sum(length.chunks) + START_AND_END if length else rough_token_count(text)

    return {"count_tokens": count, "max_tokens": empty.room + START_AND_END}


def begin_run(settings: Settings, prepared: PreparedRun, order: RunSettings) -> str:
    """Prepare a run and return its name; it is one as soon as its job is queued, see `engine.prepared`.

    Raises:
        InvalidRequest: something blocks training; every reason is given.
    """
    blocking = [finding for finding in prepared.check_up.findings if finding.severity == "blocks training"]
    if blocking:
        raise InvalidRequest([Problem("dataset", finding.message) for finding in blocking])
    plan = RunPlan(
        name=order.name,
        model=order.model,
        config=order.config,
        pictures=prepared.train,
        held_out=prepared.held_out,
        trigger_words=(order.trigger,) if order.trigger else (),
        about=order.about,
    )
    run = str(ULID())
    folder = prepared_at(settings.home, settings.runs_dir / run)
    folder.mkdir(parents=True)
    write_split(folder / SPLIT, prepared.split)
    keep_captions(folder, prepared.dataset.folder, prepared.dataset.pictures)
    begin(folder, plan, time.time())
    return run


def held_out_for(settings: Settings, lora: str, dataset: Path | None) -> list[CaptionedPicture]:
    """The pictures to judge a LoRA by, without the files that it was trained on; altered copies are not known again.

    Args:
        lora: its name in the picker; the run that put it there tells what it was trained on.
        dataset: a folder of captioned pictures; None takes what the run held out.

    Raises:
        NotFound: no data set was given and no run of that name is here.
    """
    run = run_behind(settings, lora)
    plan = plan_of(settings, run) if run else None
    if dataset is None:
        if plan is None:
            text = f"{lora!r} was not trained in this studio, so nothing is known to be held out."
            raise NotFound(f"{text} Name a data set of pictures that it was not trained on.")
        return list(plan.held_out)
    record = read_record(settings.runs_dir / run) if run else {"pictures": [], "held_out": []}
    seen = {picture["sha256"] for picture in record["pictures"]}
    captions = {picture["sha256"]: picture["caption"] for picture in record["held_out"]}
    words = plan.trigger_words if plan else ()
    hashed = [(picture, facts_of(picture.path).sha256) for picture in read_dataset(dataset).pictures]
    return [
        replace(picture, caption=captions[sha256]) if sha256 in captions else _called(picture, words)
        for picture, sha256 in hashed
        if sha256 not in seen
    ]


def held_out_sha256(settings: Settings, lora: str) -> set[str]:
    """Of the pictures that the LoRA's training held out, which chose its checkpoint; empty where it was not here."""
    run = run_behind(settings, lora)
    return {picture["sha256"] for picture in read_record(settings.runs_dir / run)["held_out"]} if run else set()


def plan_of(settings: Settings, run: str) -> RunPlan:
    """What a run was asked for. Raises NotFound, InvalidRequest."""
    return read_plan(settings.runs_dir / run)


def begin_evaluation(settings: Settings, evaluation: str, held_out: Sequence[CaptionedPicture], source: str) -> None:
    """Write down what is to be compared, for a job that is about to be queued.

    Args:
        evaluation: its name in the request.
        source: where the pictures come from, for people.

    Raises:
        InvalidRequest: too few pictures with a caption.
    """
    place = prepared_at(settings.home, settings.evaluations_dir / evaluation)
    held_out_pictures.prepare(place, held_out, source)


def run_behind(settings: Settings, lora: str) -> str | None:
    """The newest run that put this LoRA into the picker; None where it came from elsewhere."""
    found = [run for run in runs(settings) if installed_name(settings.runs_dir / run) == lora]
    return found[-1] if found else None


def _called(picture: CaptionedPicture, words: Sequence[str]) -> CaptionedPicture:
    """The picture with the LoRA's trigger word in its caption."""
    return replace(picture, caption=with_trigger(picture.caption, words[0])) if words else picture


def runs(settings: Settings) -> Sequence[str]:
    """The names of all runs; they sort by time."""
    return sorted(path.parent.name for path in settings.runs_dir.glob("*/run.json"))


def _caption(caption: str, trigger: str, rules: Sequence[CaptionRule]) -> str:
    if not caption.strip():  # stays empty, so that the doctor sees what is missing
        return ""
    caption = enriched(caption, rules)
    return with_trigger(caption, trigger) if trigger else caption
