"""The commands that list what there is to draw with, and bring models."""

from typing import Annotated

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.cli.waiting import done
from engine.diffusion.defaults import FIELDS
from engine.diffusion.request import GUIDANCE_SCALE, SCHEDULERS, STEPS
from engine.rules import counted
from engine.weights.licensing import acceptance, licences
from engine.weights.request import FetchModel

commands = typer.Typer()

CommercialUse = Annotated[
    bool, typer.Option("--commercial-use", help="Only those whose licence is known to allow commercial use.")
]
FACTS = (
    *("name", "title", "available", "problem", "note", "base", "native_size", "prediction_type"),
    *("licence", "size_bytes", "hub_id", "added", "few_steps"),
)


@commands.command()
def models(commercial_use: CommercialUse = False, home: Home = None, as_json: Json = False) -> None:
    """List the models, also those whose weights are not on this machine."""
    for info in open_studio(home).models():
        if commercial_use and not licences.known(info.licence).commercial_use:
            continue
        if as_json:
            facts = {fact: getattr(info, fact) for fact in FACTS}
            print_json({**facts, **_commercial_use(info.licence), "path": str(info.path)})
        else:
            state = "ready" if info.available else info.problem or "not on this machine"
            print(
                f"{info.name:16} {info.title}  [{state}]" + (f"  {info.note}" if info.available and info.note else "")
            )


@commands.command()
def add_model(
    source: Annotated[str, typer.Argument(help="A diffusers folder, a .safetensors file, or a hub id (org/name).")],
    name: Annotated[str | None, typer.Option(help="How to call it; made from the source when left out.")] = None,
    prediction_type: Annotated[
        str | None,
        typer.Option(
            help="epsilon or v_prediction: what a .safetensors file predicts, where it does not tell it or tells it "
            "wrongly. Also for a file that lies in the studio's weights folder."
        ),
    ] = None,
    few_steps: Annotated[
        str | None,
        typer.Option(
            help="turbo (1 to 4 steps without guidance), lcm (4 to 8 steps) or none: for how few steps the model was "
            "made, where neither its files nor its name tell it or they tell it wrongly."
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Remember a model that is on this machine, or on the model hub."""
    info = open_studio(home).add_model(source, name, prediction_type, few_steps)
    print(f"{info.name}: {info.title}" + (f"  [{info.problem}]" if info.problem else ""))
    if info.note:
        print(info.note)


@commands.command()
def model_defaults(
    name: str,
    steps: Annotated[int | None, typer.Option(help=f"Denoising steps to save, {STEPS}.")] = None,
    guidance: Annotated[float | None, typer.Option(help=f"Guidance scale to save, {GUIDANCE_SCALE}.")] = None,
    scheduler: Annotated[str | None, typer.Option(help=f"Scheduler to save: {', '.join(SCHEDULERS)}.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Forget what was saved.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show with which values a model draws when none are given; save your own for it, or forget them.

    What is not given when some are saved stays as it is.
    """
    studio = open_studio(home)
    given = dict(zip(FIELDS, (steps, guidance, scheduler), strict=True))
    saved = {field: value for field, value in given.items() if value is not None}
    if forget:
        studio.forget_defaults(name)
    if saved:
        studio.save_defaults(name, studio.defaults(studio.model(name)).values() | saved)
    taken = studio.defaults(studio.model(name))
    if as_json:
        print_json({"name": name, **taken.values(), "why": taken.why})
    else:
        print(f"{name}: {taken}, {taken.why}.")


@commands.command()
def remove_model(
    name: str,
    delete_files: Annotated[
        bool,
        typer.Option(
            "--delete-files", help="Also delete the files that the studio downloaded for it; all others stay."
        ),
    ] = False,
    home: Home = None,
) -> None:
    """Remove a model that was added from the list; its files stay where they are."""
    open_studio(home).remove_model(name, delete_files)


@commands.command()
def fetch_model(
    name: str,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="You have read its licence and accept it; asked once."),
    ] = False,
    home: Home = None,
) -> None:
    """Download a model's weights; an interrupted download continues."""
    studio = open_studio(home)
    if accept_licence:
        acceptance.accept(studio.settings.home, licences.known(studio.model(name).licence))
    done(studio, FetchModel(model=name), "download")
    print(f"{studio.model(name).title} is ready.")


@commands.command()
def loras(commercial_use: CommercialUse = False, home: Home = None, as_json: Json = False) -> None:
    """List the LoRAs with base model, rank and trigger words."""
    for lora in open_studio(home).loras():
        if commercial_use and not licences.known(lora.licence).commercial_use:
            continue
        if as_json:
            facts = ("name", "base", "rank", "trigger_words", "note", "problem", "licence")
            said = {fact: getattr(lora, fact) for fact in facts}
            print_json({**said, **_commercial_use(lora.licence), "path": str(lora.path)})
        else:
            words = f"  trigger words: {', '.join(lora.trigger_words)}" if lora.trigger_words else ""
            state = f"  [{lora.problem}]" if lora.problem else ""
            note = f"  ({lora.note})" if lora.note else ""
            print(f"{lora.name}  for {lora.base}, rank {lora.rank}{words}{note}{state}")


def _commercial_use(written: str) -> dict[str, bool | None]:
    """true, false, or null where the licence does not tell."""
    return {"commercial_use": licences.known(written).commercial_use}


@commands.command()
def embeddings(home: Home = None, as_json: Json = False) -> None:
    """List the embeddings (textual inversion); the name of one in a prompt applies it."""
    for info in open_studio(home).embeddings():
        if as_json:
            facts = ("name", "vectors", "width", "base", "token", "problem")
            print_json({**{fact: getattr(info, fact) for fact in facts}, "path": str(info.path)})
        elif info.problem:
            print(f"{info.name}  [{info.problem}]")
        else:
            also = f", also {info.token}" if info.token else ""
            print(f"{info.name}  for {info.base}, {counted(info.vectors, 'vector')}{also}")
