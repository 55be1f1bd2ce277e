"""The settings of a LoRA training from a command: preset, file, single settings, options; the last one counts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.cli.app import json_settings
from engine.errors import InvalidRequest, NotFound, Problem
from engine.lora.runs.config import PRESETS, Config, config_from


def lora_config(preset: str, file: Path | None, single: Sequence[str], options: Mapping[str, Any]) -> Config:
    """The preset with what is given in its place.

    Args:
        file: JSON with fields of `Config`.
        single: such as "batch_size=2".
        options: fields of `Config`; None is left out.

    Raises:
        NotFound: there is no such preset, or the file is no JSON object.
        InvalidRequest: a setting does not exist or is out of range; all are reported together.
    """
    if preset not in PRESETS:
        raise NotFound(f"The preset must be one of {', '.join(PRESETS)}; got {preset!r}.")
    base = PRESETS[preset]
    chosen = {name: value for name, value in options.items() if value is not None}
    given = json_settings(file) | dict(map(_single, single)) | chosen
    steps = given.get("steps", base.steps)
    if "warmup_steps" not in given and isinstance(steps, int) and base.warmup_steps >= steps:
        given["warmup_steps"] = max(0, steps // 4)  # the same share as the study's 100 of 400
    return config_from(base.to_dict() | given)


def _single(text: str) -> tuple[str, Any]:
    """A setting's name and its value: JSON where it is that, such as 2, true, null and ["to_q"], else the words."""
    name, equals, value = text.partition("=")
    known = [field.name for field in fields(Config)]
    if not equals or name.strip() not in known:
        rule = f"A setting is NAME=VALUE with one of these names: {', '.join(known)}; got {text[:120]!r}."
        raise InvalidRequest([Problem("set", rule)])
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value.strip()
