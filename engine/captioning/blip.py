"""Automatic captions by BLIP (Li et al. 2022, "BLIP: Bootstrapping Language-Image Pre-training").

Looked for on this machine alone: in a folder, where `fetch-network blip` brings it, or in the cache of the hub's
library. transformers is imported when a model is loaded.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from engine.datasets.texts import one_line
from engine.errors import ModelBroken, ModelUnavailable, StudioError
from engine.metrics.published.catalogue import (
    BLIP_CONFIGS,
    BLIP_TOKENIZERS,
    BLIP_WEIGHTS,
    blip_folder,
    blip_lacks,
    blip_missing,
)
from engine.picture_files import to_rgb

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import BlipForConditionalGeneration, BlipProcessor

# The hub offers the weights as a pickle only; they are read as tensors alone, see `_tensors`.
MAX_TOKENS = 40
BEAMS = 3  # as in the authors' code (configs/caption_coco.yaml)


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


def load_captioner(folder: Path | None = None, *, device: "str | torch.device" = "cpu") -> Captioner:
    """Load BLIP in float32.

    Args:
        folder: with the model's files; None looks where it is brought to, and into the hub library's cache.
        device: "cpu", "cuda", ...

    Raises:
        ModelUnavailable: it is not on this machine; says at once how it comes here.
        ModelBroken: its files cannot be read as BLIP.
    """
    place = _in_folder(folder) if folder else blip_folder()
    if place is None:
        raise ModelUnavailable(blip_missing())
    try:
        captioner = _load(place)
    except StudioError:
        raise
    except Exception as error:  # the libraries raise whatever their readers raise
        raise ModelBroken(f"{place} cannot be read as BLIP: {str(error)[:300]}. Copy or download it again.") from error
    captioner.model.to(device)
    return captioner


def _in_folder(folder: Path) -> Path:
    if missing := blip_lacks(folder):
        raise ModelUnavailable(
            f"{folder} lacks {', '.join(missing)}. A folder of BLIP has {', '.join(BLIP_CONFIGS)}, "
            f"{' or '.join(BLIP_TOKENIZERS)} and {' or '.join(BLIP_WEIGHTS)}. {blip_missing()}"
        )
    return folder


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

    if (folder / BLIP_WEIGHTS[0]).is_file():
        return load_file(folder / BLIP_WEIGHTS[0])
    import torch

    return torch.load(folder / BLIP_WEIGHTS[1], map_location="cpu", weights_only=True, mmap=True)
