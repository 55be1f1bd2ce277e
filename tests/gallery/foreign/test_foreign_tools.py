"""One small file of each tool that writes its recipe flat, in the places where it writes it."""

import gzip
import json

import pytest
from PIL import Image

from gallery.foreign.reading import read_foreign
from gallery.foreign.recipe import ForeignEmbedding, ForeignLora
from tests.gallery.foreign.foreign_files import encoded, exif, png, png_texts, text_chunk, user_comment

LINE = "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 18446744073709551615, Size: 832x1216"
FOOOCUS = {
    "base_model": "juggernautXL_v8Rundiffusion",
    "base_model_hash": "aeb7e9e689",
    "clip_skip": 2,
    "full_prompt": ["cinematic still a castle", "detailed"],
    "guidance_scale": 4,
    "lora_combined_1": "sd_xl_offset : 0.1",
    "loras": [["sd_xl_offset", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus",
    "negative_prompt": "blurry",
    "performance": "Speed",
    "prompt": "a castle",
    "resolution": "(1152, 896)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "123",
    "steps": 30,
    "version": "Fooocus v2.5.0",
}
SWARM = {
    "sui_image_params": {
        "prompt": "a castle",
        "negativeprompt": "blurry",
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "seed": 5,
        "steps": 20,
        "cfgscale": 7.5,
        "width": 1024,
        "height": 768,
        "sampler": "dpmpp_2m",
        "scheduler": "karras",
        "loras": ["styles/ink", "line"],
        "loraweights": ["0.8", "1"],
        "swarm_version": "0.9.6.2",
    },
    "sui_models": [
        {"name": "OfficialStableDiffusion/sd_xl_base_1.0.safetensors", "param": "model", "hash": "0x" + "ab" * 32},
        {"name": "styles/ink.safetensors", "param": "loras", "hash": "0x" + "cd" * 32},
    ],
}
NOVEL = {
    "prompt": "1girl, solo",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "seed": 99,
    "sampler": "k_euler",
    "noise_schedule": "native",
    "strength": 0.7,
    "noise": 0.2,
    "uc": "lowres",
}
NOVEL_WHOLE = json.dumps({"Software": "NovelAI", "Comment": json.dumps(NOVEL)})
INVOKE = {
    "positive_prompt": "a castle",
    "negative_prompt": "blurry",
    "width": 832,
    "height": 1216,
    "seed": 1554095076,
    "cfg_scale": 15.0,
    "steps": 50,
    "scheduler": "euler",
    "clip_skip": 0,
    "strength": 0.6,
    "model": {"name": "juggernaut", "hash": "sha256:" + "ab" * 32, "base": "sdxl", "type": "main"},
    "loras": [{"model": {"name": "ink", "hash": "blake3:" + "0" * 64}, "weight": 0.75}],
    "app_version": "5.4.3",
}
INVOKE_3 = INVOKE | {
    "model": {"model_name": "juggernaut", "base_model": "sdxl", "model_type": "main"},
    "loras": [{"lora": {"model_name": "ink", "base_model": "sdxl"}, "weight": 0.75}],
}
INVOKE_2 = {
    "model": "stable diffusion",
    "model_weights": "deliberate_v08",
    "model_hash": "56d1442a0feefd64836a19ac8e3527ec71c884fc962e246ddf67b03e42921272",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.3.0",
    "image": {
        "prompt": [{"prompt": "a castle, [blurry, low] at night [ugly]", "weight": 1.0}],
        "steps": 50,
        "cfg_scale": 5,
        "height": 768,
        "width": 512,
        "seed": 2980747362,
        "type": "txt2img",
        "postprocessing": [{"type": "esrgan", "scale": 4}],
        "sampler": "k_lms",
    },
}
EASY = {
    "prompt": "a castle",
    "negative_prompt": "blurry",
    "seed": "77",
    "use_stable_diffusion_model": "folder/sd-v1-5.safetensors",
    "clip_skip": "False",
    "sampler_name": "euler_a",
    "width": "512",
    "height": "768",
    "num_inference_steps": "25",
    "guidance_scale": "7.5",
    "use_lora_model": "['ink', 'line']",
    "lora_alpha": "[0.5, 1.0]",
    "use_vae_model": "None",
}
DRAW_THINGS = {
    "c": "a castle",
    "uc": "blurry",
    "seed": 3,
    "steps": 8,
    "scale": 3.5,
    "sampler": "Euler Ancestral",
    "model": "flux_1_dev_q8p.ckpt",
    "size": "1024x768",
    "strength": 1,
    "seed_mode": "Scale Alike",
    "lora": [{"model": "ink_lora_f16.ckpt", "weight": 0.6}],
}
XMP = '<x:xmpmeta><rdf:Description><xmp:CreatorTool>Draw Things</xmp:CreatorTool><exif:UserComment><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></exif:UserComment></rdf:Description></x:xmpmeta>'  # noqa: E501
TENSOR = {
    "prompt": "a castle",
    "negativePrompt": "blurry",
    "width": 768,
    "height": 1152,
    "steps": 25,
    "cfgScale": 7,
    "seed": "2174021338",
    "clipSkip": 2,
    "baseModel": {"label": "v16", "modelFileName": "WAI-16", "hash": "A5F58EB1C3"},
    "models": [{"label": "x", "type": "LORA", "modelFileName": "ink", "weight": 0.8, "hash": "3A3B"}],
    "ksamplerName": "euler_ancestral",
    "schedule": "karras",
}
RUINED = {
    "Prompt": "a castle",
    "Negative": "blurry",
    "steps": 30,
    "cfg": 8,
    "width": 1024,
    "height": 768,
    "seed": 12,
    "sampler_name": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "base_model_name": "sd_xl.safetensors",
    "loras": [["abcdef0123456789", "0.8 - ink.safetensors"], ["line.safetensors", 1.0]],
    "software": "RuinedFooocus",
}
SPACE = {
    "prompt": "a castle", "negative_prompt": "blurry", "resolution": "1024 x 768", "guidance_scale": 5.5,
    "num_inference_steps": 24, "seed": 443, "sampler": "DPM++ 2M Karras", "Model": "WAI v16",
}  # fmt: skip
NOVEL_4 = {name: value for name, value in NOVEL.items() if name not in ("prompt", "uc")} | {
    "v4_prompt": {"caption": {"base_caption": "1girl", "char_captions": []}, "use_order": True},
    "v4_negative_prompt": {"caption": {"base_caption": "lowres", "char_captions": []}},
}
DESCRIPTION = """<rdf:Description><dc:description><rdf:Alt><rdf:li xml:lang="x-default">a castle&#xA;-blurry&#xA;\
Steps: 8, Sampler: Euler A Trailing, Guidance Scale: 3.5, Seed: 5, Size: 64x32, Model: flux_q8p.ckpt, Strength: 0.6, \
Seed Mode: Scale Alike</rdf:li></rdf:Alt></dc:description><xmp:CreatorTool>Draw Things</xmp:CreatorTool>\
</rdf:Description>"""
CASTLE = {"prompt": "a castle", "negative_prompt": "blurry"}
INK = (ForeignLora("ink", 0.8),)


def escaped(values: dict) -> str:
    return json.dumps(values).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def stealth(text: str, kind: bytes = b"stealth_pngcomp", size: tuple[int, int] = (96, 96)) -> Image.Image:
    """A picture with a text in its lowest bits, as the extension writes it: down the columns."""
    body = gzip.compress(text.encode()) if kind.endswith(b"comp") else text.encode()
    bits = "".join(f"{byte:08b}" for byte in kind + (len(body) * 8).to_bytes(4, "big") + body)
    channels = (3,) if b"png" in kind else (0, 1, 2)
    image = Image.new("RGBA" if b"png" in kind else "RGB", size, (10, 20, 30, 254)[: 4 if b"png" in kind else 3])
    pixels = image.load()
    for index, bit in enumerate(bits):
        place, channel = divmod(index, len(channels))
        x, y = divmod(place, size[1])
        values = list(pixels[x, y])
        values[channels[channel]] = values[channels[channel]] & 254 | int(bit)
        pixels[x, y] = tuple(values)
    return image


@pytest.mark.parametrize(
    ("tool", "data", "said"),
    [
        ("Fooocus", png_texts(parameters=json.dumps(FOOOCUS), fooocus_scheme="fooocus"),
         CASTLE | {"seed": 123, "steps": 30, "guidance": 4.0, "sampler": "dpmpp_2m_sde_gpu", "schedule": "karras",
                   "width": 1152, "height": 896, "model": "juggernautXL_v8Rundiffusion", "model_hash": "aeb7e9e689",
                   "loras": (ForeignLora("sd_xl_offset", 0.1, "4852686128"),), "clip_skip": 2}),
        ("Fooocus", encoded("JPEG", exif=exif({0x0131: b"Fooocus v2.5.0\0", 0x927C: b"fooocus\0",
                                               0x9286: json.dumps(FOOOCUS).encode() + b"\0"})),
         CASTLE | {"seed": 123, "width": 1152}),
        ("Fooocus", png_texts(parameters="a castle\nNegative prompt: blurry\nSteps: 30, Sampler: DPM++ 2M SDE Karras, "
                              "Seed: 9, Size: 1152x896, CFG scale: 4, Sharpness: 2, ADM Guidance: \"(1.5, 0.8, 0.3)\", "
                              "Model: jugger, Model hash: aeb7e9e689, Performance: Speed, Scheduler: karras, "
                              "Lora hashes: \"ink: 4852686128, line: 99aabbccdd\", "
                              "Lora weights: \"ink: 0.1, line: -1\", "
                              "Version: Fooocus v2.5.0", fooocus_scheme="a1111"),
         CASTLE | {"seed": 9, "schedule": "karras", "guidance": 4.0, "model": "jugger",
                   "loras": (ForeignLora("ink", 0.1, "4852686128"), ForeignLora("line", -1.0, "99aabbccdd"))}),
        ("RuinedFooocus", png_texts(parameters=json.dumps(RUINED)),
         CASTLE | {"seed": 12, "guidance": 8.0, "width": 1024, "height": 768, "model": "sd_xl.safetensors",
                   "loras": (ForeignLora("ink", 0.8, "abcdef0123456789"), ForeignLora("line", 1.0))}),
        ("SwarmUI", png_texts(parameters=json.dumps(SWARM)),
         CASTLE | {"seed": 5, "steps": 20, "guidance": 7.5, "width": 1024, "height": 768,
                   "model": "OfficialStableDiffusion/sd_xl_base_1.0",
                   "model_hash": "ab" * 32, "loras": (ForeignLora("ink", 0.8, "cd" * 32), ForeignLora("line", 1.0))}),
        ("SwarmUI", encoded("WEBP", exif=user_comment(json.dumps(SWARM), "<", "utf-16-le")), CASTLE | {"seed": 5}),
        ("NovelAI", png_texts(Software="NovelAI", Source="Stable Diffusion F1022D28", Description="1girl, solo",
                              Comment=json.dumps(NOVEL)),
         {"prompt": "1girl, solo", "negative_prompt": "lowres", "seed": 99, "steps": 28, "guidance": 5.0, "width": 832,
          "height": 1216, "sampler": "k_euler", "schedule": "native", "strength": 0.7, "model": "Stable Diffusion",
          "model_hash": "f1022d28"}),
        ("NovelAI", encoded(image=stealth(NOVEL_WHOLE)),
         {"prompt": "1girl, solo", "seed": 99, "width": 832}),
        ("NovelAI", encoded("WEBP", exif=user_comment(NOVEL_WHOLE)),
         {"prompt": "1girl, solo", "seed": 99}),
        ("InvokeAI", png_texts(invokeai_metadata=json.dumps(INVOKE)),
         CASTLE | {"seed": 1554095076, "steps": 50, "guidance": 15.0, "sampler": "euler", "width": 832, "height": 1216,
                   "model": "juggernaut", "model_hash": "ab" * 32, "loras": (ForeignLora("ink", 0.75),),
                   "strength": 0.6, "clip_skip": 0}),
        ("InvokeAI", png_texts(invokeai_metadata=json.dumps(INVOKE_3)),
         {"model": "juggernaut", "loras": (ForeignLora("ink", 0.75),)}),
        ("InvokeAI", png_texts(sd__metadata=json.dumps(INVOKE_2)),
         {"prompt": "a castle, at night", "negative_prompt": "blurry, low, ugly", "seed": 2980747362, "steps": 50,
          "guidance": 5.0, "sampler": "k_lms", "width": 512, "height": 768, "model": "deliberate_v08"}),
        ("InvokeAI", png_texts(Dream=r'"a \"red\" castle [blurry]" -s 50 -S 2980747362 -W 512 -H 768 -C 7.5 -A k_lms'),
         {"prompt": 'a "red" castle', "negative_prompt": "blurry", "seed": 2980747362, "steps": 50, "guidance": 7.5,
          "sampler": "k_lms", "width": 512, "height": 768}),
        ("InvokeAI", png_texts(Dream='"a castle" -s50 -S7 -W512 -H768 -C7.5 -Ak_euler_a'),
         {"prompt": "a castle", "seed": 7, "steps": 50, "sampler": "k_euler_a", "width": 512}),
        ("Easy Diffusion", png_texts(**EASY),
         CASTLE | {"seed": 77, "steps": 25, "guidance": 7.5, "sampler": "euler_a", "width": 512, "height": 768,
                   "model": "folder/sd-v1-5.safetensors",
                   "loras": (ForeignLora("ink", 0.5), ForeignLora("line", 1.0))}),
        ("Easy Diffusion", encoded("JPEG", exif=user_comment(json.dumps(
            EASY | {"seed": 77, "use_lora_model": ["ink"], "lora_alpha": 0.8, "use_vae_model": None}))),
         CASTLE | {"seed": 77, "loras": INK}),
        ("Easy Diffusion", png_texts(**{"Prompt": "a castle", "Negative Prompt": "blurry", "Seed": "7", "Steps": "5",
                                        "Stable Diffusion model": "C:\\models\\sd-v1-5.ckpt", "Sampler": "plms",
                                        "Width": "512", "Height": "768", "Guidance Scale": "7.5"}),
         CASTLE | {"seed": 7, "model": "C:\\models\\sd-v1-5.ckpt", "sampler": "plms"}),
        ("Draw Things", png(text_chunk("XML:com.adobe.xmp", XMP.format(escaped(DRAW_THINGS)), "iTXt")),
         CASTLE | {"seed": 3, "steps": 8, "guidance": 3.5, "sampler": "Euler Ancestral", "width": 1024, "height": 768,
                   "model": "flux_1_dev_q8p.ckpt", "loras": (ForeignLora("ink_lora_f16", 0.6),), "strength": None}),
        ("Draw Things", encoded("JPEG", xmp=XMP.format(escaped(DRAW_THINGS)).encode()), CASTLE | {"seed": 3}),
        ("Draw Things", encoded("JPEG", exif=user_comment(json.dumps(DRAW_THINGS))), CASTLE | {"seed": 3}),
        ("Draw Things", png(text_chunk("XML:com.adobe.xmp", DESCRIPTION, "iTXt")),
         CASTLE | {"seed": 5, "steps": 8, "guidance": 3.5, "sampler": "Euler A Trailing", "width": 64,
                   "model": "flux_q8p.ckpt", "strength": 0.6}),
        ("NovelAI", png_texts(Software="NovelAI", Source="NovelAI Diffusion V4 37C2B166", Comment=json.dumps(NOVEL_4)),
         {"prompt": "1girl", "negative_prompt": "lowres", "model": "NovelAI Diffusion V4", "model_hash": "37c2b166"}),
        ("SwarmUI", png_texts(parameters=json.dumps(SWARM | {"sui_models": [
            {"name": "bad.safetensors", "param": "used_embeddings", "hash": "0x" + "ef" * 32}]})),
         {"seed": 5, "embeddings": (ForeignEmbedding("bad", "ef" * 32),)}),
        ("stable-diffusion.cpp", png_texts(parameters="a castle\nNegative prompt: blurry\nSteps: 20, CFG scale: 7.0, "
                                           "Guidance: 3.5, Eta: 0, Seed: 5, Size: 64x32, Model: sd.safetensors, "
                                           "RNG: cuda, Sampler: euler_a, Version: stable-diffusion.cpp"),
         CASTLE | {"seed": 5, "sampler": "euler_a", "model": "sd.safetensors"}),
        ("Tensor.Art", png_texts(generation_data=json.dumps(TENSOR) + "\0"),
         CASTLE | {"seed": 2174021338, "steps": 25, "guidance": 7.0, "sampler": "euler_ancestral", "schedule": "karras",
                   "width": 768, "height": 1152, "model": "WAI-16", "model_hash": "a5f58eb1c3", "clip_skip": 2,
                   "loras": (ForeignLora("ink", 0.8),)}),
        ("StabilityMatrix", png_texts(parameters__json=json.dumps(
            {"PositivePrompt": "a castle <lora:ink:0.8>", "NegativePrompt": "blurry", "Steps": 20, "Seed": 3,
             "Width": 64, "Sampler": "Euler Ancestral Karras", "CfgScale": 5, "Height": 32, "ModelName": "sd.ckpt"})),
         CASTLE | {"seed": 3, "steps": 20, "width": 64, "height": 32, "model": "sd.ckpt", "loras": INK}),
        ("RuinedFooocus", png_texts(parameters=json.dumps(json.dumps(RUINED))), CASTLE | {"seed": 12}),
        ("an unknown tool", png_texts(parameters=json.dumps(SPACE)),
         CASTLE | {"seed": 443, "steps": 24, "guidance": 5.5, "width": 1024, "height": 768, "model": "WAI v16"}),
        ("Sygil", png_texts(**{"SD:prompt": "a castle", "SD:seed": "7", "SD:steps": "30", "SD:cfg_scale": "7.5",
                               "SD:negative_prompt": "blurry", "SD:sampler_name": "k_lms"}),
         CASTLE | {"seed": 7, "steps": 30, "guidance": 7.5, "sampler": "k_lms"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_tools_file_is_read(tool, data, said):
    found = read_foreign(data)
    assert found.tool == tool
    assert {name: getattr(found, name) for name in said} == said


@pytest.mark.parametrize("kind", [b"stealth_pnginfo", b"stealth_pngcomp", b"stealth_rgbinfo", b"stealth_rgbcomp"])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_hidden_texts_are_found(kind, form):
    image = stealth(f"{{a}} castle 竜\nNegative prompt: blurry\n{LINE}", kind)
    found = read_foreign(encoded(form, image, **({"lossless": True, "exact": True} if form == "WEBP" else {})))
    assert (found.prompt, found.seed) == ("{a} castle 竜", 2**64 - 1)
    assert "hidden" in found.notes[-1]


def test_wrongly_stored_letters_inside_json_are_put_right_and_that_is_said():
    said = json.dumps(INVOKE | {"positive_prompt": "テスト".encode().decode("latin-1")})
    found = read_foreign(png_texts(invokeai_metadata=said))
    assert found.prompt == "テスト"
    assert "put right" in found.notes[0]


def test_lists_in_a_description_of_draw_things_stay_in_the_prompt():
    said = DESCRIPTION.replace("a castle", "a castle\n- of sand\n- by the sea", 1)
    found = read_foreign(png(text_chunk("XML:com.adobe.xmp", said, "iTXt")))
    assert (found.prompt, found.negative_prompt) == ("a castle\n- of sand\n- by the sea", "blurry")
    assert found.notes == ("Several lines begin with -; the last of them was taken for the negative prompt.",)


@pytest.mark.parametrize("head", [b"UNICODE\0", b"ASCII\0\0\0", b""])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_comments_are_read_in_every_encoding_behind_every_head(head, encoding, order):
    raw = head + f"a castle \u7adc\nNegative prompt: blurry\n{LINE}".encode(encoding)
    for block in (exif({0x9286: raw}, order), exif({}, order, {0x9286: raw})):
        assert read_foreign(encoded("JPEG", exif=block)).prompt == "a castle \u7adc"
