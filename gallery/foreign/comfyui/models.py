"""The model of a sampler, the LoRAs between them, and the latents it began with."""

import re
from collections.abc import Iterable
from typing import Any

from gallery.foreign.comfyui.graph import Graph, Link, Node
from gallery.foreign.comfyui.switches import chosen
from gallery.foreign.comfyui.values import menu_of, side_of, text_value, value_of
from gallery.foreign.loras import from_tags, listed
from gallery.foreign.recipe import ForeignLora
from gallery.foreign.values import bare_name, number, plain, whole

_NAMES = ("ckpt_name", "unet_name", "base_ckpt_name", "gguf_name", "model_name", "model_path", "model")
_LOADS = re.compile(r"load|checkpoint|unet|model", re.IGNORECASE)
_TO_MODEL = re.compile(
    r"(?:base_|optional_)?(?:model|unet|ckpt|pipe|lora_stack|optional_lora_stack|basic_pipe|context|base_ctx|ctx|guider)[0-9]?|MODEL|"
    r"optional_pipe|sdxl_tuple|\*|any|input|value|",
)
_NUMBERED = re.compile(r"(?:lora|lora_name|lora_model)_?0?([0-9]{1,2})(?:_name)?")
_WEIGHTS = (
    *("model_weight_{}", "lora_wt_{}", "model_str_{}", "strength_{}", "lora_strength_{}"),
    *("strength_model_{}", "lora_{}_strength"),
)
_EMPTY = re.compile(r"empty.*latent|latent.*empty|emptyimage|resolution|aspect", re.IGNORECASE)
_UPSCALES = re.compile(r"upscale|scale", re.IGNORECASE)


def toward_model(graph: Graph, node: Node) -> list[Link]:
    """The way from a sampler or a guider to what loads its model."""
    if (branch := chosen(graph, node)) is not None:
        return [branch]
    return [value for key, value in node.inputs.items() if isinstance(value, Link) and _TO_MODEL.fullmatch(key)]


def model_of(graph: Graph, nodes: Iterable[Node]) -> tuple[str, Node | None]:
    """The name of the first model on the way, as it is written, and the node that loads it."""
    for node in nodes:
        for name in (name for name in _NAMES if name in node.inputs):
            found = node.inputs[name] if name == "model" else text_value(graph, node, name)
            if isinstance(found, str) and found and (_LOADS.search(node.kind) or name in ("ckpt_name", "unet_name")):
                return found.strip(), node
    return "", None


def loras_of(graph: Graph, nodes: Iterable[Node]) -> tuple[ForeignLora, ...]:
    """The LoRAs on the way, in the order in which they are applied."""
    groups = [_loras(graph, node) for node in nodes]
    return tuple(dict.fromkeys(lora for group in reversed(groups) for lora in group))


def _loras(graph: Graph, node: Node) -> list[ForeignLora]:
    found = _single(graph, node) + _stacked(graph, node) + _objects(node)
    if "lora" in node.kind.lower() and isinstance(text := node.inputs.get("text"), str):
        found += from_tags(text)[1]
    if isinstance(text := node.inputs.get("loras"), str):
        found += from_tags(text)[1]
    return [lora for lora in found if lora.name.strip() and lora.name.lower() != "none"]


def _single(graph: Graph, node: Node) -> list[ForeignLora]:
    name = text_value(graph, node, "lora_name", "lora")
    weight = number(value_of(graph, node, "strength_model", "lora_model_strength", "lora_weight", "strength", "weight"))
    return [ForeignLora(bare_name(name), weight)] if name else []


def _stacked(graph: Graph, node: Node) -> list[ForeignLora]:
    """`lora_name_1`, `model_weight_1`, `switch_1` and the like, up to the count where one is named."""
    found = []
    most = whole(node.inputs.get("lora_count")) or 99
    for key, value in node.inputs.items():
        if not (numbered := _NUMBERED.fullmatch(key)) or not isinstance(value, str):
            continue
        index = numbered[1]
        if int(index) > most or plain(node.inputs.get(f"switch_{index}", "On")).lower() in ("off", "false"):
            continue
        marks = (index, index.zfill(2))
        weight = value_of(graph, node, *(form.format(mark) for form in _WEIGHTS for mark in marks))
        found.append(ForeignLora(bare_name(value), number(weight)))
    return found


def _objects(node: Node) -> list[ForeignLora]:
    """Objects with a switch, as of Power Lora Loader (rgthree) and of LoRA Manager."""
    values: list[Any] = []
    for value in node.inputs.values():
        inner = value.get("__value__") if isinstance(value, dict) else None
        values += inner if isinstance(inner, list) else [value]
    rows = [value for value in values if isinstance(value, dict) and value.keys() & {"lora", "name"}]
    return listed(row for row in rows if row.get("on", row.get("active", True)) and "lora" in node.kind.lower())


def size_of_start(graph: Graph, starts: Iterable[Link], onward: Any) -> tuple[int | None, int | None, Node | None]:
    """The size of the empty latents at the beginning, and their node.

    Where a picture stands there instead, the size to which it was scaled first, if it was.
    """
    nearest: tuple[int | None, int | None, Node | None] = (None, None, None)
    for node in graph.upstream(starts, onward):
        width, height = _size(graph, node)
        if not width or not height:
            continue
        if not _UPSCALES.search(node.kind) or _EMPTY.search(node.kind):
            return width, height, node
        nearest = nearest if nearest[2] else (width, height, node)
    return nearest


def _size(graph: Graph, node: Node) -> tuple[int | None, int | None]:
    menu = menu_of(node)
    for names in (("width", "height"), ("empty_latent_width", "empty_latent_height")):
        if menu and names[0] == "width":
            width, height = (whole(side_of(node, name, node.inputs[menu]), least=1) for name in names)
        else:
            width, height = (whole(value_of(graph, node, name), least=1) for name in names)
        if width and height:
            return width, height
    return None, None
