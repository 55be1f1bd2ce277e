"""A recipe out of the texts `prompt` and `workflow` of a file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from gallery.foreign.comfyui import models, prompts, samplers
from gallery.foreign.comfyui.graph import Graph, Link, Node, from_api
from gallery.foreign.comfyui.values import value_of
from gallery.foreign.comfyui.workflow import from_workflow
from gallery.foreign.loras import from_tags, merged
from gallery.foreign.recipe import ForeignRecipe
from gallery.foreign.values import MOST_REST, as_text, json_object, number

TOOL = "ComfyUI"
_PLACES = ("prompt", "UserComment", "comment", "Comment", "ImageDescription", "Make", "Model")
_TAKEN = {"seed", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "denoise", "positive", "negative"}
_DISTILLED = "The guidance is that of FluxGuidance, since CFG is off."


def read(texts: Mapping[str, str]) -> ForeignRecipe | None:
    """The recipe of the graph in the texts of a file; None where there is no graph."""
    graph, notes = _graph(texts)
    if not graph:
        return None
    chain, note = samplers.chain(graph)
    said = (*notes, note) if note else notes
    if not chain:
        sentence = "The graph has no sampler that is known, so only its nodes are told."
        return ForeignRecipe(TOOL, not_understood=_rest(graph), notes=(*said, sentence))
    return _Walk(graph, chain, list(said)).recipe()


def _graph(texts: Mapping[str, str]) -> tuple[Graph, tuple[str, ...]]:
    for place in _PLACES:
        values = json_object(texts.get(place, ""))
        inner = values.get("prompt")
        if graph := from_api(inner if isinstance(inner, dict) else values):
            return graph, ()
    for place in ("workflow", *_PLACES):
        values = json_object(texts.get(place, ""))
        inner = values.get("workflow")
        if graph := from_workflow(inner if isinstance(inner, dict) else values):
            return graph, ("Only the editor's graph is there; values were taken by their place in known nodes.",)
    return Graph({}), ()


@dataclass
class _Walk:
    """From one sampler to everything it was given."""

    graph: Graph
    chain: list[Node]
    notes: list[str]
    used: set[str] = field(default_factory=set)

    def recipe(self) -> ForeignRecipe:
        sampler = samplers.chosen(self.graph, self.chain)
        self._say_choice(sampler)
        self.used.add(sampler.id)
        positive, negative = self._prompts(sampler)
        way = list(self.graph.upstream(self._model_links(sampler), lambda node: models.toward_model(self.graph, node)))
        model, loader = models.model_of(self.graph, [sampler, *way])
        loras = models.loras_of(self.graph, [sampler, *way])
        width, height = self._size(sampler)
        self._use(*([loader] if loader else []), *(node for node in way if models.loras_of(self.graph, [node])))
        name, schedule = samplers.names_of(self.graph, sampler)
        strength = samplers.strength_of(self.graph, sampler)
        prompt, tags = from_tags(positive.text)
        unwanted, more = from_tags(negative.text)
        if tags or more:
            self.notes.append("LoRA tags stood in the prompt; only some of ComfyUI's nodes read them as LoRAs.")
        return ForeignRecipe(
            TOOL,
            prompt=_lines(prompt),
            negative_prompt=_lines(unwanted),
            seed=self._seed(sampler),
            steps=samplers.steps_of(self.graph, sampler),
            sampler=name,
            schedule=schedule,
            guidance=self._guidance(sampler, positive),
            width=width,
            height=height,
            model=model,
            loras=merged(loras, tags, more),
            clip_skip=self._clip_skip(positive),
            strength=None if strength is None or strength >= 1 else strength,
            not_understood=_rest(self.graph, self.used, sampler),
            notes=tuple(self.notes),
        )

    def _say_choice(self, sampler: Node) -> None:
        if len(self.chain) < 2:
            return
        last = sampler is self.chain[0]
        which = "the last one before the picture" if last else "the one before a pass that only finished its picture"
        listed = ", ".join(f"{node.kind} (node {node.id})" for node in self.chain[:10])
        sentence = f"The graph has {len(self.chain)} samplers behind the picture, the last first: {listed}."
        self.notes.append(f"{sentence} The recipe is that of node {sampler.id}, {which}.")

    def _guider(self, sampler: Node) -> Node:
        return self.graph.at(sampler.inputs.get("guider")) or sampler

    def _model_links(self, sampler: Node) -> list[Link]:
        return [*models.toward_model(self.graph, sampler), *sampler.links("guider")]

    def _prompts(self, sampler: Node) -> tuple[prompts.Words, prompts.Words]:
        holder = self._guider(sampler)
        sides = {
            "positive": ("positive", "conditioning", "cond1", "pos", "text_embeds"),
            "negative": ("negative", "neg", "text_embeds"),
        }
        found = []
        for side, names in sides.items():
            pipes = holder.links("pipe", "basic_pipe", "context", "sdxl_tuple", "base_ctx")
            links = holder.links(*names) or pipes
            words = prompts.words(self.graph, links[0] if links else None, side)
            written = holder.inputs.get(side)
            if isinstance(written, str) and not words.text:
                words.text = written
            self.used |= words.used
            if words.joined:
                self.notes.append(f"The {side} prompt is joined from several texts, one a line.")
            found.append(words)
        return found[0], found[1]

    def _seed(self, sampler: Node) -> int | None:
        if samplers.adds_noise(self.graph, sampler):
            return self._marked(sampler, samplers.seed_of(self.graph, sampler))
        for earlier in self.chain[self.chain.index(sampler) + 1 :]:
            if samplers.adds_noise(self.graph, earlier):
                seed = self._marked(earlier, samplers.seed_of(self.graph, earlier))
                self.notes.append(f"The seed is that of node {earlier.id}, which made the noise.")
                return seed
        return self._marked(sampler, samplers.seed_of(self.graph, sampler))

    def _marked(self, node: Node, seed: int | None) -> int | None:
        self._use(*(other for other in map(self.graph.at, node.links("noise", "seed", "noise_seed")) if other))
        return seed

    def _guidance(self, sampler: Node, positive: prompts.Words) -> float | None:
        cfg = number(value_of(self.graph, self._guider(sampler), "cfg", "cfg_conds"))
        distilled = [number(value_of(self.graph, node, "guidance")) for node in positive.guidance]
        if (cfg is None or cfg == 1) and distilled and distilled[0] is not None:
            if cfg is not None:
                self.notes.append(_DISTILLED)
            return distilled[0]
        return cfg

    def _size(self, sampler: Node) -> tuple[int | None, int | None]:
        starts = samplers.toward_picture(sampler) or sampler.links("pipe", "basic_pipe")
        width, height, node = models.size_of_start(self.graph, starts, samplers.toward_picture)
        if node:
            self._use(node)
        return width, height

    def _clip_skip(self, words: prompts.Words) -> int | None:
        starts = [link for node in words.encoders for link in node.links("clip", "clip1")]
        onward = lambda node: node.links("clip", "clip1", "CLIP", "lora_stack")  # noqa: E731
        for node in (*words.encoders, *self.graph.upstream(starts, onward)):
            stop = number(value_of(self.graph, node, "stop_at_clip_layer", "clip_skip"))
            if stop is not None and abs(stop) < 100:
                self._use(node)
                return abs(int(stop))
        return None

    def _use(self, *nodes: Node) -> None:
        self.used |= {node.id for node in nodes}
        others = [self.graph.at(node.inputs.get(key)) for node in nodes for key in ("sampler", "sigmas", "guider")]
        self.used |= {node.id for node in others if node}


def _rest(graph: Graph, used: Collection[str] = (), sampler: Node | None = None) -> dict[str, str]:
    """The nodes that nothing was taken from, with the values they hold, and those that the sampler has beyond."""
    told: dict[str, str] = {}
    for node in graph.nodes.values():
        held = {key: value for key, value in node.inputs.items() if not isinstance(value, Link)}
        if node is sampler:
            held = {key: value for key, value in held.items() if key not in _TAKEN}
        if held and (node is sampler or node.id not in used) and len(told) < MOST_REST:
            told[f"{node.id} {node.kind}"[:200]] = as_text(held)
    return told


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
