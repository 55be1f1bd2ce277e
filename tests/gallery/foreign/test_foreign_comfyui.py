"""ComfyUI's graphs, from the node that saves the picture to sampler, prompts, model and LoRAs."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gallery.foreign.reading import read_foreign
from gallery.foreign.recipe import ForeignLora
from tests.gallery.foreign.foreign_files import encoded, exif, png_texts

KSAMPLER = {"seed": 5, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "karras", "denoise": 1.0}
CLIP, MODEL = ["4", 1], ["4", 0]


def node(kind: str, **inputs: Any) -> dict:
    return {"class_type": kind, "inputs": inputs}


def text(words: Any) -> dict:
    return node("CLIPTextEncode", text=words, clip=CLIP)


def ksampler(**changes: Any) -> dict:
    links = {"model": MODEL, "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return node("KSampler", **(KSAMPLER | links | changes))


def graph(**changes: Any) -> dict[str, Any]:
    """The graph with which ComfyUI begins, and changed nodes; names are ids behind an `n`."""
    plain = {
        "3": ksampler(),
        "4": node("CheckpointLoaderSimple", ckpt_name="dir\\sd.safetensors"),
        "5": node("EmptyLatentImage", width=832, height=1216, batch_size=1),
        "6": text("a castle"),
        "7": text("blurry"),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }
    return plain | {name[1:]: value for name, value in changes.items()}


def read(values: Mapping[str, Any]) -> Any:
    return read_foreign(png_texts(prompt=json.dumps(values)))


PLAIN = {
    "tool": "ComfyUI", "prompt": "a castle", "negative_prompt": "blurry", "seed": 5, "steps": 20, "guidance": 7.0,
    "sampler": "euler", "schedule": "karras", "width": 832, "height": 1216, "model": "dir\\sd.safetensors", "loras": (),
    "clip_skip": None, "strength": None,
}  # fmt: skip
CUSTOM = {
    "n3": node("SamplerCustomAdvanced", noise=["10", 0], guider=["11", 0], sampler=["12", 0], sigmas=["13", 0],
               latent_image=["5", 0]),
    "n10": node("RandomNoise", noise_seed=2**64 - 1),
    "n12": node("KSamplerSelect", sampler_name="dpmpp_2m"),
    "n13": node("SplitSigmas", sigmas=["14", 0], step=4),
    "n14": node("BasicScheduler", scheduler="simple", steps=8, denoise=0.8, model=MODEL),
}  # fmt: skip
CFG_GUIDER = node("CFGGuider", cfg=3.0, model=MODEL, positive=["6", 0], negative=["7", 0])
FLUX = {
    "n11": node("BasicGuider", model=["20", 0], conditioning=["21", 0]),
    "n20": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
    "n21": node("FluxGuidance", guidance=3.5, conditioning=["22", 0]),
    "n22": node("CLIPTextEncodeFlux", clip_l="castle", t5xxl="a castle", guidance=9.0, clip=["23", 0]),
    "n23": node("DualCLIPLoader", clip_name1="a", clip_name2="b"),
}
POWER = node("Power Lora Loader (rgthree)", model=MODEL, clip=CLIP, lora_1={"on": True, "lora": "ink.safetensors",
             "strength": 0.8}, lora_2={"on": False, "lora": "line.safetensors", "strength": 1})  # fmt: skip
STACK = node("CR LoRA Stack", switch_1="On", lora_name_1="dir/ink.safetensors", model_weight_1=0.8, clip_weight_1=1.0,
             switch_2="Off", lora_name_2="line", model_weight_2=1.0, switch_3="On", lora_name_3="None")  # fmt: skip
EIGHT = node("PrimitiveInt", value=8)
INK = (ForeignLora("ink", 0.8),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, {}),
        ({"n3": ksampler(seed=["10", 0]), "n10": node("CR Seed", seed=77)}, {"seed": 77}),
        ({"n3": ksampler(seed=["10", 0]), "n10": node("Reroute", **{"": ["11", 0]}), "n11": EIGHT}, {"seed": 8}),
        ({"n3": ksampler(seed=["10", 0]), "n10": node("Math Add", a=1, b=["11", 0]), "n11": EIGHT}, {"seed": None}),
        ({"n3": ksampler(cfg=["10", 0], steps=["11", 0]), "n10": node("PrimitiveFloat", value=4.5),
          "n11": node("easy int", value=33)}, {"guidance": 4.5, "steps": 33}),
        ({"n3": ksampler(denoise=0.6, latent_image=["10", 0]), "n10": node("VAEEncode", pixels=["11", 0], vae=["4", 2]),
          "n11": node("LoadImage", image="photo.png")}, {"strength": 0.6, "width": None, "height": None}),
        ({"n3": node("KSamplerAdvanced", add_noise="enable", noise_seed=9, steps=25, cfg=6, sampler_name="ddim",
                     scheduler="normal", start_at_step=0, end_at_step=10000, model=MODEL, positive=["6", 0],
                     negative=["7", 0], latent_image=["5", 0])},
         {"seed": 9, "steps": 25, "guidance": 6.0, "sampler": "ddim", "schedule": "normal"}),
        (CUSTOM | {"n11": CFG_GUIDER},
         {"seed": 2**64 - 1, "steps": 8, "guidance": 3.0, "sampler": "dpmpp_2m", "schedule": "simple",
          "strength": 0.8}),
        ({"n3": node("SamplerCustom", add_noise=True, noise_seed=4, cfg=2.5, model=MODEL, positive=["6", 0],
                     negative=["7", 0], sampler=["12", 0], sigmas=["14", 0], latent_image=["5", 0]),
          "n12": CUSTOM["n12"], "n14": node("KarrasScheduler", steps=9, sigma_max=14.6, sigma_min=0.03, rho=7)},
         {"seed": 4, "steps": 9, "guidance": 2.5, "sampler": "dpmpp_2m", "schedule": "karras"}),
        (CUSTOM | FLUX, {"prompt": "a castle\ncastle", "negative_prompt": "", "model": "flux1-dev.safetensors",
                         "guidance": 3.5, "seed": 2**64 - 1, "steps": 8,
                         "sampler": "dpmpp_2m", "schedule": "simple", "strength": 0.8}),
        ({"n3": ksampler(cfg=1.0, positive=["21", 0], negative=["24", 0]), "n21": FLUX["n21"], "n22": text("a castle"),
          "n24": node("ConditioningZeroOut", conditioning=["22", 0])}, {"guidance": 3.5, "negative_prompt": ""}),
        ({"n6": text(["10", 0]), "n10": node("PrimitiveStringMultiline", value="a castle")}, {}),
        ({"n6": text(["10", 0]), "n10": node("ShowText|pysssss", text=["11", 0], text_0="a castle"),
          "n11": node("Some LLM", instructions="describe", text=["12", 0]), "n12": node("LoadImage", image="x")}, {}),
        ({"n6": text(["10", 0]), "n11": node("Text Multiline", text="a castle"),
          "n12": node("String Literal", string="day"), "n10": node("StringConcatenate", string_a=["11", 0],
                                                                           string_b=["12", 0], delimiter=", ")},
         {"prompt": "a castle, day"}),
        ({"n3": ksampler(positive=["10", 0]), "n11": text("at night"),
          "n10": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["11", 0])},
         {"prompt": "a castle\nat night"}),
        ({"n3": ksampler(positive=["10", 0]), "n11": text("at night"),
          "n10": node("ConditioningConcat", conditioning_to=["6", 0], conditioning_from=["11", 0])},
         {"prompt": "a castle\nat night"}),
        ({"n3": ksampler(positive=["10", 0], negative=["10", 1]), "n11": node("LoadImage", image="pose.png"),
          "n10": node("ControlNetApplyAdvanced", strength=0.8, positive=["6", 0], negative=["7", 0], image=["11", 0],
                      control_net=["12", 0]), "n12": node("ControlNetLoader", control_net_name="pose")}, {}),
        ({"n6": node("CLIPTextEncodeSDXL", text_g="a castle", text_l="a castle", width=4096, clip=CLIP)}, {}),
        ({"n6": node("CLIPTextEncodeSDXL", text_g="a castle", text_l="ink", width=4096, clip=CLIP)},
         {"prompt": "a castle\nink"}),
        ({"n6": node("ImpactWildcardEncode", wildcard_text="x", populated_text="a castle <lora:ink:0.8>", clip=CLIP)},
         {"loras": INK}),
        ({"n6": text(["10", 0]), "n7": text(["10", 1]), "n10": node("SDXLPromptStyler", text_positive="a castle",
                                                                   text_negative="blurry", style="base")}, {}),
        ({"n6": text(["10", 0]), "n10": node("ComfySwitchNode", switch=False, on_true=["11", 0], on_false=["12", 0]),
          "n11": node("PrimitiveString", value="no"), "n12": node("PrimitiveString", value="a castle")}, {}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("LoraLoader", lora_name="dir/ink.safetensors",
                                                      strength_model=0.8,
                                                      strength_clip=1.0, model=["11", 0], clip=CLIP),
          "n11": node("LoraLoaderModelOnly", lora_name="line.safetensors", strength_model=["12", 0], model=MODEL),
          "n12": node("PrimitiveFloat", value=-1.0)}, {"loras": (ForeignLora("line", -1.0), *INK)}),
        ({"n3": ksampler(model=["10", 0]), "n10": POWER}, {"loras": INK}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("CR Apply LoRA Stack", model=MODEL, lora_stack=["11", 0]),
          "n11": STACK}, {"loras": INK}),
        ({"n3": ksampler(model=["10", 0], positive=["10", 1], negative=["10", 2], latent_image=["10", 3]),
          "n10": node("Efficient Loader", ckpt_name="dir\\sd.safetensors", clip_skip=-2, positive="a castle",
                      negative="blurry", empty_latent_width=832, empty_latent_height=1216, lora_stack=["11", 0]),
          "n11": node("LoRA Stacker", lora_count=1, lora_name_1="ink", lora_wt_1=0.8, lora_name_2="line", lora_wt_2=1)},
         {"loras": INK, "clip_skip": 2}),
        ({"n6": node("CLIPTextEncode", text="a castle", clip=["10", 0]),
          "n10": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=CLIP)}, {"clip_skip": 2}),
        ({"n5": node("SDXL Empty Latent Image (rgthree)", dimensions="832 x 1216  (portrait)", batch_size=1)}, {}),
        ({"n5": node("EmptySD3LatentImage", width=["10", 0], height=["10", 1], batch_size=1),
          "n10": node("PrimitiveInt", value=832)}, {"width": 832, "height": 832}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("ModelSamplingDiscrete", sampling="x", model=MODEL)}, {}),
        ({"n5": node("EmptyLatentImage", width=["10", 0], height=["10", 1]),
          "n10": node("CR SDXL Aspect Ratio", width=1024, height=1024, aspect_ratio="2:3 portrait 832x1216",
                      swap_dimensions="Off")}, {}),
        ({"n5": node("EmptyLatentImage", width=["10", 0], height=["10", 1]),
          "n10": node("Aspect", width=1024, height=1024, aspect_ratio="2:3")}, {"width": None, "height": None}),
        ({"n3": ksampler(denoise=0.6, latent_image=["10", 0]), "n10": node("VAEEncode", pixels=["12", 0], vae=["4", 2]),
          "n11": node("LoadImage", image="photo.png"), "n12": node("ImageScale", image=["11", 0], width=832,
                                                                   height=1216)}, {"strength": 0.6}),
        ({"n9": node("Image Saver", images=["8", 0], filename="x")}, {}),
        ({"n9": node("PreviewImage", images=["8", 0])}, {}),
    ],
)  # fmt: skip
def test_a_graph_is_walked_from_the_picture(changes, said):
    found = read(graph(**changes))
    wanted = PLAIN | said
    assert {name: getattr(found, name) for name in wanted} == wanted


def test_of_several_samplers_the_last_before_the_picture_counts_and_that_is_said():
    second = {
        "n10": ksampler(seed=6, steps=12, denoise=0.45, latent_image=["11", 0]),
        "n11": node("LatentUpscaleBy", upscale_method="nearest", scale_by=1.5, samples=["3", 0]),
        "n8": node("VAEDecode", samples=["10", 0], vae=["4", 2]),
    }
    found = read(graph(**second))
    assert (found.seed, found.steps, found.strength, found.width) == (6, 12, 0.45, 832)
    assert "2 samplers" in found.notes[0]
    assert "node 10, the last one" in found.notes[0]


def test_a_second_pass_over_the_decoded_picture_is_the_last_sampler_too():
    second = {
        "n10": ksampler(seed=6, steps=12, denoise=0.3, latent_image=["11", 0]),
        "n11": node("VAEEncode", pixels=["12", 0], vae=["4", 2]),
        "n12": node("ImageScaleBy", upscale_method="lanczos", scale_by=2, image=["8", 0]),
        "n13": node("VAEDecode", samples=["10", 0], vae=["4", 2]),
        "n9": node("SaveImage", images=["13", 0]),
    }
    found = read(graph(**second))
    assert (found.seed, found.strength, found.width) == (6, 0.3, 832)


def test_a_pass_that_only_finishes_a_picture_leaves_the_recipe_to_the_one_before():
    detailer = node(
        "FaceDetailer", image=["8", 0], **(KSAMPLER | {"seed": 6, "denoise": 0.5}), model=MODEL, positive=["6", 0]
    )
    found = read(graph(n10=detailer, n9=node("SaveImage", images=["10", 0])))
    assert (found.seed, found.strength) == (5, None)
    assert "FaceDetailer (node 10)" in found.notes[0]
    assert "10 FaceDetailer" in found.not_understood


def test_the_noise_of_a_refiner_is_that_of_the_sampler_before():
    common = {
        "cfg": 7,
        "sampler_name": "euler",
        "scheduler": "normal",
        "steps": 25,
        "positive": ["6", 0],
        "negative": ["7", 0],
    }
    base = node("KSamplerAdvanced", add_noise="enable", noise_seed=42, latent_image=["5", 0], model=MODEL, **common)
    refiner = node(
        "KSamplerAdvanced", add_noise="disable", noise_seed=0, latent_image=["3", 0], model=["10", 0], **common
    )
    found = read(graph(n3=base, n11=refiner, n10=node("CheckpointLoaderSimple", ckpt_name="refiner.safetensors"),
                       n8=node("VAEDecode", samples=["11", 0], vae=["4", 2])))  # fmt: skip
    assert (found.seed, found.model) == (42, "refiner.safetensors")
    assert "seed is that of node 3" in found.notes[-1]


def test_what_a_graph_holds_beyond_the_recipe_is_told_by_node():
    control = {
        "n3": ksampler(positive=["10", 0], negative=["10", 1]),
        "n10": node(
            "ControlNetApplyAdvanced", strength=0.8, positive=["6", 0], negative=["7", 0], control_net=["12", 0]
        ),
        "n12": node("ControlNetLoader", control_net_name="pose.safetensors"),
    }
    told = read(graph(**control)).not_understood
    assert json.loads(told["10 ControlNetApplyAdvanced"]) == {"strength": 0.8}
    assert json.loads(told["12 ControlNetLoader"]) == {"control_net_name": "pose.safetensors"}


EDITOR = {
    "nodes": [
        {"id": 3, "type": "KSampler", "widgets_values": [5, "randomize", 20, 7, "euler", "karras", 1],
         "inputs": [{"name": "model", "link": 1}, {"name": "positive", "link": 2}, {"name": "negative", "link": 3},
                    {"name": "latent_image", "link": 4}]},
        {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["dir\\sd.safetensors"],
         "outputs": [{"type": "MODEL"}, {"type": "CLIP"}, {"type": "VAE"}]},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [832, 1216, 1]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["old words"],
         "inputs": [{"name": "clip", "link": 7}, {"name": "text", "widget": {"name": "text"}, "link": 8}]},
        {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["blurry"], "inputs": [{"name": "clip", "link": 7}]},
        {"id": 8, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 5}]},
        {"id": 9, "type": "SaveImage", "widgets_values": ["ComfyUI"], "inputs": [{"name": "images", "link": 6}]},
        {"id": 10, "type": "PrimitiveNode", "widgets_values": ["a castle", "fixed"]},
        {"id": 11, "type": "LoraLoader", "mode": 4, "widgets_values": ["ink.safetensors", 1, 1],
         "inputs": [{"name": "model", "type": "MODEL", "link": 9}, {"name": "clip", "type": "CLIP", "link": 10}],
         "outputs": [{"type": "MODEL"}, {"type": "CLIP"}]},
        {"id": 12, "type": "Note", "widgets_values": ["text"]},
        {"id": 13, "type": "KSampler", "mode": 2, "widgets_values": []},
    ],
    "links": [[1, 11, 0, 3, 0, "MODEL"], [2, 6, 0, 3, 1, "CONDITIONING"], [3, 7, 0, 3, 2, "CONDITIONING"],
              [4, 5, 0, 3, 3, "LATENT"], [5, 3, 0, 8, 0, "LATENT"], [6, 8, 0, 9, 0, "IMAGE"], [7, 11, 1, 6, 0, "CLIP"],
              [8, 10, 0, 6, 1, "STRING"], [9, 4, 0, 11, 0, "MODEL"], [10, 4, 1, 11, 1, "CLIP"]],
}  # fmt: skip


def test_the_editors_graph_alone_is_read_by_the_places_of_its_values():
    found = read_foreign(png_texts(workflow=json.dumps(EDITOR)))
    assert {name: getattr(found, name) for name in PLAIN} == PLAIN
    assert "editor's graph" in found.notes[0]


def test_values_kept_under_a_name_are_found_in_the_editors_graph():
    kept = json.loads(json.dumps(EDITOR))
    kept["nodes"] += [
        {"id": 20, "type": "SetNode", "widgets_values": ["model"], "inputs": [{"name": "MODEL", "link": 20}]},
        {"id": 21, "type": "GetNode", "widgets_values": ["model"], "outputs": [{"type": "MODEL"}]},
    ]
    kept["links"] = [link for link in kept["links"] if link[0] != 1]
    kept["links"] += [[1, 21, 0, 3, 0, "MODEL"], [20, 4, 0, 20, 0, "MODEL"]]
    assert read_foreign(png_texts(workflow=json.dumps(kept))).model == "dir\\sd.safetensors"


def test_subgraphs_of_the_editors_graph_are_unfolded():
    outer = json.loads(json.dumps(EDITOR))
    loader = next(row for row in outer["nodes"] if row["id"] == 4)
    outer["nodes"].remove(loader)
    outer["nodes"].append({"id": 40, "type": "a-uuid", "inputs": [{"name": "text", "link": 40}],
                           "outputs": [{"type": "MODEL"}, {"type": "CLIP"}, {"type": "CONDITIONING"}]})  # fmt: skip
    outer["links"] = [[number, 40 if source == 4 else source, *rest] for number, source, *rest in outer["links"]]
    outer["links"] = [[2, 40, 2, 3, 1, "CONDITIONING"] if link[0] == 2 else link for link in outer["links"]]
    outer["links"].append([40, 10, 0, 40, 0, "STRING"])
    encoder = {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["old words"], "inputs": [
        {"name": "clip", "link": 3}, {"name": "text", "widget": {"name": "text"}, "link": 5}]}  # fmt: skip
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    table = [(1, 4, 0, -20, 0), (2, 4, 1, -20, 1), (3, 4, 1, 6, 0), (4, 6, 0, -20, 2), (5, -10, 0, 6, 1)]
    inner = {"id": "a-uuid", "nodes": [loader, encoder], "links": [dict(zip(keys, row, strict=True)) for row in table]}
    found = read_foreign(png_texts(workflow=json.dumps(outer | {"definitions": {"subgraphs": [inner]}})))
    assert {name: getattr(found, name) for name in PLAIN} == PLAIN


@pytest.mark.parametrize(
    "data",
    [
        encoded(
            "WEBP", exif=exif({0x010F: b"workflow:{}\0", 0x0110: b"prompt:" + json.dumps(graph()).encode() + b"\0"})
        ),
        encoded("JPEG", exif=exif({0x010F: b"Prompt: " + json.dumps(graph()).encode()}, "<")),
        encoded("JPEG", exif=exif({}, sub={0x9286: json.dumps({"prompt": graph(), "workflow": EDITOR}).encode()})),
        encoded("JPEG", comment=json.dumps(graph()).encode()),
        png_texts(prompt="not JSON", workflow=json.dumps(EDITOR)),
        png_texts(prompt=json.dumps(graph()).replace('"steps": 20', '"steps": 20, "is_changed": [NaN]')),
    ],
)
def test_a_graph_is_found_in_every_place(data):
    found = read_foreign(data)
    assert {name: getattr(found, name) for name in PLAIN} == PLAIN


def test_a_text_beside_the_graph_comes_first_and_the_graph_fills_in():
    line = "a castle\nNegative prompt: blurry\nSteps: 20, Sampler: euler_karras, CFG scale: 7.0, Seed: 5"
    lora = {"n3": ksampler(model=["10", 0]), "n10": POWER}
    found = read_foreign(png_texts(parameters=line, prompt=json.dumps(graph(**lora))))
    assert (found.tool, found.sampler, found.schedule, found.loras) == ("ComfyUI", "euler_karras", "", INK)
    assert (found.width, found.model) == (832, "dir\\sd.safetensors")


def test_civitais_generator_hides_its_recipe_in_the_graph():
    more = {
        "prompt": "a castle",
        "negativePrompt": "blurry",
        "steps": 20,
        "cfgScale": 5,
        "sampler": "Euler a",
        "seed": 9,
    }
    found = read(graph() | {"extraMetadata": json.dumps(more | {"resources": [{"modelVersionId": 1, "strength": 1}]})})
    assert (found.tool, found.seed, found.sampler, found.guidance, found.width) == ("Civitai", 9, "Euler a", 5.0, 832)


def test_a_graph_without_a_sampler_tells_its_nodes():
    found = read({"1": node("LoadImage", image="x.png"), "2": node("SaveImage", images=["1", 0], filename_prefix="y")})
    assert (found.tool, found.prompt, found.seed) == ("ComfyUI", "", None)
    assert json.loads(found.not_understood["1 LoadImage"]) == {"image": "x.png"}


@pytest.mark.parametrize(
    ("link", "many"),
    [
        ({"n6": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["7", 0])}, {}),
        ({"n4": node("LoraLoader", lora_name="a", model=["4", 0], clip=["4", 1])}, {}),
        ({"n3": ksampler(latent_image=["3", 0], seed=["3", 0])}, {}),
        ({"n6": text(["100", 0])}, {str(n): node("Reroute", text=[str(n + 1), 0]) for n in range(100, 10_000)}),
        ({"n3": ksampler(model=["100", 0], latent_image=["100", 0], seed=["100", 0], positive=["100", 0])},
         {str(n): node("LoraLoader", model=[str(n + 1), 0], samples=[str(n + 1), 0], conditioning=[str(n + 1), 0],
                       lora_name="a") for n in range(100, 4_000)}),
    ],
)  # fmt: skip
def test_circles_and_very_long_ways_end(link, many):
    assert read(graph(**link) | many).tool == "ComfyUI"
