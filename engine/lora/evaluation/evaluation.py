"""Whether a LoRA helps: every held-out caption drawn with and without it, from the same seeds, and measured.

An evaluation is a folder, and goes on where it was stopped:

    evaluation.json  what is compared: captions with their pictures
    lora.json        the hash of the LoRA that it began with
    base/, tuned/    what was drawn, 000-0.png for the first caption's first seed
    report.json      every figure with its interval; report.csv the same for spreadsheets
    sheet-1.png ...  side by side
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.datasets.pictures import CaptionedPicture
from engine.diffusion.loading import LoadedModel
from engine.diffusion.request import TextToImage
from engine.diffusion.text_to_image import generate
from engine.errors import Cancelled, StudioError
from engine.files import read_json, replacing, write_json
from engine.lora.by_eye.request import JudgeByEye
from engine.lora.requests import EvaluateLora, LoraGrid
from engine.lora.runs.held_out import BEGUN, REPORT, REQUEST, read_held_out
from engine.marked import save_png
from engine.metrics.compare import Comparison, compare
from engine.metrics.compare_report import write_report, write_sheets, write_table
from engine.metrics.networks import load_networks
from engine.rules import MAX_PROMPT_CHARACTERS
from engine.weights.hashes import file_sha256, tensor_sha256
from engine.weights.loras import LoraInfo

FIRST_SEED = 1000

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Drawn:
    """Where the pictures of both sides are, in one order."""

    base: list[Path]
    tuned: list[Path]
    captions: list[str]


def evaluate(
    folder: Path,
    loaded: LoadedModel,
    lora: LoraInfo,
    request: EvaluateLora,
    *,
    chosen_on: Collection[str] = (),
    report: Report = lambda stage, step, steps: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Draw what is not drawn yet, measure, and write the report.

    Args:
        folder: with what `prepare` wrote.
        chosen_on: SHA-256 of the pictures that the LoRA's checkpoint was chosen on, which is noted.
        report: called with the stage in words, the pictures done and all of them.

    Raises:
        Cancelled: `should_stop` said so; the pictures so far are kept.
        StudioError: something cannot be drawn or measured.
    """
    held_out = read_held_out(folder)
    sha256 = _require_same_lora(folder, lora)
    drawn = _drawn(folder, loaded, lora, request, held_out, report, should_stop)
    total = len(drawn.base) + len(drawn.tuned)
    report("Measuring", total, total)
    reference, paired = [picture.path for picture in held_out], request.seeds == 1
    found = compare(
        reference,
        drawn.base,
        drawn.tuned,
        load_networks(device=loaded.device.torch_device),
        captions=drawn.captions,
        paired=paired,
        chosen_here=any(path.exists() and file_sha256(path) in chosen_on for path in reference),
        report=lambda line: report(line, total, total),
        should_stop=should_stop,
    )
    write_sheets(folder, reference, drawn.base, drawn.tuned, drawn.captions, paired)
    write_table(found, folder / "report.csv")
    write_json(folder / REQUEST, asdict(request) | {"lora_sha256": sha256})
    write_report(found, folder / REPORT)  # last: whoever sees it finds the rest
    return found


def _require_same_lora(folder: Path, lora: LoraInfo) -> str:
    """The LoRA's hash; pictures of two versions of a LoRA must not be mixed in one evaluation."""
    sha256 = tensor_sha256(lora.path)
    if not (folder / BEGUN).exists():
        write_json(folder / BEGUN, {"sha256": sha256})
    if read_json(folder / BEGUN).get("sha256") != sha256:
        raise StudioError(
            f"An evaluation must end with the LoRA that it began with; {lora.name} was replaced by another version "
            "meanwhile. Begin a new evaluation."
        )
    return sha256


def _drawn(
    folder: Path,
    loaded: LoadedModel,
    lora: LoraInfo,
    request: EvaluateLora,
    held_out: Sequence[CaptionedPicture],
    report: Report,
    should_stop: Callable[[], bool],
) -> Drawn:
    places = [(index, seed) for index in range(len(held_out)) for seed in range(request.seeds)]
    paths = {side: [folder / side / f"{index:03}-{seed}.png" for index, seed in places] for side in ("base", "tuned")}
    total, done = 2 * len(places), 0
    for side, loras in (("base", []), ("tuned", [(lora, request.weight)])):
        for (index, seed), path in zip(places, paths[side], strict=True):
            if should_stop():
                raise Cancelled("The evaluation was stopped. The pictures so far are kept.")
            report(f"Drawing {'with' if loras else 'without'} the LoRA", done, total)
            if not path.exists():
                caption = held_out[index].caption
                draw_caption(path, loaded, loras, request, caption, seed_of(index, seed), should_stop)
            done += 1
    captions = [held_out[index].caption for index, _ in places]
    return Drawn(paths["base"], paths["tuned"], captions)


def seed_of(caption: int, picture: int = 0) -> int:
    """Of a picture of the caption in that place."""
    return FIRST_SEED * (caption + 1) + picture


def draw_caption(
    path: Path,
    loaded: LoadedModel,
    loras: Sequence[tuple[LoraInfo, float]],
    request: EvaluateLora | LoraGrid | JudgeByEye,
    caption: str,
    seed: int,
    should_stop: Callable[[], bool],
) -> None:
    """Draw a caption at the model's native size into a PNG file. Raises as `generate`."""
    side = loaded.info.native_size
    drawing = TextToImage(
        prompt=caption.strip()[:MAX_PROMPT_CHARACTERS],
        seed=seed,
        num_inference_steps=request.num_inference_steps,
        guidance_scale=request.guidance_scale,
        width=side,
        height=side,
        model=loaded.info.name,
    )
    (image,) = generate(loaded, drawing, loras, should_stop=should_stop)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        save_png(image.image, file)
