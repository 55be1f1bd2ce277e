"""How strongly each layer of a LoRA counts, as its file says.

A kohya file has an alpha for each layer. diffusers writes a record into the header, with peft's settings for each
component ("unet.lora_alpha", "text_encoder.alpha_pattern", ...); PEFT writes them into adapter_config.json. Only their
numbers are used. peft takes the names in a pattern as regular expressions; here they are what diffusers and peft write
there: a module's name, its end, or "^" and the whole name.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.rules import finite
from engine.weights.lora_files.names import TEXT_ENCODER, UNET

_RECORD = "lora_adapter_metadata"  # diffusers' key in a header
_MAX_CONFIG_BYTES = 2**20
_DEFAULT = 8  # peft's rank and alpha where its settings leave them out
_NAME = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Settings:
    """peft's settings of one component, as far as they tell its strength."""

    says_alpha: bool = False
    alpha: float | None = None
    alphas: Mapping[str, float] = field(default_factory=dict)
    rank: float | None = None
    ranks: Mapping[str, float] = field(default_factory=dict)
    rank_stabilised: bool = False
    unread: bool = False

    def factor(self, module: str, rank: int) -> float:
        alpha = _matching(self.alphas, module, self._alpha(module, rank))
        if alpha is None:
            return 1.0  # the convention of diffusers: no alpha means alpha = rank
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)

    def _alpha(self, module: str, rank: int) -> float | None:
        """Settings that tell the file's ranks but leave alpha out mean peft's own."""
        left_out = not self.says_alpha and _matching(self.ranks, module, self.rank) == rank
        return _DEFAULT if left_out else self.alpha


@dataclass(frozen=True, slots=True)
class Strength:
    """The strength of a file's layers.

    Attributes:
        unread: whether the record holds more than numbers and names, or is damaged, so that something is not heeded.
    """

    _components: Mapping[str, _Settings]
    unread: bool

    @property
    def patterned(self) -> bool:
        """Whether some layers have an alpha of their own by name."""
        return any(settings.alphas for settings in self._components.values())

    def factor(self, component: str, module: str, rank: int, alpha: float | None) -> float:
        """What the product of the two halves is multiplied by: alpha / rank, or alpha / sqrt(rank) (rsLoRA).

        Args:
            component: "unet" or "text_encoder".
            module: its name in the model, with dots.
            rank: of this layer.
            alpha: the layer's own in the file, None where it has none; kohya's definition wins over the settings.
        """
        if alpha is not None:
            return alpha / rank
        return self._components.get(component, _Settings()).factor(module, rank)


def strength(metadata: Mapping[str, str], path: Path) -> Strength:
    """Read what the header's metadata or PEFT's adapter_config.json say; nonsense there counts as nothing said."""
    record = _json(metadata.get(_RECORD) or _peft_config(path))
    if record is None:
        return Strength({}, unread=True)
    parts = {component: _part(record, f"{component}.") for component in (UNET, TEXT_ENCODER)}
    if not any(parts.values()):
        parts = dict.fromkeys(parts, record)
    components = {component: _settings(part) for component, part in parts.items() if part}
    return Strength(components, unread=any(settings.unread for settings in components.values()))


def _part(record: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in record.items() if name.startswith(prefix)}


def _settings(values: Mapping[str, Any]) -> _Settings:
    alphas, unread = _pattern(values.get("alpha_pattern"))
    says_alpha, alpha = "lora_alpha" in values, finite(values.get("lora_alpha"))
    return _Settings(
        says_alpha=says_alpha,
        alpha=alpha,
        alphas=alphas,
        rank=finite(values.get("r", _DEFAULT)),
        ranks=_pattern(values.get("rank_pattern"))[0],
        rank_stabilised=values.get("use_rslora") is True,
        unread=unread or (says_alpha and alpha is None),
    )


def _pattern(value: Any) -> tuple[dict[str, float], bool]:
    """Numbers by name, and whether something else is among them."""
    entries = value if isinstance(value, dict) else {}
    numbers: dict[str, float] = {}
    for name, said in entries.items():
        literal, number = _literal(name), finite(said)
        if literal is not None and number is not None:
            numbers.setdefault(literal, number)
    return numbers, len(numbers) < len(entries) or not isinstance(value, (dict, type(None)))


def _literal(name: str) -> str | None:
    """A pattern that is a name, "^" before a whole one; None for any other regular expression."""
    name = name.removesuffix("$").replace(r"\.", ".")
    return name if _NAME.fullmatch(name.removeprefix("^")) else None


def _matching(numbers: Mapping[str, float], module: str, otherwise: float | None) -> float | None:
    """The first that fits, as in peft."""
    names = (module, f"text_model.{module}")  # transformers 5 dropped the text encoder's outer "text_model"
    for pattern, number in numbers.items():
        whole = pattern.removeprefix("^")
        if whole in names or (whole == pattern and module.endswith(f".{pattern}")):
            return number
    return otherwise


def _peft_config(path: Path) -> str:
    """What PEFT saves beside a LoRA's weights; empty where it did not."""
    config = path.with_name("adapter_config.json")
    if path.name != "adapter_model.safetensors" or not config.is_file():
        return ""
    try:
        with config.open("rb") as file:
            return file.read(_MAX_CONFIG_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return "unreadable"


def _json(text: str) -> dict[str, Any] | None:
    """An empty text says nothing; None for one that is no record."""
    try:
        record = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
