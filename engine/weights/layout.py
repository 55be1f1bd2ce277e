"""Which files of a Stable Diffusion folder are needed and which are read: the one rule for all who ask.

The catalogue lists a folder, the loader opens it, the hub's files are chosen and a recipe names its hashes by this.

    model_index.json
    unet/          config.json  diffusion_pytorch_model[.fp16].safetensors
    vae/           config.json  diffusion_pytorch_model[.fp16].safetensors
    text_encoder/  config.json  model[.fp16].safetensors
    scheduler/     scheduler_config.json
    tokenizer/     tokenizer.json, or vocab.json and merges.txt
    defaults.json  with which values it draws where nobody says otherwise; of models that ship, where they say it

In place of one weights file there may be shards and an index: model.safetensors.index[.fp16].json.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ModelBroken
from engine.files import read_json

COMPONENTS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
CONFIGS = (*(f"{component}/config.json" for component in COMPONENTS), "scheduler/scheduler_config.json")
# One file as transformers 5 saves it, or the two that every published model has.
TOKENIZERS = (("tokenizer/tokenizer.json",), ("tokenizer/vocab.json", "tokenizer/merges.txt"))
DEFAULTS = "defaults.json"
FULL, HALF = "", "fp16"
# What is read, the better suited first; "fp32" and "bf16" are names that some tools give to their only files.
PRECISIONS = {False: (FULL, "fp32", HALF, "bf16"), True: (HALF, FULL, "bf16", "fp32")}
PICKLES = (".ckpt", ".bin", ".pt", ".pth", ".pkl")

_SHARD = r"{stem}(?:{half}-\d+-of-\d+|-\d+-of-\d+{half})\.safetensors"


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights files of one component in one precision.

    Attributes:
        variant: "" for the plain files, else what their names say: "fp16", "fp32" or "bf16".
        files: names of the .safetensors files.
        index: name of the file that lists them; empty where there is one file alone.
    """

    variant: str
    files: tuple[str, ...]
    index: str = ""


def missing_configuration(has: Callable[[str], bool]) -> list[str]:
    """The configuration and tokenizer files that are not there.

    Args:
        has: whether the model has a file of that name, such as "unet/config.json".
    """
    complete = any(all(map(has, names)) for names in TOKENIZERS)
    return [name for name in (*CONFIGS, *(() if complete else TOKENIZERS[1])) if not has(name)]


def offered_weights(names: Collection[str], component: str, variant: str) -> Weights | None:
    """The weights of that variant among a component's files, told by their names alone; None if there are none.

    An index goes before a single file: so the diffusers library decides, where both are there.
    """
    stem, half = COMPONENTS[component], f".{variant}" if variant else ""
    index = f"{stem}.safetensors.index{half}.json"
    if index in names:
        shard = re.compile(_SHARD.format(stem=stem, half=re.escape(half)))
        return Weights(variant, tuple(sorted(filter(shard.fullmatch, names))), index)
    single = f"{stem}{half}.safetensors"
    return Weights(variant, (single,)) if single in names else None


def chosen_weights(folder: Path, component: str, half: bool = False) -> Weights:
    """What the loader reads of a component; where both precisions are there, the one that suits.

    Args:
        folder: of the whole model.
        component: "unet", "vae" or "text_encoder".
        half: whether the model will compute in float16.

    Raises:
        ModelBroken: there are no weights, or only pickle, or shards are missing.
    """
    place = folder / component
    names = {path.name for path in place.iterdir() if path.is_file()} if place.is_dir() else set()
    for variant in PRECISIONS[half]:
        if weights := offered_weights(names, component, variant):
            return _with_listed_shards(place, weights) if weights.index else weights
    raise ModelBroken(_no_weights(place, f"{COMPONENTS[component]}.safetensors", names))


def weight_files(folder: Path, component: str, half: bool = False) -> list[Path]:
    """Exactly the files that the loader reads for a component; see `chosen_weights`."""
    return [folder / component / name for name in chosen_weights(folder, component, half).files]


def _with_listed_shards(place: Path, weights: Weights) -> Weights:
    """The files that the index names: they are read, whatever else lies beside them."""
    index = place / weights.index
    try:
        listed = read_json(index).get("weight_map")
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{index} cannot be read as JSON: {error}. Copy or download this file again.") from None
    names = sorted(set(map(str, listed.values()))) if isinstance(listed, dict) else []
    plain = [name for name in names if name == Path(name).name and name.endswith(".safetensors")]
    if not names or plain != names:
        raise ModelBroken(
            f"{index}: weight_map must name .safetensors files beside it; got {str(listed)[:80]!r}. "
            "Copy or download this file again."
        )
    missing = [name for name in names if not (place / name).is_file()]
    if missing:
        raise ModelBroken(
            f"{place} lacks {', '.join(missing)}, which {index.name} lists. "
            "Copy them there or download the model again."
        )
    return Weights(weights.variant, tuple(names), weights.index)


def _no_weights(place: Path, wanted: str, names: Collection[str]) -> str:
    pickles = sorted(name for name in names if name.endswith(PICKLES))
    if pickles:
        return (
            f"{place} holds weights only as {', '.join(pickles)}, a format that can run code. "
            f"The studio opens .safetensors only; get that version of the model: {wanted}."
        )
    others = sorted(name for name in names if name.endswith(".safetensors"))
    if others:
        return (
            f"{place} has no weights of a precision that the studio reads: {wanted} is missing; there is "
            f"{', '.join(others[:3])}. Give it that name if it is the whole {place.name}, or download the model again."
        )
    return f"{place} has no .safetensors weights: {wanted} is missing. Copy it there or download the model again."
