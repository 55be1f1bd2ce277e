"""What a model can do, read from its small JSON files and the headers of its weights; no weights are loaded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken, UnsafeFile
from engine.files import printable
from engine.weights.catalogue import few_steps
from engine.weights.catalogue.readable import config, require_readable
from engine.weights.families import base_of_width
from engine.weights.layout import COMPONENTS, PICKLES, missing_configuration, weight_files
from engine.weights.safetensors_file import Header, TensorSpec, check_checkpoint
from engine.weights.sources import name_of

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
# Both have the same parts; the second is how latent consistency models are published.
PIPELINES = ("StableDiffusionPipeline", "LatentConsistencyModelPipeline", "StableDiffusionInpaintPipeline")

_LICENCE_LINE = re.compile(r"^license(?:_name)?:\s*['\"]?([\w .+-]{2,60}?)['\"]?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the pages show it and the worker loads it.

    Attributes:
        name: short, unique, used in requests.
        title: for people.
        path: the folder in diffusers layout, or the single .safetensors file.
        single_file: whether `path` is one file.
        base: family by the width of the cross-attention, see `base_of_width`.
        cross_attention_dim: that width; 0 when unknown, as are the sizes then.
        native_size: side in pixels that the model was trained for.
        min_size, max_size: allowed sides in pixels.
        size_multiple: sides are multiples of this many pixels.
        prediction_type: "epsilon", "v_prediction" or "sample".
        size_bytes: of the weights; an estimate for a model that is not here yet.
        licence: its name, or "unknown".
        available: whether it can be loaded now.
        about: one or two sentences for the model picker.
        problem: why it cannot be used, and what to do; empty when there is none.
        hub_id: "organisation/name" on the model hub, when it can be fetched from there.
        note: what else to know: which clue decided the prediction type of a single file, or what could not be asked.
        zero_terminal_snr: whether a single file was trained up to pure noise.
        inpainting: whether it was made for redrawing parts of pictures, and can do nothing else.
        added: whether the artist added it, so that it can be removed from the list again.
        few_steps: "turbo" or "lcm" where it was distilled for few steps, else empty; see `catalogue.few_steps`.
        guidance_embedding: whether its UNet is told the guidance scale, so that each step asks it once.
        defaults: values of a drawing by their fields, with which a model that ships draws best; of others empty.
    """

    name: str
    title: str
    path: Path
    single_file: bool
    base: str
    cross_attention_dim: int
    native_size: int
    min_size: int
    max_size: int
    size_multiple: int
    prediction_type: str
    size_bytes: int
    licence: str
    available: bool
    about: str
    problem: str = ""
    hub_id: str = ""
    note: str = ""
    zero_terminal_snr: bool = False
    inpainting: bool = False
    added: bool = False
    few_steps: str = ""
    guidance_embedding: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)


def unusable(name: str, path: Path, problem: str = "", hub_id: str = "") -> ModelInfo:
    """An entry for something that cannot be loaded; `problem` says why.

    Args:
        name: as it stands on the disk; the entry's has one line and nothing that no page can show.
    """
    name = " ".join(printable(name).split()) or "unnamed"
    return ModelInfo(
        name=name,
        title=name,
        path=path,
        single_file=path.suffix == ".safetensors",
        base=base_of_width(None),
        cross_attention_dim=0,
        **size_limits(0, 8),
        prediction_type="epsilon",
        size_bytes=0,
        licence="unknown",
        available=False,
        about="",
        problem=problem,
        hub_id=hub_id,
    )


def size_limits(native_size: int, factor: int) -> dict[str, Any]:
    """The sides that a model of this native size can draw, all in pixels.

    A quarter to twice the native size is where Stable Diffusion still composes one picture.

    Args:
        native_size: 0 when unknown.
        factor: how many pixels one latent covers, per side.
    """
    multiple = max(8, factor)
    native_size -= native_size % multiple
    low, high = max(64, native_size // 4), min(2048, native_size * 2)
    low = -(-low // multiple) * multiple
    high = max(low, high - high % multiple)
    return {"native_size": native_size, "min_size": low, "max_size": high, "size_multiple": multiple}


def has_weights(folder: Path) -> bool:
    """Whether any component of a model folder holds weights, in whatever format."""
    return any(path.suffix in (".safetensors", *PICKLES) for part in COMPONENTS for path in (folder / part).glob("*.*"))


def folder_info(name: str, folder: Path, pointer: Mapping[str, Any] | None = None) -> ModelInfo:
    """Describe a folder in diffusers layout; what is wrong with it goes into `problem`.

    Args:
        pointer: what the artist says about it (`few_steps`), and from where it is (`hub_id`).
    """
    info = unusable(name, folder)
    try:
        info = replace(info, **folder_facts(folder), licence=_licence(folder))
        info = replace(info, **_few_step_facts(name, folder, pointer or {}))
        weights = [path for component in COMPONENTS for path in weight_files(folder, component)]
        info = replace(info, size_bytes=sum(path.stat().st_size for path in weights))
        for path in weights:
            _require_plain_numbers(path)
    except (ModelBroken, UnsafeFile) as error:
        return replace(info, problem=str(error))
    except OSError as error:
        return replace(info, problem=f"{folder} cannot be read: {error.strerror}. Check its place and rights.")
    return replace(info, available=True, about=about_model(info))


def _few_step_facts(name: str, folder: Path, pointer: Mapping[str, Any]) -> dict[str, Any]:
    files = {"index": "model_index.json", "unet": "unet/config.json", "scheduler": "scheduler/scheduler_config.json"}
    configs = {part: config(folder, file) for part, file in files.items()}
    names = (name, name_of(folder), str(pointer.get("hub_id", "")))
    few = few_steps.of_folder(configs, names, few_steps.valid_few_steps(folder, pointer.get("few_steps")))
    width = configs["unet"].get("time_cond_proj_dim")
    if width is not None:
        _whole(folder, "unet/config.json", "time_cond_proj_dim", width)
    return {"few_steps": few.kind, "note": few.note, "guidance_embedding": width is not None}


def _require_plain_numbers(path: Path) -> None:
    if packed := quantised(checked_header(path).tensors):
        raise ModelBroken(
            f"{path}: weights must be plain numbers of 16 or 32 bits; {packed}. Choose the version that is not "
            "quantised."
        )


def about_model(info: ModelInfo) -> str:
    what = "redraws parts of pictures, best" if info.inpainting else "draws"
    best = "" if info.inpainting else " best"
    return f"{info.base}, {what} {info.native_size}x{info.native_size} pixels{best}."


def checked_header(path: Path) -> Header:
    """The header of a weights file, read once per state of the file."""
    status = path.stat()
    return _checked_once(path, status.st_size, status.st_mtime_ns)


def quantised(tensors: Mapping[str, TensorSpec]) -> str:
    """What shows that weights are packed into fewer bits, as the end of a sentence; empty when they are plain."""
    packed = ("U8", "I8", "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0")
    name = next((name for name, spec in tensors.items() if spec.dtype in packed and len(spec.shape) > 1), "")
    return f"{name} is {tensors[name].dtype}" if name else ""


@lru_cache(maxsize=256)
def _checked_once(path: Path, size: int, mtime_ns: int) -> Header:
    return check_checkpoint(path)


def folder_facts(folder: Path) -> dict[str, Any]:
    missing = missing_configuration(lambda name: (folder / name).is_file())
    if missing:
        raise ModelBroken(f"{folder} lacks {', '.join(missing)}. Copy them there or download the model again.")
    index, unet = config(folder, "model_index.json"), config(folder, "unet/config.json")
    vae, scheduler = config(folder, "vae/config.json"), config(folder, "scheduler/scheduler_config.json")
    width = _whole(folder, "unet/config.json", "cross_attention_dim", unet.get("cross_attention_dim"))
    factor = _vae_factor(folder, vae)
    # Without a sample_size the diffusers library takes 64 latents per side, so the same is said here.
    samples = _whole(folder, "unet/config.json", "sample_size", unet.get("sample_size") or 64)
    facts = {
        "inpainting": _made_for_inpainting(folder, index, unet, vae),
        "base": base_of_width(width),
        "cross_attention_dim": width,
        "prediction_type": valid_prediction_type(folder, scheduler.get("prediction_type", "epsilon")),
        **size_limits(valid_native_size(folder, samples * factor), factor),
    }
    require_readable(folder)
    return facts


def _whole(folder: Path, file: str, key: str, value: Any) -> int:
    """A whole number from 1 to 65536; the smallest where a list gives one for each block or side."""
    values = value if isinstance(value, list) and value else [value]
    if not all(type(number) is int and 1 <= number <= 65536 for number in values):
        raise ModelBroken(
            f"{folder / file}: {key} must be a whole number from 1 to 65536; got {str(value)[:80]!r}. "
            "Copy or download this file again."
        )
    return min(values)


def _vae_factor(folder: Path, vae: dict[str, Any]) -> int:
    channels = vae.get("block_out_channels")
    if not isinstance(channels, list) or not 1 <= len(channels) <= 8:
        raise ModelBroken(
            f"{folder / 'vae/config.json'}: block_out_channels must list 1 to 8 widths; "
            f"got {str(channels)[:80]!r}. Copy or download this file again."
        )
    return 2 ** (len(channels) - 1)


def valid_native_size(where: Path, size: Any) -> int:
    if type(size) is not int or not 8 <= size <= 2048:
        raise ModelBroken(
            f"{where}: the native size must be 8 to 2048 pixels; got {str(size)[:80]}. "
            "Correct sample_size in unet/config.json, or native_size in models.json."
        )
    return size


def valid_prediction_type(where: Path, value: Any) -> str:
    if value not in PREDICTION_TYPES:
        raise ModelBroken(
            f"{where}: prediction_type must be one of {', '.join(PREDICTION_TYPES)}; got {str(value)[:80]!r}. "
            "Correct it in the scheduler's configuration, or in models.json."
        )
    return value


def _made_for_inpainting(folder: Path, index: dict, unet: dict, vae: dict) -> bool:
    """Whether it takes mask and picture beside the latents; False for text to image. Raises ModelBroken for others."""
    kind = index.get("_class_name")
    if kind not in PIPELINES:
        raise ModelBroken(
            f"{folder} must be a StableDiffusionPipeline (Stable Diffusion 1.x or 2.x); "
            f"got {str(kind)[:80]!r}. Choose another model."
        )
    inputs, latents = unet.get("in_channels", 4), vae.get("latent_channels", 4)
    if inputs not in (latents, inpainting_channels(latents)):
        raise ModelBroken(
            f"{folder}: the UNet must take the {latents} channels of the latents, or {inpainting_channels(latents)} of "
            f"inpainting; got {str(inputs)[:20]}. It is a model for depth or upscaling; choose another version."
        )
    return inputs != latents


def inpainting_channels(latents: int) -> int:
    """What a UNet for inpainting takes: the latents, a mask, and the latents of the picture with a hole."""
    return 2 * latents + 1


def _licence(folder: Path) -> str:
    """The name in the front matter of README.md, else the first line of a licence file."""
    readme = _beginning(folder / "README.md")
    front_matter = readme[3:].split("\n---", 1)[0] if readme.startswith("---") else ""
    if named := _LICENCE_LINE.search(front_matter):
        return named.group(1)
    for path in sorted(folder.glob("LICEN[CS]E*")):
        lines = [line.strip("# ").strip() for line in _beginning(path).splitlines()]
        if first := next(filter(None, lines), ""):
            return first[:80]
    return "unknown"


def _beginning(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return printable(file.read(8192))
    except OSError:
        return ""
