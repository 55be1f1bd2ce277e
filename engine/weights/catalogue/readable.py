"""Whether what loading will read of a model's folder can be read: said in the list, not after Generate was pressed."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import ModelBroken
from engine.files import read_json
from engine.weights.layout import COMPONENTS

BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
SPACINGS = ("leading", "linspace", "trailing")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "special_tokens_map.json")
FEWEST_TOKENS = 3  # start, one word, end
AGAIN = "Copy or download this file again."


def require_readable(folder: Path) -> None:
    """Look into every small file that loading reads beside the headers of the weights.

    Args:
        folder: in diffusers layout, with nothing missing.

    Raises:
        ModelBroken: a file cannot be read, or says something that cannot be drawn with.
    """
    parts = {part: config(folder, f"{part}/config.json") for part in COMPONENTS}
    for part, values in parts.items():
        _require_unpacked(folder / part, values)
    _require_same_width(folder, parts)
    _require_noise_schedule(
        folder / "scheduler/scheduler_config.json", config(folder, "scheduler/scheduler_config.json")
    )
    for name in TOKENIZER_FILES:
        _require_json(folder / "tokenizer" / name)
    _require_text(folder / "tokenizer/merges.txt")
    settings = folder / "tokenizer/tokenizer_config.json"
    if settings.is_file():
        _require_room(settings, "model_max_length", config(folder, "tokenizer/tokenizer_config.json"))
    _require_room(folder / "text_encoder/config.json", "max_position_embeddings", parts["text_encoder"])


def config(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in a small file of a model's folder. Raises ModelBroken."""
    try:
        return read_json(folder / name)
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{folder / name} cannot be read as JSON: {error}. {AGAIN}") from None


def _require_unpacked(part: Path, values: Mapping[str, Any]) -> None:
    packing = values.get("quantization_config")
    if packing is None:
        return
    method = packing.get("quant_method") if isinstance(packing, Mapping) else packing
    raise ModelBroken(
        f"{part} must hold plain weights of 16 or 32 bits; its config.json says that they are quantised "
        f"({str(method)[:40]}). Choose the version of the model that is not."
    )


def _require_same_width(folder: Path, parts: Mapping[str, Mapping[str, Any]]) -> None:
    given, read = parts["text_encoder"].get("hidden_size"), parts["unet"].get("cross_attention_dim")
    if type(given) is int and type(read) is int and given != read:
        raise ModelBroken(
            f"{folder}: the UNet reads texts of width {read}; the text encoder gives {given} (hidden_size). They "
            "belong to different models: copy both folders from one."
        )


def _require_noise_schedule(path: Path, values: Mapping[str, Any]) -> None:
    rules = {
        "beta_schedule": (_one_of(BETA_SCHEDULES), f"one of {', '.join(BETA_SCHEDULES)}"),
        "timestep_spacing": (_one_of(SPACINGS), f"one of {', '.join(SPACINGS)}"),
        "num_train_timesteps": (_whole(2, 100_000), "a whole number from 2 to 100,000"),
        "steps_offset": (_whole(0, 1000), "a whole number from 0 to 1000"),
        "beta_start": (_beta, "between 0 and 1"),
        "beta_end": (_beta, "between 0 and 1"),
        "rescale_betas_zero_snr": (lambda value: type(value) is bool, "true or false"),
    }
    for key, (holds, rule) in rules.items():
        value = values.get(key)
        if value is not None and not holds(value):
            raise ModelBroken(f"{path}: {key} must be {rule}; got {str(value)[:80]!r}. Correct it there.")
    betas, levels = values.get("trained_betas"), values.get("num_train_timesteps") or 1000
    if betas is not None and not (isinstance(betas, list) and len(betas) == levels and all(map(_beta, betas))):
        raise ModelBroken(
            f"{path}: trained_betas must list {levels} numbers between 0 and 1, one for each level of noise; got "
            f"{str(betas)[:80]!r}. Correct it there."
        )


def _one_of(choices: tuple[str, ...]) -> Any:
    return lambda value: value in choices


def _whole(low: int, high: int) -> Any:
    return lambda value: type(value) is int and low <= value <= high


def _beta(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < 1


def _require_room(path: Path, key: str, values: Mapping[str, Any]) -> None:
    """A text of one word at least; a tokenizer without a limit writes 10^30, which the encoder's own limit ends."""
    room = values.get(key)
    if room is not None and (type(room) not in (int, float) or not room >= FEWEST_TOKENS):
        raise ModelBroken(
            f"{path}: {key} must be {FEWEST_TOKENS} or more (start, one word, end); got {str(room)[:80]!r}. {AGAIN}"
        )


def _require_json(path: Path) -> None:
    if path.is_file():
        status = path.stat()
        if problem := _problem_once(path, status.st_size, status.st_mtime_ns):
            raise ModelBroken(f"{path} cannot be read as JSON: {problem}. {AGAIN}")


def _require_text(path: Path) -> None:
    try:
        path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return  # tokenizer.json holds the same
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{path} cannot be read as text: {str(error)[:200]}. {AGAIN}") from None


@lru_cache(maxsize=256)
def _problem_once(path: Path, size: int, mtime_ns: int) -> str:
    """What is wrong with a JSON file of some megabytes, looked at once per state of the file."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        return str(error)[:200] or type(error).__name__
    return "" if isinstance(content, dict) else f"a JSON {type(content).__name__} in place of an object"
