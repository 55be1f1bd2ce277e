"""Workflows for ComfyUI: whole graphs of its own nodes, that say what the recipe says."""

import json

import pytest
from sd_parsers.data.generators import Generators
from sd_parsers.parsers import MANAGED_PARSERS

from engine.diffusion.exporting.comfyui import Workflow, workflow
from engine.diffusion.request import SCHEDULERS
from engine.errors import StudioError
from engine.incoming.samplers import counterpart
from gallery.recipe import Recipe
from tests.gallery.samples import HARD_PROMPTS, recipe

# What ComfyUI's nodes take and give, as its nodes.py declares them: inputs that must be there, and types of outputs.
NODES = {
    "CheckpointLoaderSimple": ({"ckpt_name": str}, ("MODEL", "CLIP", "VAE")),
    "LoraLoader": (
        {"model": "MODEL", "clip": "CLIP", "lora_name": str, "strength_model": float, "strength_clip": float},
        ("MODEL", "CLIP"),
    ),
    "CLIPTextEncode": ({"text": str, "clip": "CLIP"}, ("CONDITIONING",)),
    "EmptyLatentImage": ({"width": int, "height": int, "batch_size": int}, ("LATENT",)),
    "LoadImage": ({"image": str}, ("IMAGE", "MASK")),
    "ImageScale": (
        {"image": "IMAGE", "upscale_method": str, "width": int, "height": int, "crop": str},
        ("IMAGE",),
    ),
    "VAEEncode": ({"pixels": "IMAGE", "vae": "VAE"}, ("LATENT",)),
    "KSampler": (
        {
            "model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT",
            "seed": int, "steps": int, "cfg": float, "sampler_name": str, "scheduler": str, "denoise": float,
        },
        ("LATENT",),
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": str}, ()),
}  # fmt: skip


def check(made: Workflow) -> dict[str, dict]:
    """Every link fits, every input is there; returns the inputs by the kind of node, the last one of each."""
    graph = json.loads(json.dumps(made.graph))
    for node in graph.values():
        wanted, _ = NODES[node["class_type"]]
        assert node["inputs"].keys() == wanted.keys()
        for name, value in node["inputs"].items():
            if isinstance(wanted[name], str):
                source, output = value
                assert NODES[graph[source]["class_type"]][1][output] == wanted[name], (node, name)
            else:
                assert isinstance(value, wanted[name]), (node, name)
    return {node["class_type"]: node["inputs"] for node in graph.values()}


def drawing(prompt: str = "a (red) dragon", **changes) -> dict:
    made = recipe(prompt)
    return Recipe.from_dict({**made.to_dict(), "request": {**made.request, **changes}}).to_dict()


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_sampler_has_a_name_there(scheduler):
    sampler = check(workflow(drawing(scheduler=scheduler)))["KSampler"]
    assert counterpart(sampler["sampler_name"], sampler["scheduler"]).name == scheduler


def test_a_drawing_from_text_says_what_the_recipe_says():
    nodes = check(workflow(drawing()))
    sampler = nodes["KSampler"]
    assert [sampler[name] for name in ("seed", "steps", "cfg", "denoise")] == [42, 20, 7.5, 1.0]
    assert nodes["EmptyLatentImage"] == {"width": 768, "height": 512, "batch_size": 1}
    assert (nodes["LoraLoader"]["lora_name"], nodes["LoraLoader"]["strength_clip"]) == ("ink.safetensors", 0.8)
    assert sampler["model"] == ["10", 0] != nodes["CLIPTextEncode"]["clip"], "the LoRA is between model and sampler"
    assert check(workflow(drawing(guidance_scale=0)))["KSampler"]["cfg"] == 1


def links(graph: dict) -> list[list]:
    """As ComfyUI's page writes them into its own file, which that reader asks for."""
    return [
        [0, int(value[0]), value[1], int(number), 0, NODES[graph[value[0]]["class_type"]][1][value[1]]]
        for number, node in graph.items()
        for value in node["inputs"].values()
        if isinstance(value, list)
    ]


@pytest.mark.parametrize("prompt", HARD_PROMPTS)
def test_an_independent_reader_finds_the_prompts_of_a_workflow(prompt):
    parser = next(each for each in MANAGED_PARSERS if each.generator == Generators.COMFYUI)()
    graph = workflow({**drawing(prompt), "loras": []}).graph  # it takes the link of a LoRA for the model's name
    found = parser.parse({"prompt": graph, "workflow": {"links": links(graph)}})
    (sampler,) = found.samplers
    assert (sampler.name, sampler.model.name) == ("dpmpp_2m", "mini.safetensors")
    assert [each.value.replace("\\", "") for each in sampler.negative_prompts] == ["blurry"]
    assert [each.value for each in sampler.prompts] == [prompt.replace("(", r"\(").replace(")", r"\)")]


def positive(made: Workflow) -> str:
    return made.graph["2"]["inputs"]["text"]


def test_prompts_mean_there_what_they_mean_here():
    assert positive(workflow(drawing(r"a (red) [dragon] \o/"))) == r"a \(red\) [dragon] \o/"
    weighted = workflow(drawing(r"a ((red)) \(big\) [dragon], (two words:1.3) BREAK end", prompt_syntax="a1111"))
    assert positive(weighted) == r"a (red:1.21) \(big\) (dragon:0.909091) , (two words:1.3) end"
    assert any("BREAK" in note for note in weighted.notes)
    assert any("Weights" in note for note in weighted.notes)


def test_a_drawing_from_a_picture_loads_scales_and_encodes_it():
    values = drawing(strength=0.6, fit="pad", image={"id": "ab" * 32, "name": "x"})
    values |= {"kind": "image_to_image", "parents": [{"role": "start", "image": None, "photo": "ab" * 32}]}
    made = workflow(values)
    nodes = check(made)
    assert nodes["LoadImage"]["image"] == made.picture == f"niji-{'ab' * 6}.png"
    assert (nodes["KSampler"]["denoise"], nodes["KSampler"]["steps"]) == (0.6, 12)
    assert "EmptyLatentImage" not in nodes
    assert any(made.picture in note for note in made.notes)
    assert any("edges" in note for note in made.notes)


def test_what_comfyui_cannot_be_told_is_said():
    values = drawing("embedding:x", variation_strength=0.5)
    values["model"] |= {"base": "Niji mini"}
    notes = " ".join(workflow(values).notes)
    for words in ("architecture of Mini", "variation is left out", "textual inversion", "not the same pixels"):
        assert words in notes
    folder = drawing()
    folder["model"] |= {"base": "Stable Diffusion 2.x"}
    assert any("loads single files" in note for note in workflow(folder).notes)


@pytest.mark.parametrize("kind", ["inpaint", "upscale", "translate", "grid", "toy"])
def test_other_kinds_are_refused_in_words(kind):
    with pytest.raises(StudioError, match=f"this is {kind!r}, which ComfyUI's own nodes do not do"):
        workflow({**drawing(), "kind": kind})


@pytest.mark.parametrize("changes", [{"scheduler": "none"}, {"width": None}, {"num_inference_steps": "20"}])
def test_a_recipe_that_lacks_something_is_refused_in_words(changes):
    with pytest.raises(StudioError):
        workflow(drawing(**changes))
