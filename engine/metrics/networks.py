"""The networks that measure pictures on this machine, and in words which are missing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import torch

from engine.errors import Cancelled, StudioError
from engine.metrics.clip import Clip, load_clip
from engine.metrics.features import Extractor
from engine.metrics.inception import inception_features
from engine.metrics.perceptual import PerceptualDistance, lpips, vgg19_distance
from engine.metrics.published.fetching import LOCAL_ONLY, Access
from engine.metrics.vgg19 import vgg19_features

Loaded = TypeVar("Loaded")
LPIPS_NETWORKS: tuple[Literal["alex", "vgg", "squeeze"], ...] = ("alex", "vgg")


@dataclass(frozen=True)
class Networks:
    """What there is to measure with.

    Attributes:
        extractors: for distances between sets, the one to trust most first.
        perceptual: for distances between two pictures; LPIPS or its stand-in.
        clip: for CLIP scores.
        missing: a sentence about each that is not here: what it needs, how large it is, how to bring it.
    """

    extractors: tuple[Extractor, ...]
    perceptual: PerceptualDistance | None = None
    clip: Clip | None = None
    missing: tuple[str, ...] = ()


def load_networks(
    access: Access = LOCAL_ONLY, device: torch.device | str = "cpu", clip_folder: Path | None = None
) -> Networks:
    """All that is on this machine, or may be downloaded.

    Args:
        device: computes, in float32.
        clip_folder: of another CLIP, see `engine.metrics.clip.load_clip`.

    Raises:
        StudioError: nothing is.
        Cancelled: `access.should_stop` said so.
    """
    missing: list[str] = []
    clip = _tried(lambda: load_clip(clip_folder, access, device), missing)
    inception = _tried(lambda: inception_features(access, device), missing)
    vgg19 = _tried(lambda: vgg19_features(device), missing)
    perceptual = _perceptual(access, device, missing)
    if perceptual is None and vgg19 is not None:
        perceptual = vgg19_distance(device)
    extractors = (clip.extractor if clip else None, inception, vgg19)
    if not any(extractors):
        raise StudioError("\n".join(missing))
    return Networks(tuple(found for found in extractors if found), perceptual, clip, tuple(missing))


def _perceptual(access: Access, device: torch.device | str, missing: list[str]) -> PerceptualDistance | None:
    """LPIPS, by the network that its authors advise; by the other one, under its own name, where only that is here."""
    first, *others = LPIPS_NETWORKS
    found = _tried(lambda: lpips(first, access, device), missing)
    for name in others:
        found = found or _tried(partial(lpips, name, LOCAL_ONLY, device), [])
    return found


def _tried(load: Callable[[], Loaded], missing: list[str]) -> Loaded | None:
    try:
        return load()
    except Cancelled:
        raise
    except StudioError as error:
        missing.append(str(error))
        return None
