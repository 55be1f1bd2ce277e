"""A drawing as a workflow of ComfyUI: its `prompt` graph, of the nodes that every ComfyUI has. One way only.

The graph says what the recipe says. What ComfyUI cannot be told, or does otherwise, is said in notes; kinds of work
that its own nodes do not have are refused. Node names and inputs are those of ComfyUI's `nodes.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.diffusion.prompts.grammar import PLAIN, parse
from engine.diffusion.request import steps_run
from engine.diffusion.sampler_names import SAMPLERS
from engine.errors import StudioError
from engine.rules import finite

KINDS = ("text_to_image", "image_to_image")
CHECKPOINT, POSITIVE, NEGATIVE, LATENTS, SAMPLER, DECODED, SAVED = "1", "2", "3", "4", "5", "6", "7"
_PICTURE, _SCALED, _FIRST_LORA = "8", "9", 10

Link = tuple[str, int]
Graph = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow.

    Attributes:
        graph: by number, each node's `class_type` and `inputs`: as ComfyUI's "Export (API)" has it.
        notes: what differs from the drawing, and what must be done by hand, one sentence each.
        picture: file name under which ComfyUI looks for the picture to begin with; empty where there is none.
    """

    graph: Graph
    notes: tuple[str, ...]
    picture: str = ""


def workflow(recipe: Mapping[str, Any]) -> Workflow:
    """The workflow of a drawing.

    Args:
        recipe: as `gallery.recipe.Recipe.to_dict` gives it.

    Raises:
        StudioError: ComfyUI's own nodes do not do this kind of work, or the recipe lacks what they need.
    """
    kind, request = recipe.get("kind"), recipe.get("request") or {}
    if kind not in KINDS:
        raise StudioError(
            f"A workflow for ComfyUI can be written of drawings from text or from a picture; this is {kind!r}, which "
            "ComfyUI's own nodes do not do in the same way. Export one of those."
        )
    notes = _Notes()
    picture = _picture_of(recipe) if kind == "image_to_image" else ""
    graph = _graph(recipe, request, picture, notes)
    if picture:
        notes.add(f"Put the picture that it begins with into ComfyUI's folder `input` as {picture}.")
    notes.add("The same seed gives ComfyUI the same noise, but its samplers round otherwise: expect the same picture, "
              "not the same pixels.")  # fmt: skip
    return Workflow(graph, tuple(notes.texts), picture)


def _graph(recipe: Mapping[str, Any], request: Mapping[str, Any], picture: str, notes: "_Notes") -> Graph:
    loras, model, clip = _loras(recipe)
    sampler, schedule = _sampler(request)
    strength = finite(request.get("strength")) if picture else 1.0
    steps, width, height = (_whole(request, name) for name in ("num_inference_steps", "width", "height"))
    begun: Graph = {LATENTS: _node("EmptyLatentImage", width=width, height=height, batch_size=1)}
    if picture:
        begun = _started(picture, width, height)
        steps = max(1, steps_run(steps, strength or 0.0))  # ComfyUI runs all the steps it is told, however strong
        _tell_of_start(request, notes)
    _tell(recipe, request, notes)
    return {
        CHECKPOINT: _node("CheckpointLoaderSimple", ckpt_name=f"{_model_name(recipe)}.safetensors"),
        **loras,
        POSITIVE: _node("CLIPTextEncode", text=_words(request, "prompt", notes), clip=clip),
        NEGATIVE: _node("CLIPTextEncode", text=_words(request, "negative_prompt", notes), clip=clip),
        **begun,
        SAMPLER: _node(
            "KSampler",
            model=model,
            positive=[POSITIVE, 0],
            negative=[NEGATIVE, 0],
            latent_image=[LATENTS, 0],
            seed=recipe.get("seed") or 0,
            steps=steps,
            cfg=max(finite(request.get("guidance_scale")) or 0.0, 1.0),  # without guidance is 1 there
            sampler_name=sampler,
            scheduler=schedule,
            denoise=1.0 if strength is None else strength,
        ),
        DECODED: _node("VAEDecode", samples=[SAMPLER, 0], vae=[CHECKPOINT, 2]),
        SAVED: _node("SaveImage", images=[DECODED, 0], filename_prefix="niji-studio"),
    }


def _node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def _started(picture: str, width: int, height: int) -> Graph:
    scale = {"upscale_method": "lanczos", "width": width, "height": height, "crop": "center"}
    return {
        _PICTURE: _node("LoadImage", image=picture),
        _SCALED: _node("ImageScale", image=[_PICTURE, 0], **scale),
        LATENTS: _node("VAEEncode", pixels=[_SCALED, 0], vae=[CHECKPOINT, 2]),
    }


def _loras(recipe: Mapping[str, Any]) -> tuple[Graph, list[Any], list[Any]]:
    """A chain of loaders, and where model and text encoder come out of it."""
    graph: Graph = {}
    model, clip = [CHECKPOINT, 0], [CHECKPOINT, 1]
    for number, lora in enumerate(recipe.get("loras") or (), _FIRST_LORA):
        weight = finite(lora.get("weight"))
        weight = 1.0 if weight is None else weight
        strengths = {"strength_model": weight, "strength_clip": weight}
        graph[str(number)] = _node(
            "LoraLoader", model=model, clip=clip, lora_name=f"{lora.get('name')}.safetensors", **strengths
        )
        model, clip = [str(number), 0], [str(number), 1]
    return graph, model, clip


def _sampler(request: Mapping[str, Any]) -> tuple[str, str]:
    name = request.get("scheduler")
    if name not in SAMPLERS:
        raise StudioError(f"ComfyUI's name for the sampler {name!r} is not known; known are {', '.join(SAMPLERS)}.")
    return SAMPLERS[str(name)].comfyui


def _whole(request: Mapping[str, Any], name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise StudioError(f"The recipe does not say {name}, which a workflow needs; this picture has none to export.")
    return value


def _model_name(recipe: Mapping[str, Any]) -> str:
    name = str((recipe.get("model") or {}).get("name") or "")
    return "v2-1_768-ema-pruned" if name == "sd21" else name


def _picture_of(recipe: Mapping[str, Any]) -> str:
    parents: Sequence[Mapping[str, Any]] = recipe.get("parents") or ()
    photos = (str(each["photo"]) for each in parents if each.get("role") == "start" and each.get("photo"))
    started = next(photos, "")
    if not started:
        image = (recipe.get("request") or {}).get("image")
        started = str(image.get("id") if isinstance(image, Mapping) else "picture")
    return f"niji-{started[:12]}.png"


# ---------------------------------------------------------------- prompts


def _words(request: Mapping[str, Any], field: str, notes: "_Notes") -> str:
    """A prompt as ComfyUI reads it: `(words:1.2)` weighs, and only round brackets mean anything."""
    prompt = str(request.get(field) or "")
    if request.get("prompt_syntax", PLAIN) == PLAIN:
        return _escaped(prompt)
    pieces = parse(prompt)
    if any(piece.breaks for piece in pieces):
        notes.add("ComfyUI has no BREAK: the words before and after it are encoded together.")
    if any(piece.weight != 1 for piece in pieces):
        notes.add("Weights of words are written as ComfyUI has them; it does not bring their mean back as is done "
                  "here, so they look stronger or weaker.")  # fmt: skip
    return " ".join(filter(None, (_weighed(piece.text, piece.weight) for piece in pieces)))


def _weighed(text: str, weight: float) -> str:
    words = _escaped(text.strip())
    return f"({words}:{weight:g})" if words and weight != 1 else words


def _escaped(text: str) -> str:
    return re.sub(r"[()]", r"\\\g<0>", text)


# ---------------------------------------------------------------- what differs


class _Notes:
    """Sentences in the order in which they came up, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        if text not in self.texts:
            self.texts.append(text)


def _tell(recipe: Mapping[str, Any], request: Mapping[str, Any], notes: _Notes) -> None:
    model = recipe.get("model") or {}
    if "Stable Diffusion" not in str(model.get("base")):
        notes.add(f"ComfyUI does not know the architecture of {model.get('title') or model.get('name')}; choose a "
                  "checkpoint of yours.")  # fmt: skip
    elif not model.get("single_file"):
        notes.add("The model is a folder here; ComfyUI loads single files: choose yours in Load Checkpoint.")
    if request.get("variation_strength"):
        notes.add("The variation is left out: ComfyUI's sampler mixes no noise of a second seed.")
    if (finite(request.get("enlarged")) or 1) > 1:
        notes.add(f"It was drawn at {request.get('width')}x{request.get('height')} and then made {request['enlarged']} "
                  "times as large by an upscaler; the workflow leaves that out.")  # fmt: skip
    if "embedding:" in f"{request.get('prompt')} {request.get('negative_prompt')}":
        notes.add("ComfyUI takes `embedding:` in a prompt for the name of a textual inversion.")


def _tell_of_start(request: Mapping[str, Any], notes: _Notes) -> None:
    if request.get("fit") == "pad":
        notes.add("The picture is cut to the size there; here its edges were continued.")
    if not finite(request.get("strength")):
        notes.add("Strength 0 gives the picture back here; ComfyUI runs one step.")
