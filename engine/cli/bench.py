"""The command that draws the thesis's bench of prompts with and without a LoRA."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from ulid import ULID

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.drawing import lora_from
from engine.cli.waiting import finished, require_success
from engine.diffusion.request import NUM_IMAGES, STEPS, TextToImage
from engine.jobs.schema import SUCCEEDED
from engine.lora import bench
from engine.lora.bench import Scene
from engine.picture_files import read_picture
from engine.rules import counted
from engine.studio import Studio

commands = typer.Typer()


@commands.command()
def lora_bench(
    lora: Annotated[str, typer.Argument(metavar="LORA", help="NAME or NAME:WEIGHT; see `loras`.")],
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="In the place of the bench's own, three times: each has its seed and shape."),
    ] = None,
    negative: Annotated[str, typer.Option(help="What to avoid.")] = bench.NEGATIVE,
    count: Annotated[int, typer.Option(help=f"Pictures for each prompt, {NUM_IMAGES}.")] = bench.PICTURES,
    steps: Annotated[int | None, typer.Option(help=f"Denoising steps, {STEPS}; as the model wants.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the sheet; a bench that was stopped there goes on.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw the thesis's bench, three prompts with their seeds and shapes, with and without a LoRA, as one sheet."""
    studio = open_studio(home)
    scenes = bench.scenes(prompt or ())
    info = studio.model(model) if model else studio.default_model()
    common = {"model": info.name, "negative_prompt": negative, "guidance_scale": bench.GUIDANCE, "num_images": count}
    common |= {"num_inference_steps": steps} if steps is not None else {}
    requests = _requests(studio, scenes, common, lora, info.native_size)
    folder = out or studio.settings.evaluations_dir / str(ULID())
    asked = {"lora": lora, **common, "scenes": [asdict(scene) for scene in scenes]}
    pictures = _drawn(studio, requests, folder, asked, as_json)
    rows = [(label, [read_picture(studio.gallery.path(name)) for name in names]) for label, names in pictures.items()]
    title = f"{lora} in {info.title}: {requests[0][1].num_inference_steps} steps, guidance {bench.GUIDANCE:g}"
    sheet = bench.write_sheet(folder, title, rows)
    if as_json:
        print_json({"sheet": str(sheet), **asked, "pictures": pictures})
    else:
        print(f"{counted(sum(map(len, pictures.values())), 'picture')} are in the gallery, and on {sheet}")


def _requests(
    studio: Studio, scenes: Sequence[Scene], common: dict[str, Any], lora: str, native: int
) -> list[tuple[str, TextToImage]]:
    """All of them are checked before the first is drawn. Raises InvalidRequest."""
    found = []
    for scene in scenes:
        width, height = scene.size(native)
        own = {"prompt": scene.prompt, "seed": scene.seed, "width": width, "height": height}
        for side, loras in zip(bench.SIDES, ([], [lora_from(lora)]), strict=True):
            label = f"{scene.name}, seed {scene.seed}, {side}"
            found.append((label, studio.request(TextToImage.kind, {**common, **own, "loras": loras})))
    return found


def _drawn(
    studio: Studio, requests: Sequence[tuple[str, TextToImage]], folder: Path, asked: dict[str, Any], quiet: bool
) -> dict[str, list[str]]:
    """Ids of the pictures of each row; what a stopped bench drew, and the gallery still has, is not drawn again."""
    here = {
        label: names
        for label, names in bench.drawn_before(folder, asked).items()
        if sum(each.deleted_at is None for each in studio.gallery.several(names)) == len(names)
    }
    # All are queued at once: a worker that is started for one would end with it.
    jobs = {label: studio.submit(request) for label, request in requests if label not in here}
    try:
        for job in reversed(jobs.values()):
            ended = studio.job(job.id)
            require_success(ended if ended.ended else finished(studio, ended, quiet=quiet), "bench")
    finally:
        for label, job in jobs.items():
            studio.cancel(job.id)  # what has ended stays as it is
            if studio.job(job.id).state == SUCCEEDED:
                here[label] = [record.id for record in studio.gallery.of_job(job.id)]
        bench.keep(folder, asked, here)
    return {label: here[label] for label, _ in requests}
