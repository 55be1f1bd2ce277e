"""Samplers of a graph: which drew the picture, in which order, and what their own nodes say."""

import re
from collections.abc import Iterator

from gallery.foreign.comfyui.graph import Graph, Link, Node
from gallery.foreign.comfyui.values import text_value, value_of
from gallery.foreign.values import number, whole

_SAVES = re.compile(r"save|saver|output|websocket", re.IGNORECASE)
_SHOWS = re.compile(r"preview|display|viewer|compare", re.IGNORECASE)
_SAMPLER = re.compile(r"sampler|sampling", re.IGNORECASE)
# They go over a finished picture, part by part.
_FINISHES = re.compile(r"detailer|upscale|refine.?face|facefix|inpaintcrop", re.IGNORECASE)
_SEEDS = ("seed", "noise_seed", "noise")
_PICTURE = ("latent_image", "latent", "samples", "optional_latent", "image", "images", "pixels", "latents")
_NOT_THE_PICTURE = re.compile(
    r"model|clip|vae|positive|negative|cond|control|guider|noise|sigmas|sampler|mask|lora|hook|"
    r"width|height|text|seed|steps|batch"
)
_SCHEDULERS = re.compile(r"(\w+?)Scheduler")
MOST_ENDS = 8  # places that save pictures and are looked at


def chain(graph: Graph) -> tuple[list[Node], str]:
    """The samplers behind the picture, the last first, and what is to be said of the choice among several pictures.

    Where a graph saves several pictures, nothing in a file tells which of them it is; the one with most samplers
    behind it counts.
    """
    ends = _ends(graph)[:MOST_ENDS]
    chains = [found for end in ends if (found := list(_behind(graph, end.links())))]
    if not chains:
        return _loose(graph), ""
    longest = max(chains, key=len)
    last = {found[0].id for found in chains}
    note = f"The graph saves {len(last)} pictures of different samplers; the one with most behind it was taken."
    return longest, note if len(last) > 1 else ""


def chosen(graph: Graph, samplers: list[Node]) -> Node:
    """The sampler whose values are the recipe: the last one, or the one before where that only finished a picture."""
    for index, sampler in enumerate(samplers[: min(len(samplers) - 1, MOST_ENDS)]):
        if not _only_finishes(graph, sampler, samplers[index + 1]):
            return sampler
    return samplers[min(len(samplers) - 1, MOST_ENDS)]


def strength_of(graph: Graph, sampler: Node) -> float | None:
    """How much of its start a sampler redraws, 0 to 1; None where its nodes do not say."""
    found = value_of(graph, sampler, "denoise")
    return number(found if found is not None else value_of(graph, _sigmas(graph, sampler), "denoise"))


def steps_of(graph: Graph, sampler: Node) -> int | None:
    """The steps of the schedule."""
    return whole(value_of(graph, sampler, "steps")) or whole(value_of(graph, _sigmas(graph, sampler), "steps"))


def seed_of(graph: Graph, sampler: Node) -> int | None:
    """The seed of the noise that a sampler itself adds."""
    noise = graph.at(sampler.inputs.get("noise"))
    if noise and (found := whole(value_of(graph, noise, "noise_seed", "seed"))) is not None:
        return found
    return whole(value_of(graph, sampler, "seed", "noise_seed"))


def adds_noise(graph: Graph, sampler: Node) -> bool:
    """Whether a sampler begins with noise of its own."""
    noise = graph.at(sampler.inputs.get("noise"))
    return value_of(graph, sampler, "add_noise") not in (False, "disable") and not (noise and "Disable" in noise.kind)


def names_of(graph: Graph, sampler: Node) -> tuple[str, str]:
    """Sampler and schedule in ComfyUI's words."""
    behind = list(graph.upstream(sampler.links("sampler"), lambda node: node.links("sampler")))
    told = next((found for node in behind if (found := text_value(graph, node, "sampler_name"))), "")
    name = text_value(graph, sampler, "sampler_name", "sampler") or told
    schedule = text_value(graph, sampler, "scheduler") or text_value(graph, _sigmas(graph, sampler), "scheduler")
    if not schedule and (named := _SCHEDULERS.fullmatch(_sigmas(graph, sampler).kind)):
        schedule = named[1].lower()
    if not name and not behind and not sampler.inputs.keys() & {"sampler_name", "sampler"}:
        return schedule, ""  # nodes for videos have one menu, and call it the scheduler
    return name or (behind[-1].kind if behind else ""), schedule


def _sigmas(graph: Graph, sampler: Node) -> Node:
    """The node that made a sampler's schedule, behind those that cut or turn it; the sampler where there is none."""
    for node in graph.upstream(sampler.links("sigmas"), lambda node: node.links("sigmas")):
        if "steps" in node.inputs or "scheduler" in node.inputs:
            return node
    return sampler


def _ends(graph: Graph) -> list[Node]:
    """The nodes that save pictures; where there is none, those that show them; else those that nothing follows."""
    nodes = [node for node in graph.nodes.values() if node.links()]
    for pattern in (_SAVES, _SHOWS):
        if found := [node for node in nodes if pattern.search(node.kind) and node.links("images", "image", "pixels")]:
            return found
    followed = {link.node for node in nodes for link in node.links()}
    return [node for node in nodes if node.id not in followed]


def _behind(graph: Graph, starts: list[Link]) -> Iterator[Node]:
    for node in graph.upstream(starts, toward_picture):
        if is_sampler(node):
            yield node


def toward_picture(node: Node) -> list[Link]:
    """What a node made the picture of: no way through models and prompts, which samplers may stand behind too."""
    known = node.links(*_PICTURE)
    if known or is_sampler(node):
        return known
    return [value for key, value in node.inputs.items() if isinstance(value, Link) and not _NOT_THE_PICTURE.search(key)]


def is_sampler(node: Node) -> bool:
    """Whether a node draws: it has noise, and steps, a schedule or a guider."""
    has = node.inputs.keys()
    draws = bool(has & {"steps", "sigmas", "guider"}) and bool(has & {*_SEEDS})
    return draws and bool(_SAMPLER.search(node.kind) or _FINISHES.search(node.kind) or has & {"positive", "model"})


def _loose(graph: Graph) -> list[Node]:
    """The samplers of a graph without an end that saves a picture of theirs."""
    return [node for node in graph.nodes.values() if is_sampler(node)][-1:]


def _only_finishes(graph: Graph, sampler: Node, before: Node) -> bool:
    """Whether a sampler retouches the decoded picture of the one before: in parts, or without noise of its own."""
    if _FINISHES.search(sampler.kind):
        return True
    if adds_noise(graph, sampler):
        return False
    way = graph.upstream(sampler.links(*_PICTURE), lambda node: [] if node is before else toward_picture(node))
    return any("vaeencode" in node.kind.lower() for node in way)
