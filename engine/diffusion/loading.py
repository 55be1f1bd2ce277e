"""Open a Stable Diffusion model from a folder or from one .safetensors file, offline and without pickle."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Protocol

import torch
from diffusers import AutoencoderKL, SchedulerMixin, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils.logging import disable_progress_bar, set_verbosity_error
from safetensors.torch import load_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from engine.device import Device, is_out_of_memory
from engine.diffusion import schedulers
from engine.diffusion.preview import FIT_SIZE, LatentPreview
from engine.diffusion.tokens import fit
from engine.errors import ModelBroken, StudioError, UnsafeFile
from engine.files import read_json
from engine.settings import PROJECT
from engine.weights.catalogue.readable import require_readable
from engine.weights.facts import inpainting_channels
from engine.weights.layout import chosen_weights, missing_configuration
from engine.weights.models import ModelInfo
from engine.weights.safetensors_file import check_checkpoint

# Configuration and tokenizer for single-file checkpoints, which hold weights only.
SINGLE_FILE_CONFIG = PROJECT / "weights" / "sd21"

# The only classes that are ever made from a folder, whatever its model_index.json names.
MODELS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}

disable_progress_bar()
set_verbosity_error()
transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()


class Sized(Protocol):
    """Something that takes memory."""

    @property
    def size_bytes(self) -> int:
        """How much, about."""
        ...


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory.

    Attributes:
        size_bytes: of its weights as they lie in memory.
        offloaded: its parts wait in main memory and visit the GPU one after the other.
        compiled: what a backend keeps of it, by the backend's name; it goes with the model.
        worn: the changed weights that `engine.diffusion.lora` keeps of it, by the LoRAs.
    """

    pipeline: StableDiffusionPipeline
    info: ModelInfo
    device: Device
    size_bytes: int
    offloaded: bool
    preview: LatentPreview
    compiled: dict[str, Sized] = field(default_factory=dict, repr=False, compare=False)
    worn: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def held_bytes(self) -> int:
        """Of its weights, also of those that a backend has compiled and of those with LoRAs in them."""
        more = [*self.compiled.values(), *(changed for changed, _ in self.worn.values())]
        return self.size_bytes + sum(each.size_bytes for each in more)

    @property
    def dtype(self) -> torch.dtype:
        return self.device.dtype

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Guard one drawing: a pipeline carries LoRAs and a scheduler while it draws, so two would mix."""
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"{self.info.title} is drawing already. Finish or close that generator first.")
        try:
            yield
        finally:
            self._lock.release()


def load(source: ModelInfo, device: Device, single_file_config: Path = SINGLE_FILE_CONFIG) -> LoadedModel:
    """Read a model and place it on the device.

    Args:
        source: where it is, and whether it is a folder or a single file.
        single_file_config: folder with the configuration and tokenizer for a single file.

    Raises:
        ModelBroken: a file is missing or cannot be read as Stable Diffusion.
        OutOfMemory: the device is too small for it.
    """
    with device.explaining_out_of_memory(f"Loading {source.title}", "Choose a smaller model."):
        with _explaining_broken_files(source):
            pipeline = (
                _read_file(source, device, single_file_config) if source.single_file else _read_folder(source, device)
            )
        return _place(pipeline, source, device)


def _read_folder(source: ModelInfo, device: Device) -> StableDiffusionPipeline:
    _require_configuration(source, source.path)
    require_readable(source.path)
    with _without_marks(source.path) as folder:
        models = {name: _read_model(source, folder, name, device.dtype) for name in MODELS}
        tokenizer = _read_tokenizer(folder)
    scheduler = schedulers.build("DDIM", read_json(source.path / "scheduler/scheduler_config.json"))
    return _pipeline(models, tokenizer, scheduler)


@contextmanager
def _without_marks(folder: Path) -> Iterator[Path]:
    """The folder itself; or where a small file begins with a byte order mark, which the libraries do not read, a
    folder for the moment in which that file has none and all others are links.
    """
    files = [path for part in (*MODELS, "tokenizer") for path in (folder / part).glob("*") if path.is_file()]
    marked = [path for path in files if path.suffix in (".json", ".txt") and _begins_with_mark(path)]
    if not marked:
        yield folder
        return
    with TemporaryDirectory() as place:
        for path in files:
            copy = Path(place, path.parent.name, path.name)
            copy.parent.mkdir(exist_ok=True)
            if path in marked:
                copy.write_bytes(path.read_bytes().removeprefix(BOM_UTF8))
            else:
                copy.symlink_to(path.resolve())
        yield Path(place)


def _begins_with_mark(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(BOM_UTF8)) == BOM_UTF8


def _read_model(source: ModelInfo, folder: Path, component: str, dtype: torch.dtype) -> torch.nn.Module:
    weights = chosen_weights(folder, component, half=dtype == torch.float16)
    files = [folder / component / name for name in weights.files]
    for path in files:
        check_checkpoint(path)
    if component == "text_encoder":
        model, info = _read_text_encoder(folder / component, files, dtype)
    else:
        model, info = MODELS[component].from_pretrained(
            folder,
            subfolder=component,
            variant=weights.variant or None,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
    # The libraries fill tensors that are not in the file with random numbers and only warn.
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelBroken(
            f"{source.title}: {component} lacks {len(missing)} tensors, such as {missing[0]}. "
            f"Download {source.path / component} again."
        )
    return model.eval()


def _read_text_encoder(folder: Path, files: list[Path], dtype: torch.dtype) -> tuple[CLIPTextModel, dict]:
    """From these files and no others: transformers would follow names in config.json and adapter_config.json."""
    config = CLIPTextConfig.from_pretrained(folder, local_files_only=True)
    tensors = {name: tensor for path in files for name, tensor in load_file(path).items()}
    return CLIPTextModel.from_pretrained(
        None, config=config, state_dict=tensors, dtype=dtype, local_files_only=True, output_loading_info=True
    )


def _read_tokenizer(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True)


def _read_file(source: ModelInfo, device: Device, config: Path) -> StableDiffusionPipeline:
    """A checkpoint in the original layout; its configuration comes from a folder, never from the Hub."""
    _require_no_missing(source, source.path.parent, [] if source.path.is_file() else [source.path.name])
    _require_configuration(source, config)
    check_checkpoint(source.path)
    try:
        pipeline = StableDiffusionPipeline.from_single_file(
            str(source.path),
            config=str(config),
            local_files_only=True,
            dtype=device.dtype,
            tokenizer=_read_tokenizer(config),
            **_own_unet(source, device, config),
            safety_checker=None,
            feature_extractor=None,
        )
    except NotImplementedError as error:  # "Cannot copy out of meta tensor": nothing was read into it
        raise _incomplete(source, "some tensors") from error
    for component in MODELS:
        _require_all_tensors(source, component, getattr(pipeline, component))
    scheduler = schedulers.build("DDIM", {**pipeline.scheduler.config, **_trained_with(source)})
    models = {component: getattr(pipeline, component).eval() for component in MODELS}
    return _pipeline(models, pipeline.tokenizer, scheduler)


def _own_unet(source: ModelInfo, device: Device, config: Path) -> dict[str, UNet2DConditionModel]:
    """A UNet for inpainting, whose first layer the shared configuration does not describe; nothing for others."""
    if not source.inpainting:
        return {}
    channels = inpainting_channels(read_json(config / "unet/config.json")["in_channels"])
    unet = UNet2DConditionModel.from_single_file(
        str(source.path),
        config=str(config),
        subfolder="unet",
        in_channels=channels,
        local_files_only=True,
        dtype=device.dtype,
    )
    return {"unet": unet}


def _trained_with(source: ModelInfo) -> dict[str, Any]:
    """What the catalogue found out about a single file, as a scheduler's configuration says it."""
    prediction = {"prediction_type": source.prediction_type}
    if not source.zero_terminal_snr:
        return prediction
    # Such a model begins at pure noise, which only "trailing" visits (Lin et al. 2023, section 3.3).
    return {**prediction, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}


def _require_all_tensors(source: ModelInfo, component: str, model: torch.nn.Module) -> None:
    missing = [name for name, tensor in model.named_parameters() if tensor.is_meta]
    if missing:
        raise _incomplete(source, f"{len(missing)} tensors of the {component}, such as {missing[0]}")


def _incomplete(source: ModelInfo, missing: str) -> ModelBroken:
    return ModelBroken(
        f"{source.title}: {source.path} lacks {missing}. It is not a complete Stable Diffusion 2.1 checkpoint; "
        "download it again or choose another file."
    )


def _pipeline(models: dict, tokenizer: CLIPTokenizer, scheduler: SchedulerMixin) -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline(
        **models,
        tokenizer=fit(tokenizer, models["text_encoder"].config.max_position_embeddings),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _place(pipeline: StableDiffusionPipeline, source: ModelInfo, device: Device) -> LoadedModel:
    size_bytes = sum(_bytes(getattr(pipeline, component)) for component in MODELS)
    offloaded = device.is_cuda and not device.fits(size_bytes)
    if offloaded:
        pipeline.enable_model_cpu_offload(device=device.torch_device)
    else:
        pipeline.to(device.torch_device)
    preview = LatentPreview.fit(pipeline.vae, device.torch_device, min(FIT_SIZE, source.native_size))
    return LoadedModel(pipeline, source, device, size_bytes, offloaded, preview)


def _bytes(model: torch.nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.parameters())


def _require_configuration(source: ModelInfo, folder: Path) -> None:
    _require_no_missing(source, folder, missing_configuration(lambda name: (folder / name).is_file()))


def _require_no_missing(source: ModelInfo, folder: Path, missing: list[str]) -> None:
    if missing:
        raise ModelBroken(
            f"{source.title}: {folder} lacks {', '.join(missing)}. Copy the missing files there or download "
            "the model again."
        )


@contextmanager
def _explaining_broken_files(source: ModelInfo) -> Iterator[None]:
    """One text for whatever two libraries say about unreadable files."""
    try:
        yield
    except UnsafeFile as error:
        raise ModelBroken(f"{source.title} cannot be read: {error}") from error
    except StudioError:
        raise
    except Exception as error:  # the libraries raise anything from KeyError to SafetensorError here
        if is_out_of_memory(error):
            raise
        raise ModelBroken(
            f"{source.title} cannot be read as Stable Diffusion: {source.path}: {_first_line(error)}. "
            "The file may be cut off or of another kind; download it again or choose another model."
        ) from error


def _first_line(error: Exception) -> str:
    text = json.dumps(str(error)) if not str(error).strip() else str(error).strip().splitlines()[0]
    return f"{type(error).__name__}: {text[:300]}".rstrip(".")
