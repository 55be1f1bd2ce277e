"""The command that draws."""

import hashlib
import io
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from engine.cli.app import Home, Json, copied, open_studio, print_json
from engine.cli.kept import kept_picture
from engine.cli.presets import KINDS, Values, filled
from engine.cli.waiting import finished, require_success
from engine.diffusion.defaults import in_words, ordinary
from engine.diffusion.notes import request_notes
from engine.diffusion.prompts.grammar import PLAIN
from engine.diffusion.prompts.lora_tags import Offer, offers, tags_of
from engine.diffusion.request import (
    BACKENDS,
    ENLARGED,
    GUIDANCE_SCALE,
    NUM_IMAGES,
    SCHEDULERS,
    SEED,
    STEPS,
    TextToImage,
)
from engine.errors import InvalidRequest, NotFound, Problem
from engine.image_to_image.request import FITS, STRENGTH, ImageToImage
from engine.inpainting.request import AREAS, BEYOND, FEATHER, Inpaint
from engine.inpainting.request import STRENGTH as INPAINT_STRENGTH
from engine.jobs.records import Job
from engine.studio import Studio

commands = typer.Typer()
AS_THE_MODEL_WANTS = "as the model wants when left out, see `model-defaults`."


@commands.command()
def generate(
    prompt: Annotated[str | None, typer.Argument(help="What to draw; the preset's when left out.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="Saved settings, see `presets`; every option beside it goes before them.")
    ] = None,
    negative: Annotated[str | None, typer.Option(help="What to avoid.")] = None,
    seed: Annotated[int | None, typer.Option(help=f"{SEED}; image i uses seed + i. Random when left out.")] = None,
    steps: Annotated[int | None, typer.Option(help=f"Denoising steps, {STEPS}; {AS_THE_MODEL_WANTS}")] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help=f"Guidance scale, {GUIDANCE_SCALE}; 0 and 1 are without guidance; {AS_THE_MODEL_WANTS}"),
    ] = None,
    width: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    height: Annotated[int | None, typer.Option(help="Pixels; the model's own size when left out.")] = None,
    enlarged: Annotated[
        int | None,
        typer.Option(
            help=f"Times as large as it is drawn, by the upscaler that ships: {', '.join(map(str, ENLARGED))}; 1 when "
            "left out."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(help=f"Number of images, {NUM_IMAGES}; {NUM_IMAGES.default} when left out.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name of a model; see `models`.")] = None,
    lora: Annotated[list[str] | None, typer.Option(help="NAME or NAME:WEIGHT; may be given several times.")] = None,
    style: Annotated[list[str] | None, typer.Option(help="A saved style; may be given several times.")] = None,
    scheduler: Annotated[str | None, typer.Option(help=f"{', '.join(SCHEDULERS)}; {AS_THE_MODEL_WANTS}")] = None,
    variation_seed: Annotated[int | None, typer.Option(help=f"{SEED}; its noise is mixed in.")] = None,
    variation_strength: Annotated[
        float | None, typer.Option(help="0 (the seed's picture) to 1 (the variation seed's); 0 when left out.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Begin with this picture: a file, or an id of the gallery.")] = None,
    strength: Annotated[
        float | None,
        typer.Option(
            help=f"How much of it is given up, {STRENGTH}; "
            f"{STRENGTH.default} when left out, {INPAINT_STRENGTH.default:g} with a mask, "
            f"{BEYOND['strength']} beyond the edges."
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(help=f"How it is brought to width and height: {', '.join(FITS)}; {FITS[0]} when left out."),
    ] = None,
    mask: Annotated[str | None, typer.Option(help="Redraw what is white in this picture of the same size.")] = None,
    extend: Annotated[str | None, typer.Option(help="Draw on beyond its edges: LEFT,TOP,RIGHT,BOTTOM pixels.")] = None,
    feather: Annotated[
        int | None,
        typer.Option(
            help=f"Pixels over which new passes into old, {FEATHER}; {FEATHER.default} when left out, "
            f"{BEYOND['feather']} beyond the edges."
        ),
    ] = None,
    area: Annotated[
        str | None,
        typer.Option(help=f"What is in view while a part is redrawn: {', '.join(AREAS)}; {AREAS[0]} when left out."),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            help=f"What computes it: {', '.join(BACKENDS)}; openvino is about twice as quick on a processor. When left "
            "out, openvino for models that are ready for it."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also copy the images into this folder.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Draw images from a prompt; they are kept in the gallery like those of the pages."""
    values = {
        "prompt": prompt,
        "negative_prompt": negative,
        "seed": seed,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "width": width,
        "height": height,
        "enlarged": enlarged,
        "num_images": count,
        "model": model,
        "loras": [lora_from(text) for text in lora] if lora else None,
        "styles": tuple(style or ()) or None,
        "scheduler": scheduler,
        "variation_seed": variation_seed,
        "variation_strength": variation_strength,
        "backend": backend,
    }
    start: Values = {
        "image": image,
        "mask": mask,
        "extend": extend,
        "strength": strength,
        "fit": fit,
        "feather": feather,
        "area": area,
    }
    if prompt is None and preset is None:
        raise typer.BadParameter("Say what to draw, or name a --preset that does.", param_hint="PROMPT")
    studio = open_studio(home)
    kind, given = asked(studio, values, start, preset)
    request = studio.request(kind, given)
    job = studio.submit(request)
    _tell_defaults(studio, request, given)
    told = _told_before(studio, job.request)
    job = finished(studio, job, quiet=as_json)
    for note in job.notes:
        if note not in told:
            print(note, file=sys.stderr)
    _print_images(studio, job, out, as_json)
    require_success(job, "job")


def asked(studio: Studio, values: Values, start: Values, preset: str | None) -> tuple[str, Values]:
    """The kind of work and its request's values: those that were typed, else those of a preset.

    Args:
        values, start: of all drawings, and of a picture to begin with, as they were typed; None is left out.

    Raises:
        StudioError, GalleryError: what was named is not here, or goes with nothing else.
    """
    typed = {name: value for name, value in (values | start).items() if value is not None}
    saved = filled(studio, preset, typed) if preset is not None else {}
    kind = _kind(saved, {name: typed[name] for name in start if name in typed})
    given = saved | _opened(studio, typed)
    return kind, {name: value for name, value in given.items() if name in KINDS[kind]}


def _kind(saved: Values, start: Values) -> str:
    """The kind of work: what a preset and the options about a start picture ask for. Raises InvalidRequest."""
    if "image" not in saved | start:
        require_picture(**start)
        return TextToImage.kind
    part = saved.get("kind") == Inpaint.kind or "mask" in start or "extend" in start
    _require_its_own(part, {name: start.get(name) for name in (("fit",) if part else ("feather", "area"))})
    return Inpaint.kind if part else ImageToImage.kind


def _opened(studio: Studio, typed: Values) -> Values:
    """The options with their pictures kept and their sides as numbers."""
    pictures: Values = {name: kept_picture(studio, typed[name]) for name in ("image", "mask") if name in typed}
    sides = {"extend": _sides(typed["extend"])} if "extend" in typed else {}
    return {**typed, **pictures, **sides}


def require_picture(**options: object) -> None:
    """Refuse what says how to begin with a picture where none is named. Raises InvalidRequest."""
    problems = [
        Problem(
            name,
            f"--{name} is about a picture to begin with, and none is named; got {value}. Add --image FILE, or "
            f"leave --{name} out.",
        )
        for name, value in options.items()
        if value is not None
    ]
    if problems:
        raise InvalidRequest(problems)


def _require_its_own(part: bool, of_the_other: Values) -> None:
    """Refuse what belongs to a whole picture beside a part, and the other way round. Raises InvalidRequest."""
    rule = (
        "is about a picture that is drawn over as a whole; a part is drawn in the picture's own size"
        if part
        else "is about a part of the picture, and none is named"
    )
    advice = (
        "Leave it out, or leave out --mask and --extend." if part else "Add --mask FILE or --extend, or leave it out."
    )
    given = {name: value for name, value in of_the_other.items() if value is not None}
    if given:
        raise InvalidRequest(
            [Problem(name, f"--{name} {rule}; got {value}. {advice}") for name, value in given.items()]
        )


def _sides(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise NotFound(f"An extension is LEFT,TOP,RIGHT,BOTTOM in pixels, such as 0,0,128,0; got {text!r}.") from None


def lora_from(text: str) -> tuple[str, float]:
    """NAME:WEIGHT, or NAME alone with weight 1; a name may hold colons."""
    name, _, weight = text.rpartition(":")
    try:
        return (name, float(weight)) if name else (text, 1.0)
    except ValueError:
        return text, 1.0


def _tell_defaults(studio: Studio, request: TextToImage, given: Values) -> None:
    """What was left out and is other than this model always wants."""
    model = studio.model(request.model)
    taken = studio.defaults(model, request.loras)
    open_values = {name: value for name, value in taken.values().items() if name not in given}
    if taken != ordinary(model) and open_values:
        print(f"{in_words(open_values)}: {taken.why}.", file=sys.stderr)


def _told_before(studio: Studio, request: TextToImage) -> list[str]:
    """Say what speaks against words or size while there is time to stop."""
    names = {lora.name for lora in request.loras}
    loras = [lora for lora in studio.loras() if lora.name in names] if names else []
    told = request_notes(request, studio.model(request.model), loras, studio.embeddings())
    for text in (*told, *_tag_hints(studio, request)):
        print(text, file=sys.stderr)
    return told


def _tag_hints(studio: Studio, request: TextToImage) -> list[str]:
    """For each `<lora:name:0.8>` in the prompt the option that applies it, or why none does."""
    if request.prompt_syntax == PLAIN or not tags_of(request.prompt):
        return []
    found = offers(request.prompt, studio.loras(), studio.settings.home / "hashes.json")
    return [offer.refusal or f"To apply {offer.tag.text}, take it out and add {_option(offer)}." for offer in found]


def _option(offer: Offer) -> str:
    name = offer.lora.name if offer.lora else offer.tag.name
    return f"--lora {shlex.quote(f'{name}:{offer.weight:g}')}"


def _print_images(studio: Studio, job: Job, out: Path | None, as_json: bool) -> None:
    """The images of a job, also of one that ended early: their paths, or one JSON object for each."""
    for record in studio.gallery.of_job(job.id):
        path = copied(studio.gallery.path(record.id), out)
        if not as_json:
            print(path)
            continue
        facts = {
            "id": record.id,
            "path": str(path),
            "seed": record.seed,
            "embeddings": [each.get("name") for each in record.recipe.embeddings],
            "width": record.width,
            "height": record.height,
            "sha256": _pixel_sha256(studio.gallery.png(record.id)),
            "file_sha256": record.sha256,
            "seconds": record.recipe.seconds,
        }
        print_json(facts)


def _pixel_sha256(png: bytes) -> str:
    """Of the RGB bytes, row by row: the same for the same picture, whatever is written beside it."""
    with Image.open(io.BytesIO(png)) as picture:
        return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()
