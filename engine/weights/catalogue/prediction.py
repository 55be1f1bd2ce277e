"""What a single-file checkpoint predicts, and at which size: read from the file, then from its name, else assumed.

The file's own words come first. Marker tensors are those that trainers leave for ComfyUI (`v_pred`, `ztsnr`), metadata
are ModelSpec's and sd-scripts'. The spread of one bias is how ComfyUI tells the two kinds of Stable Diffusion 2.x apart
(comfy/supported_models.py, class SD20). Names count only as whole words.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.weights.safetensors_file import Header

EPSILON, V_PREDICTION = "epsilon", "v_prediction"
IN_WORDS = {EPSILON: "noise (epsilon)", V_PREDICTION: "v (v_prediction)", "sample": "the picture (sample)"}

MARKERS = ("v_pred", "ztsnr")
NORM_BIAS = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
MOST_CHANNELS = 10_000  # of the bias; it has 320
V_SPREAD = 0.09  # standard deviation of that bias, above which the model predicts v

_SPOKEN = {
    **dict.fromkeys(("v", "vpred", "vprediction", "velocity", "vparameterization"), V_PREDICTION),
    **dict.fromkeys(("epsilon", "eps", "noise"), EPSILON),
}
# Beginnings of what modelspec.architecture and ss_base_model_version say, the longer one first.
_ARCHITECTURES = {"stable-diffusion-v2-768-v": V_PREDICTION, "stable-diffusion-v2-512": EPSILON}
_KOHYA = {"sd_v2_v": V_PREDICTION, "sd_v2": EPSILON}
_RESOLUTION = re.compile(r"\s*(\d{2,4})\s*(?:[x,]\s*(\d{2,4})\s*)?")

# In names, the clearer words first: what is predicted, then the published models by their sizes.
_NAMED = (
    (re.compile(r"v[-_ ]?(?:pred(?:iction)?|param(?:eterization)?)|768[-_ ]?v"), V_PREDICTION),
    (re.compile(r"eps(?:ilon)?(?:[-_ ]?pred(?:iction)?)?"), EPSILON),
    (re.compile(r"512|base"), EPSILON),
    (re.compile(r"768"), V_PREDICTION),
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a checkpoint predicts.

    Attributes:
        prediction_type: "epsilon", "v_prediction" or "sample".
        clue: what decided, as the end of a sentence; empty when nothing did and v_prediction is assumed.
        zero_terminal_snr: it was trained up to pure noise (Lin et al. 2023).
        native_size: side in pixels.
    """

    prediction_type: str
    clue: str
    zero_terminal_snr: bool
    native_size: int


def prediction_of(path: Path, header: Header, said: str | None = None, usual: str = "") -> Prediction:
    """Everything about a checkpoint's prediction.

    Args:
        header: of the file.
        said: the prediction type that the artist gave; it goes before all clues.
        usual: the family whose models predict noise, where nothing else tells; empty for none.
    """
    found = (said, "you said so") if said else _found(path, header)
    if not found and usual:
        found = (EPSILON, f"{usual} models do")
    prediction_type, clue = found or (V_PREDICTION, "")
    native = _metadata_size(header.metadata) or _named_size(path.stem) or (512 if prediction_type == EPSILON else 768)
    return Prediction(prediction_type, clue, "ztsnr" in header.tensors, native)


def prediction_note(prediction_type: str, clue: str) -> str:
    """A sentence for people: what it predicts and what decided that."""
    if clue:
        return f"It predicts {IN_WORDS.get(prediction_type, prediction_type)}: {clue}."
    return (
        f"Neither the file nor its name says what it predicts; {V_PREDICTION} is assumed. If its pictures are noise or "
        f"pale blots, set its prediction type to {EPSILON}."
    )


def _found(path: Path, header: Header) -> tuple[str, str] | None:
    return _marked(header) or _spoken(header.metadata) or _spread(path, header) or _named(path.stem)


def _marked(header: Header) -> tuple[str, str] | None:
    marks = [name for name in MARKERS if name in header.tensors]
    return (V_PREDICTION, f"the file carries the mark {' and '.join(marks)}") if marks else None


def _spoken(metadata: Mapping[str, str]) -> tuple[str, str] | None:
    keys = {
        "modelspec.prediction_type": lambda text: _SPOKEN.get(re.sub(r"[^a-z]", "", text)),
        "modelspec.architecture": lambda text: _beginning(text, _ARCHITECTURES),
        "ss_base_model_version": lambda text: _beginning(text, _KOHYA),
    }
    for key, meaning in keys.items():
        text = metadata.get(key, "").strip()
        if found := meaning(text.lower()):
            return found, f"its metadata say so ({key}: {text[:40]})"
    return None


def _beginning(text: str, meanings: Mapping[str, str]) -> str | None:
    return next((meaning for start, meaning in meanings.items() if text.startswith(start)), None)


def _spread(path: Path, header: Header) -> tuple[str, str] | None:
    bias = header.tensors.get(NORM_BIAS)
    if bias is None or len(bias.shape) != 1 or bias.shape[0] > MOST_CHANNELS:
        return None
    status = path.stat()
    spread = _spread_once(path, status.st_size, status.st_mtime_ns)
    if not spread:  # cannot be read, or all equal: no training left its trace there
        return None
    side = "above" if spread > V_SPREAD else "up to"
    kind = V_PREDICTION if spread > V_SPREAD else EPSILON
    return kind, f"its weights show it (the spread of one bias is {spread:.3f}, {side} {V_SPREAD})"


@lru_cache(maxsize=64)
def _spread_once(path: Path, size: int, mtime_ns: int) -> float | None:
    """Standard deviation of `NORM_BIAS`; None when it holds no finite numbers of a known kind."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[NORM_BIAS]
        begin, end = entry["data_offsets"]
        file.seek(begin, 1)
        values = _numbers(file.read(end - begin), entry["dtype"])
    spread = float(np.std(values)) if values is not None and values.size else float("nan")
    return spread if np.isfinite(spread) else None


def _numbers(data: bytes, dtype: str) -> np.ndarray | None:
    """(N,) float64, or None for a type that numpy does not know."""
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").astype(np.float64)
    known = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}.get(dtype)
    return np.frombuffer(data, known).astype(np.float64) if known else None


def _named(stem: str) -> tuple[str, str] | None:
    for pattern, meaning in _NAMED:
        if word := word_in(stem, pattern):
            return meaning, f"its name says {word!r}"
    return None


def word_in(stem: str, pattern: re.Pattern[str]) -> str:
    """The first place where it stands as a whole word, else ""; "myVPred" has two words, "21base" has one."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", stem).lower()
    found = re.search(rf"(?<![a-z0-9])(?:{pattern.pattern})(?![a-z0-9])", text)
    return found.group() if found else ""


def _metadata_size(metadata: Mapping[str, str]) -> int:
    sides = _RESOLUTION.fullmatch(metadata.get("modelspec.resolution", ""))
    size = min(int(side) for side in sides.groups() if side) if sides else 0
    if 64 <= size <= 2048:
        return size
    architecture = metadata.get("modelspec.architecture", "").lower()
    return next((size for size in (768, 512) if architecture.startswith(f"stable-diffusion-v2-{size}")), 0)


def _named_size(stem: str) -> int:
    return next((size for size in (768, 512) if word_in(stem, re.compile(rf"{size}(?:[-_ ]?v)?"))), 0)
