"""Automatic captions by BLIP (Li et al. 2022, "BLIP: Bootstrapping Language-Image Pre-training").

Looked for on this machine first: in a folder, or in the cache of the hub's library. Downloaded only when that is
allowed. transformers is imported when a model is loaded, so the pages can name this module.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from engine.datasets.texts import one_line
from engine.errors import ModelBroken, ModelUnavailable, Offline, StudioError
from engine.picture_files import to_rgb
from engine.weights.hub_client import endpoint_or_default
from engine.weights.network import arriving, reach

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BlipForConditionalGeneration, BlipProcessor

HUB_ID = "Salesforce/blip-image-captioning-base"
SIZE_BYTES = 990_000_000
# The hub offers these weights as a pickle only; they are read as tensors alone, see `_tensors`.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
CONFIGS = ("config.json", "preprocessor_config.json")
TOKENIZERS = ("tokenizer.json", "vocab.txt")
MAX_TOKENS = 40
BEAMS = 3  # as in the authors' code (configs/caption_coco.yaml)
CONNECT_SECONDS = 2.0
DOWNLOAD_SECONDS = 3600.0


@dataclass(frozen=True)
class Captioner:
    """A loaded BLIP."""

    processor: "BlipProcessor"
    model: "BlipForConditionalGeneration"

    def caption(self, image: Image.Image) -> str:
        """One sentence about a picture of any mode; the same picture always gets the same one."""
        import torch

        inputs = self.processor(images=to_rgb(image), return_tensors="pt").to(self.model.device)
        with torch.inference_mode():
            tokens = self.model.generate(**inputs, max_new_tokens=MAX_TOKENS, num_beams=BEAMS, do_sample=False)
        return one_line(self.processor.decode(tokens[0], skip_special_tokens=True))


def load_captioner(
    folder: Path | None = None,
    *,
    allow_download: bool = False,
    device: str = "cpu",
    should_stop: Callable[[], bool] = lambda: False,
) -> Captioner:
    """Load BLIP in float32.

    Args:
        folder: with the model's files; None looks into the hub library's cache.
        allow_download: whether the model may be fetched when it is not in the cache; about 1 GB.
        device: "cpu", "cuda", ...
        should_stop: asked five times a second during a download.

    Raises:
        ModelUnavailable: it is not on this machine, and may not be downloaded.
        Offline: it may be downloaded, but the hub cannot be reached; said after seconds.
        ModelBroken: its files cannot be read as BLIP.
        Cancelled: `should_stop` said so.
    """
    place = _in_folder(folder) if folder else _in_cache()
    if place is None:
        place = _downloaded(should_stop) if allow_download else None
    if place is None:
        raise ModelUnavailable(f"{_what()} It is not on this machine. {_by_hand()} Or allow its download.")
    try:
        captioner = _load(place)
    except StudioError:
        raise
    except Exception as error:  # the libraries raise whatever their readers raise
        raise ModelBroken(f"{place} cannot be read as BLIP: {str(error)[:300]}. Copy or download it again.") from error
    captioner.model.to(device)
    return captioner


def is_here(folder: Path | None = None) -> bool:
    """Whether captions can be written without a download."""
    return not _missing(folder) if folder else _in_cache() is not None


def _what() -> str:
    return f"Automatic captions need the model {HUB_ID} (about {SIZE_BYTES / 1e9:.0f} GB)."


def _by_hand() -> str:
    return (
        f"Copy a folder with {', '.join(CONFIGS)}, {' or '.join(TOKENIZERS)} and {' or '.join(WEIGHTS)} to this "
        "machine and name it."
    )


# ---------------------------------------------------------------- where it is


def _missing(folder: Path) -> list[str]:
    wanted = [(name,) for name in CONFIGS] + [TOKENIZERS, WEIGHTS]
    return [" or ".join(names) for names in wanted if not any((folder / name).is_file() for name in names)]


def _in_folder(folder: Path) -> Path:
    if missing := _missing(folder):
        raise ModelUnavailable(f"{_what()} {folder} lacks {', '.join(missing)}. {_by_hand()}")
    return folder


def _in_cache() -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # here: half a second of imports

    found = try_to_load_from_cache(HUB_ID, CONFIGS[0])
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder and not _missing(folder) else None


def _downloaded(should_stop: Callable[[], bool]) -> Path:
    """Fetch the model into the hub library's cache."""
    from huggingface_hub import constants, snapshot_download

    if constants.HF_HUB_OFFLINE:
        raise _offline("HF_HUB_OFFLINE is set, which forbids every download")
    endpoint = endpoint_or_default(None)

    def fetch() -> Iterator[str]:
        yield snapshot_download(
            HUB_ID, allow_patterns=[*CONFIGS, "*token*.json", "vocab.txt", *WEIGHTS], endpoint=endpoint
        )

    try:
        reach(endpoint, CONNECT_SECONDS, should_stop)
        return Path(next(arriving(fetch, should_stop, DOWNLOAD_SECONDS)))
    except StudioError:
        raise
    except Exception as error:  # only the network is used here, so this is some failure of it
        raise _offline(" ".join(str(error).split())[:300] or type(error).__name__) from None


def _offline(reason: str) -> Offline:
    return Offline(f"{_what()} Its download failed: {reason.rstrip('.')}. Try again later, or bring it. {_by_hand()}")


# ---------------------------------------------------------------- loading


def _load(folder: Path) -> Captioner:
    """From fixed classes, whatever the folder's configuration names."""
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = BertTokenizer.from_pretrained(folder, local_files_only=True)
    pixels = BlipImageProcessorPil.from_pretrained(folder, local_files_only=True)
    config = BlipConfig.from_pretrained(folder, local_files_only=True)
    model, info = BlipForConditionalGeneration.from_pretrained(
        None, config=config, state_dict=_tensors(folder), local_files_only=True, output_loading_info=True
    )
    # The library fills tensors that are not in the file with random numbers and only warns.
    if missing := sorted(info["missing_keys"]):
        raise ModelBroken(f"{folder} lacks {len(missing)} tensors, such as {missing[0]}. Copy or download it again.")
    return Captioner(BlipProcessor(pixels, tokenizer), model.eval())


def _tensors(folder: Path) -> "dict[str, Tensor]":
    """The weights, without running code from the file."""
    from safetensors.torch import load_file

    if (folder / WEIGHTS[0]).is_file():
        return load_file(folder / WEIGHTS[0])
    import torch

    return torch.load(folder / WEIGHTS[1], map_location="cpu", weights_only=True, mmap=True)
