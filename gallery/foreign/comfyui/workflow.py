"""The graph as ComfyUI's editor keeps it (`workflow`): values by position, links in a table, switched-off nodes.

Only files without the API's graph need this. Positions of values are known for the nodes below; of other nodes they
are read where the editor wrote their names beside them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gallery.foreign.comfyui.graph import LONGEST_NAME, MOST_NODES, Graph, Link, Node

_CONTROL = "control_after_generate"  # the editor's own value behind each seed
_CONTROLS = ("fixed", "increment", "decrement", "randomize", "increment-wrap")
_SEED = ("seed", _CONTROL)
_NOISE = ("noise_seed", _CONTROL)
_EFFICIENT = ("ckpt_name", "vae_name", "clip_skip", "lora_name", "lora_model_strength", "lora_clip_strength")
_WIDGETS: Mapping[str, tuple[str, ...]] = {
    "KSampler": (*_SEED, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSampler (Efficient)": (*_SEED, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        *("add_noise", *_NOISE, "steps", "cfg", "sampler_name", "scheduler"),
        *("start_at_step", "end_at_step", "return_with_leftover_noise"),
    ),
    "SamplerCustom": ("add_noise", *_NOISE, "cfg"),
    "RandomNoise": _NOISE,
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
    "CFGGuider": ("cfg",),
    "FluxGuidance": ("guidance",),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CheckpointLoader": ("config_name", "ckpt_name"),
    "unCLIPCheckpointLoader": ("ckpt_name",),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "UnetLoaderGGUF": ("unet_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
    "CLIPTextEncodeSD3": ("clip_l", "clip_g", "t5xxl", "empty_padding"),
    "CLIPTextEncodeSDXL": (
        *("width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l"),
    ),
    "CLIPTextEncodeSDXLRefiner": ("ascore", "width", "height", "text"),
    "ConditioningAverage": ("conditioning_to_strength",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "LatentUpscale": ("upscale_method", "width", "height", "crop"),
    "LatentUpscaleBy": ("upscale_method", "scale_by"),
    "PrimitiveNode": ("value", _CONTROL),
    "PrimitiveInt": ("value", _CONTROL),
    "PrimitiveFloat": ("value",),
    "PrimitiveString": ("value",),
    "PrimitiveStringMultiline": ("value",),
    "StringConcatenate": ("string_a", "string_b", "delimiter"),
    "ShowText|pysssss": ("text_0",),
    "CR Seed": _SEED,
    "Seed (rgthree)": ("seed",),
    "Efficient Loader": (
        *_EFFICIENT,
        *("positive", "negative", "token_normalization", "weight_interpretation"),
        *("empty_latent_width", "empty_latent_height", "batch_size"),
    ),
}
_MUTED, _BYPASSED = 2, 4
_MOST_BYPASSED = 200  # in a row
_NOT_RUN = ("Note", "MarkdownNote")


def from_workflow(values: Mapping[str, Any]) -> Graph:
    """The graph of the JSON in `workflow`, as the editor would hand it to the API."""
    listed = values.get("nodes")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    rows = [row for row in rows[:MOST_NODES] if row.get("mode") != _MUTED and row.get("type") not in _NOT_RUN]
    wires = _Wires(rows, values.get("links"))
    nodes = {}
    for row in rows:
        if row.get("mode") != _BYPASSED:
            key = str(row.get("id"))
            nodes[key] = Node(key, str(row.get("type"))[:LONGEST_NAME], {**_widgets(row), **wires.inputs(row)})
    return Graph(nodes)


class _Wires:
    """The table of links, with bypassed nodes taken out."""

    def __init__(self, rows: list[dict[str, Any]], table: Any):
        self._sources = dict(_sources(table))
        self._bypassed = {str(row.get("id")): row for row in rows if row.get("mode") == _BYPASSED}
        self._passed: dict[Link, Any] = {}

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Link]:
        found = {}
        for port in _ports(row, "inputs"):
            if link := self._source(port.get("link")):
                found[str(port.get("name"))] = link
        return found

    def _source(self, number: Any) -> Link | None:
        for _ in range(_MOST_BYPASSED):
            link = self._sources.get(number) if isinstance(number, (int, str)) else None
            row = self._bypassed.get(link.node) if link else None
            if link is None or row is None:
                return link
            if link not in self._passed:
                self._passed[link] = _passed_through(row, link.slot)
            number = self._passed[link]
        return None


def _sources(table: Any) -> Iterator[tuple[Any, Link]]:
    """Links by their number: lists of number, from, slot, to, slot, type; objects inside subgraphs."""
    for row in table if isinstance(table, list) else []:
        if isinstance(row, list) and len(row) >= 5 and isinstance(row[0], (int, str)):
            yield row[0], Link(str(row[1]), row[2] if isinstance(row[2], int) else 0)
        elif isinstance(row, dict) and isinstance(row.get("id"), (int, str)):
            slot = row.get("origin_slot")
            yield row["id"], Link(str(row.get("origin_id")), slot if isinstance(slot, int) else 0)


def _passed_through(row: Mapping[str, Any], slot: int) -> Any:
    """The link that a bypassed node hands on: that of its first input of the output's type."""
    outputs = _ports(row, "outputs")
    kind = outputs[slot].get("type") if 0 <= slot < len(outputs) else None
    fitting = (port for port in _ports(row, "inputs") if port.get("type") == kind and port.get("link") is not None)
    return next(fitting, {}).get("link")


def _widgets(row: Mapping[str, Any]) -> dict[str, Any]:
    values = row.get("widgets_values")
    if isinstance(values, dict):
        return {str(name): value for name, value in values.items()}
    if not isinstance(values, list):
        return {}
    kind = str(row.get("type"))
    if kind in _WIDGETS:
        return {name: value for name, value in zip(_WIDGETS[kind], values, strict=False) if name != _CONTROL}
    named = [str(port.get("name")) for port in _ports(row, "inputs") if isinstance(port.get("widget"), dict)]
    return _by_ports(named, values) or _guessed(kind, values)


def _by_ports(names: list[str], values: list[Any]) -> dict[str, Any]:
    """Newer editors list an input for each value, but none for what follows a seed."""
    kept = [
        value
        for index, value in enumerate(values)
        if not (isinstance(value, str) and value in _CONTROLS and index and isinstance(values[index - 1], int))
    ]
    return dict(zip(names, kept, strict=True)) if len(names) == len(kept) else {}


def _guessed(kind: str, values: list[Any]) -> dict[str, Any]:
    """One text is a text wherever it stands; more than that nobody can tell."""
    texts = [value for value in values if isinstance(value, str)]
    return {"text": texts[0]} if len(texts) == 1 and any(word in kind.lower() for word in ("text", "string")) else {}


def _ports(row: Mapping[str, Any], side: str) -> list[dict[str, Any]]:
    ports = row.get(side)
    return [port for port in ports if isinstance(port, dict)] if isinstance(ports, list) else []
