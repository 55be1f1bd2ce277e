"""CLIP (Radford et al. 2021): pictures and captions as vectors of one space.

CMMD and the CLIP score here use OpenAI's ViT-L/14 at 336 px, as Jayasumana et al. 2024 (arXiv 2401.09603) do. Any
other CLIP in the hub's folder layout can be loaded too, and then carries another name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from engine.device import is_out_of_memory
from engine.errors import ModelBroken
from engine.images import check_image_range
from engine.metrics.features import Extractor
from engine.metrics.published.catalogue import CLIP_HUB_ID as HUB_ID
from engine.metrics.published.catalogue import CLIP_PICKLE as PICKLE
from engine.metrics.published.catalogue import CLIP_SAFETENSORS as SAFETENSORS
from engine.metrics.published.catalogue import CLIP_SHA256 as WEIGHTS_SHA256
from engine.metrics.published.catalogue import clip_files, clip_in_the_hubs_cache, clip_is_in
from engine.metrics.published.fetching import LOCAL_ONLY, Access, require
from engine.metrics.published.files import checkpoints
from engine.weights.hashes import file_sha256
from engine.weights.safetensors_file import check_checkpoint

NAME = "CLIP ViT-L/14-336"
OTHER_NAME = "CLIP (other weights)"
MEAN = (0.48145466, 0.4578275, 0.40821073)  # of OpenAI's training pictures, channels in [0, 1]
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Clip:
    """A CLIP in memory.

    Attributes:
        genuine: its weights are OpenAI's ViT-L/14-336, byte for byte, so its numbers may carry the papers' names.
        device: computes, in float32.
    """

    model: Any
    tokenizer: CLIPTokenizer
    genuine: bool
    device: torch.device | str

    @property
    def extractor(self) -> Extractor:
        """`image_embeddings` as features."""
        name = NAME if self.genuine else OTHER_NAME
        return Extractor(name, self.model.config.projection_dim, self.image_embeddings)

    @torch.no_grad()
    def image_embeddings(self, pixels: Tensor) -> Tensor:
        """Pictures as vectors of length 1; the middle square counts, resized bicubically with antialiasing.

        Args:
            pixels: (N, 3, H, W) float32 in [-1, 1].

        Returns:
            (N, D) float32; D is 768 for ViT-L/14.

        Raises:
            ValueError: pixels outside [-1, 1].
        """
        check_image_range(pixels)
        seen = _normalized(pixels, self.model.config.vision_config.image_size).to(self.device)
        return F.normalize(self.model.get_image_features(pixel_values=seen).pooler_output, dim=1).cpu()

    @torch.no_grad()
    def text_embeddings(self, captions: Sequence[str]) -> Tensor:
        """Captions as vectors of length 1, (N, D) float32; what exceeds 77 tokens is cut off."""
        most = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(list(captions), padding=True, truncation=True, max_length=most, return_tensors="pt")
        found = self.model.get_text_features(**{name: ids.to(self.device) for name, ids in tokens.items()})
        return F.normalize(found.pooler_output, dim=1).cpu()


def clip_score(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    """100 max(cos, 0) of each picture and its caption: 0 to 100, higher is closer.

    Hessel et al. 2021 (arXiv 2104.08718) write 2.5 max(cos, 0); the factor 100 is what most reports use. The number
    depends on the CLIP.

    Args:
        image_embeddings, text_embeddings: (N, D), of any length above 0; row k of one belongs to row k of the other.

    Returns:
        (N,) float64.

    Raises:
        ValueError: other shapes.
    """
    if image_embeddings.shape != text_embeddings.shape:
        raise ValueError(
            "Every picture needs one caption's embedding of the same CLIP; "
            f"got {tuple(image_embeddings.shape)} and {tuple(text_embeddings.shape)}."
        )
    return 100 * F.cosine_similarity(image_embeddings.double(), text_embeddings.double(), dim=1).clamp_min(0)


def load_clip(folder: Path | None = None, access: Access = LOCAL_ONLY, device: torch.device | str = "cpu") -> Clip:
    """Read a CLIP from files.

    Args:
        folder: with config.json, vocab.json, merges.txt and pytorch_model.bin or model.safetensors; None means
            ViT-L/14-336 where it is in the hub's cache or in torch hub's folder of weights.
        access: whether ViT-L/14-336 may be downloaded when it is missing.

    Raises:
        ModelUnavailable, Offline, UnsafeFile, Cancelled: see `engine.metrics.published.fetching.require`.
        ModelBroken: the files are no CLIP.
    """
    own = checkpoints() / HUB_ID.split("/")[1]
    places = [folder] if folder else [*clip_in_the_hubs_cache(), own]
    found = next((place for place in places if clip_is_in(place)), None)
    if found is None:
        found = folder or own
        require("CMMD and the CLIP score (CLIP ViT-L/14-336)", clip_files(), found, access)
    weights = found / (PICKLE if (found / PICKLE).is_file() else SAFETENSORS)
    model, tokenizer = _read(found, weights)
    return Clip(model.to(device), tokenizer, file_sha256(weights) == WEIGHTS_SHA256, device)


def _read(folder: Path, weights: Path) -> tuple[CLIPModel, CLIPTokenizer]:
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        model, info = _read_model(folder, weights)
    except Exception as error:  # the libraries raise anything from KeyError to SafetensorError here
        if is_out_of_memory(error):
            raise
        raise ModelBroken(
            f"CLIP needs weights, a configuration and a tokenizer that fit each other; {folder} cannot be read "
            f"({type(error).__name__}). Get {HUB_ID} anew."
        ) from error
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelBroken(f"{weights} lacks {len(missing)} tensors, such as {missing[0]}. Get {HUB_ID} anew.")
    return model.eval().requires_grad_(False), tokenizer


def _read_model(folder: Path, weights: Path) -> tuple[CLIPModel, dict[str, Any]]:
    """From these files and no others: transformers would follow names in config.json and adapter_config.json."""
    if weights.name == PICKLE:
        tensors = torch.load(weights, map_location="cpu", weights_only=True)
    else:
        check_checkpoint(weights)
        tensors = load_file(weights)
    return CLIPModel.from_pretrained(
        None,
        config=CLIPConfig.from_pretrained(folder, local_files_only=True),
        # Files of 2022 hold position_ids, which transformers now works out by itself and would warn of.
        state_dict={name: tensor for name, tensor in tensors.items() if not name.endswith("position_ids")},
        dtype=torch.float32,
        local_files_only=True,
        output_loading_info=True,
    )


def _normalized(pixels: Tensor, size: int) -> Tensor:
    side = min(pixels.shape[-2:])
    top, left = (pixels.shape[-2] - side) // 2, (pixels.shape[-1] - side) // 2
    square = pixels[..., top : top + side, left : left + side]
    square = F.interpolate(square, (size, size), mode="bicubic", antialias=True)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((square + 1) / 2 - mean) / std
