"""The pictures that are judged: every checkpoint, and the model alone, from the same prompts and seeds.

They lie in a folder until the study has copies of its own, and drawing goes on where it was stopped. Folders of
checkpoints are named after the hash of their weights, so that one that was trained anew is drawn anew.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from engine.diffusion.loading import LoadedModel
from engine.errors import Cancelled
from engine.lora.by_eye.request import JudgeByEye
from engine.lora.by_eye.rounds import ALONE, Drawn, content_of, method_of
from engine.lora.evaluation.evaluation import draw_caption, seed_of
from engine.lora.runs.checkpoints import Checkpoint, checkpoints_named
from engine.weights.hashes import tensor_sha256
from engine.weights.loras import list_loras

Report = Callable[[str, int, int], None]


def draw(
    folder: Path,
    run: Path,
    loaded: LoadedModel,
    request: JudgeByEye,
    *,
    report: Report = lambda stage, step, steps: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Drawn:
    """Draw what is missing.

    Args:
        folder: for the pictures.
        run: the run's folder.
        loaded: its model.
        report: called with the stage in words, the pictures done and all of them.

    Raises:
        NotFound: a checkpoint is not there.
        Cancelled: `should_stop` said so; the pictures so far are kept.
        StudioError: something cannot be drawn.
    """
    checkpoints = checkpoints_named(run, request.checkpoints)
    infos = {info.path: info for info in list_loras([checkpoints[0].path.parent])}
    places = list(_places(folder, checkpoints, request))
    pictures = list(_pictures(request))
    found: dict[str, dict[str, Path]] = {}
    for number, (method, checkpoint, place) in enumerate(places):
        loras = [(infos[checkpoint.path], request.weight)] if checkpoint else []
        for index, (prompt, content, seed) in enumerate(pictures):
            if should_stop():
                raise Cancelled("The drawing was stopped. The pictures so far are kept.")
            report(f"Drawing {method}", number * len(pictures) + index, len(places) * len(pictures))
            path = place / f"{index:03}.png"
            if not path.exists():
                draw_caption(path, loaded, loras, request, prompt, seed, should_stop)
            found.setdefault(method, {})[content] = path
    return Drawn(found, _named(checkpoints))


def _places(
    folder: Path, checkpoints: list[Checkpoint], request: JudgeByEye
) -> Iterator[tuple[str, Checkpoint | None, Path]]:
    if request.alone:
        yield ALONE, None, folder / "alone"
    for checkpoint in checkpoints:
        yield method_of(checkpoint.step), checkpoint, folder / tensor_sha256(checkpoint.path)[:16]


def _pictures(request: JudgeByEye) -> Iterator[tuple[str, str, int]]:
    """Prompt, content of the study, and seed."""
    for index, prompt in enumerate(request.prompts):
        for picture in range(request.seeds):
            seed = seed_of(index, picture)
            yield prompt, content_of(prompt, seed), seed


def _named(checkpoints: list[Checkpoint]) -> Mapping[str, Mapping[str, object]]:
    return {method_of(each.step): {"checkpoint": each.name, "step": each.step} for each in checkpoints}
