"""Graphs of ComfyUI with nodes of well-known extensions, and with those that newer models need."""

import pytest

from tests.gallery.foreign.test_foreign_comfyui import (
    CFG_GUIDER,
    CLIP,
    CUSTOM,
    FLUX,
    INK,
    KSAMPLER,
    MODEL,
    PLAIN,
    graph,
    ksampler,
    node,
    read,
    text,
)

WORDS = text(["10", 0])  # from node 10
DAY = {"prompt": "a castle, day"}
ADVANCED = {
    "seed": 2**64 - 1,
    "steps": 8,
    "guidance": 3.0,
    "sampler": "dpmpp_2m",
    "schedule": "simple",
    "strength": 0.8,
}
LOADED = {"positive": "a castle", "negative": "blurry", "empty_latent_width": 832, "empty_latent_height": 1216}
CASTLE = node("Text Multiline", text="a castle")
SAVED = {"n8": node("Note", text=""), "n9": node("SaveImage", images=["3", 1], filename_prefix="x")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n6": WORDS, "n11": CASTLE, "n10": node("Text Concatenate", delimiter=", ", clean_whitespace="true",
                                                  text_a=["11", 0], text_b="day")}, DAY),
        ({"n6": WORDS, "n11": node("StringConstant", string="a castle"),
          "n10": node("JoinStringMulti", inputcount=2, string_1=["11", 0], string_2="day", delimiter=", ")}, DAY),
        ({"n6": WORDS, "n10": node("StringFunction|pysssss", action="append", tidy_tags="yes", text_a="a castle",
                                   text_b="day", text_c="", result="old")}, DAY),
        ({"n6": WORDS, "n11": CASTLE, "n10": node("CR Text Concatenate", text1=["11", 0], text2="day",
                                                  separator=", ")}, DAY),
        ({"n6": WORDS, "n10": node("easy positive", positive="a castle")}, {}),
        ({"n6": WORDS, "n10": node("ImpactWildcardProcessor", wildcard_text="a {castle|hut}", mode="populate",
                                   populated_text="a castle", seed=4)}, {}),
        ({"n6": node("smZ CLIPTextEncode", text="a castle", parser="A1111", text_g="", text_l="", clip=CLIP)}, {}),
        ({"n3": ksampler(positive=["10", 0]), "n12": node("BNK_CutoffBasePrompt", text="a castle", clip=CLIP),
          "n10": node("BNK_CutoffRegionsToConditioning", clip_regions=["11", 0], mask_token=""),
          "n11": node("BNK_CutoffSetRegions", clip_regions=["12", 0], region_text="x", target_text="y")}, {}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("ModelSamplingAuraFlow", shift=3.0, model=["11", 0]),
          "n11": node("UNETLoader", unet_name="qwen.safetensors"),
          "n6": node("TextEncodeQwenImageEditPlus", prompt="a castle", clip=["12", 0], image1=["13", 0]),
          "n12": node("CLIPLoader", clip_name="q"), "n13": node("LoadImage", image="x.png")},
         {"model": "qwen.safetensors"}),
        ({"n3": ksampler(model=["10", 0], positive=["10", 1], negative=["10", 2]),
          "n10": node("ApplyInstantID", weight=0.8, model=MODEL, positive=["6", 0], negative=["7", 0],
                      image=["13", 0]), "n13": node("LoadImage", image="x.png")}, {}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("Lora Loader Stack (rgthree)", lora_01="ink.safetensors",
                                                       strength_01=0.8, lora_02="None", strength_02=1,
                                                       model=MODEL, clip=CLIP)}, {"loras": INK}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("Lora Loader (LoraManager)", text="<lora:ink:0.8>", model=MODEL,
          loras={"__value__": [{"name": "ink", "strength": "0.8", "active": True},
                               {"name": "off", "strength": "1", "active": False}]})}, {"loras": INK}),
        ({"n3": ksampler(model=["10", 0]), "n10": node("LoraLoader|pysssss", model=MODEL, strength_model=0.8,
          lora_name={"content": "ink.safetensors", "image": None})}, {"loras": INK}),
        ({"n4": node("CheckpointLoader|pysssss", ckpt_name={"content": "dir\\sd.safetensors", "image": None})}, {}),
        ({"n3": node("easy fullkSampler", pipe=["10", 0], **KSAMPLER),
          "n10": node("easy fullLoader", ckpt_name="dir\\sd.safetensors", clip_skip=-2, lora_name="ink.safetensors",
                      lora_model_strength=0.8, **LOADED)} | SAVED, {"loras": INK, "clip_skip": 2}),
        ({"n3": node("easy kSampler", pipe=["11", 0]), "n11": node("easy preSampling", pipe=["10", 0], **KSAMPLER),
          "n10": node("easy a1111Loader", ckpt_name="dir\\sd.safetensors", clip_skip=-1, lora_name="None", **LOADED)}
         | SAVED, {"clip_skip": 1}),
        ({"n3": node("ttN pipeKSampler_v2", pipe=["10", 0], **KSAMPLER),
          "n10": node("ttN pipeLoader_v2", ckpt_name="dir\\sd.safetensors", clip_skip=-1, loras="<lora:ink:0.8>",
                      **LOADED)}
         | SAVED, {"loras": INK, "clip_skip": 1}),
        ({"n3": node("ImpactKSamplerBasicPipe", basic_pipe=["10", 0], latent_image=["5", 0], **KSAMPLER),
          "n10": node("ToBasicPipe", model=MODEL, clip=CLIP, positive=["6", 0], negative=["7", 0])}, {}),
        ({"n3": ksampler(model=["10", 1], positive=["10", 4], negative=["10", 5], latent_image=["10", 6]),
          "n10": node("Context Big (rgthree)", model=MODEL, clip=CLIP, positive=["6", 0], negative=["7", 0],
                      latent=["5", 0])}, {}),
        ({"n3": ksampler(sampler_name=["10", 0], scheduler=["10", 1]),
          "n10": node("KSampler Config (rgthree)", steps_total=20, sampler_name="euler", scheduler="karras")}, {}),
        (CUSTOM | {"n11": CFG_GUIDER, "n12": node("DetailDaemonSamplerNode", detail_amount=0.1, sampler=["50", 0]),
                   "n50": CUSTOM["n12"]}, ADVANCED),
        (CUSTOM | {"n11": CFG_GUIDER, "n12": node("SamplerDPMPP_2M_SDE", solver_type="midpoint", eta=1.0)},
         ADVANCED | {"sampler": "SamplerDPMPP_2M_SDE"}),
        (CUSTOM | {"n11": node("DualCFGGuider", model=MODEL, cond1=["6", 0], cond2=["6", 0], negative=["7", 0],
                               cfg_conds=3.0, cfg_cond2_negative=1.0)}, ADVANCED),
        (CUSTOM | FLUX | {"n11": node("BasicGuider", model=["30", 0], conditioning=["21", 0]), "n22": text("a castle"),
                          "n30": node("ModelSamplingFlux", max_shift=1.15, width=64, height=64, model=["31", 0]),
                          "n31": node("LoraLoaderModelOnly", lora_name="ink", strength_model=0.8, model=["20", 0])},
         ADVANCED | {"guidance": 3.5, "negative_prompt": "", "model": "flux1-dev.safetensors", "loras": INK}),
        ({"n3": node("WanVideoSampler", steps=20, cfg=7.0, seed=5, scheduler="unipc", model=["10", 0],
                     text_embeds=["11", 0]), "n8": node("WanVideoDecode", samples=["3", 0]),
          "n10": node("WanVideoModelLoader", model="dir\\wan.safetensors"),
          "n11": node("WanVideoTextEmbedBridge", positive=["6", 0], negative=["7", 0])},
         {"sampler": "unipc", "schedule": "", "model": "dir\\wan.safetensors", "width": None, "height": None}),
        ({"n9": node("SaveImage", images=["10", 0]), "n10": node("UltimateSDUpscale", upscale_by=2.0, image=["8", 0],
          model=MODEL, positive=["6", 0], negative=["7", 0], **KSAMPLER | {"seed": 99, "denoise": 0.2})}, {}),
        ({"n10": node("LoadImage", image="x", is_changed=[float("nan")], size=float("inf"))}, {}),
    ],
)  # fmt: skip
def test_nodes_of_extensions_are_walked_through(changes, said):
    found = read(graph(**changes))
    wanted = PLAIN | said
    assert {name: getattr(found, name) for name in wanted} == wanted


DOG = node("PrimitiveString", value="a dog")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n6": WORDS, "n10": node("StringFunction|pysssss", action="replace", tidy_tags="no", text_a="a hut",
                                   text_b="hut", text_c="castle")}, {}),
        ({"n6": WORDS, "n11": node("Text Multiline", text="a hut"),
          "n10": node("StringReplace", string=["11", 0], find="hut", replace="castle")}, {}),
        ({"n6": WORDS, "n10": node("RegexReplace", string="a castle", regex_pattern="(a+)+$", replace="b")}, {}),
        ({"n6": WORDS, "n11": DOG, "n12": CASTLE, "n10": node("easy ifElse", boolean=False, on_true=["11", 0],
                                                               on_false=["12", 0])}, {}),
        ({"n6": WORDS, "n11": DOG, "n12": CASTLE, "n13": node("PrimitiveInt", value=1),
          "n10": node("easy anythingIndexSwitch", index=["13", 0], value0=["11", 0], value1=["12", 0])}, {}),
        ({"n6": WORDS, "n11": DOG, "n12": CASTLE,
          "n10": node("Any Switch (rgthree)", any_02=["11", 0], any_01=["12", 0])}, {}),
        ({"n3": ksampler(model=["10", 0]), "n11": node("CheckpointLoaderSimple", ckpt_name="other.safetensors"),
          "n10": node("ImpactSwitch", select=2, sel_mode=False, input1=["11", 0], input2=["4", 0])}, {}),
        ({"n3": ksampler(model=["10", 0]), "n11": node("CheckpointLoaderSimple", ckpt_name="other.safetensors"),
          "n10": node("CR Model Input Switch", Input=1, model1=["4", 0], model2=["11", 0])}, {}),
        ({"n3": ksampler(steps=["10", 0]), "n11": node("PrimitiveInt", value=8), "n12": node("PrimitiveInt", value=20),
          "n10": node("ComfySwitchNode", switch=True, on_true=["12", 0], on_false=["11", 0])}, {}),
    ],
)  # fmt: skip
def test_switches_hand_on_one_branch_and_words_are_replaced(changes, said):
    found = read(graph(**changes))
    assert {name: getattr(found, name) for name in PLAIN} == PLAIN | said


def test_replacing_words_in_circles_or_without_end_stays_small():
    doubles = {
        f"n{place}": node("StringReplace", string=[str(place + 1), 0], find="a", replace="aa")
        for place in range(10, 90)
    }
    circle = {"n10": node("StringReplace", string=["10", 0], find="a", replace="aa")}
    for changes in (doubles | {"n90": node("Text Multiline", text="a" * 1000)}, circle):
        assert len(read(graph(n6=WORDS, **changes)).prompt) <= 100_000
