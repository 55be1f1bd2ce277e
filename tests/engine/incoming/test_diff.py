from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from engine.diffusion.prompts.embeddings import Names
from engine.diffusion.prompts.grammar import PLAIN, WEIGHTED
from engine.diffusion.request import SEEDS
from engine.incoming.diff import Here, compare
from engine.incoming.embeddings import Called, renamed
from engine.incoming.fields import ASKS, CANNOT, DIFFERS, SAME
from engine.incoming.matching import Match
from engine.prompting.parsing import parse
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.hashes import file_sha256
from gallery.foreign.recipe import ForeignEmbedding, ForeignLora, ForeignRecipe
from tests.tiny import tiny_info
from tests.tiny_lora import lora_info

FORM = {
    "kind": "text_to_image",
    "prompt": "a lake",
    "negative_prompt": "",
    "prompt_syntax": "a1111",
    "styles": (),
    "seed": None,
    "num_inference_steps": 25,
    "guidance_scale": 7.5,
    "scheduler": "DDIM",
    "width": 64,
    "height": 64,
    "model": "mini",
    "loras": [],
}


@pytest.fixture
def here(tmp_path):
    """A tiny model in a folder, a single file, and two LoRAs, of which one is for another base."""
    wai = tmp_path / "waiXL.safetensors"
    wai.write_bytes(bytes(100))
    for name in ("ink", "sdxl_ink"):
        (tmp_path / f"{name}.safetensors").write_bytes(bytes(100))
    loras = [
        lora_info(tmp_path / "ink.safetensors", preferred_weight=0.7),
        lora_info(tmp_path / "sdxl_ink.safetensors", base="Stable Diffusion XL", cross_attention_dim=2048),
    ]
    models = [tiny_info(tmp_path / "mini"), tiny_info(wai, name="wai", title="Wai")]
    return Here(models, loras, tmp_path / "hashes.json")


def rows(here, form=None, **told):
    recipe = ForeignRecipe("AUTOMATIC1111", **told)
    return {row.name: row for row in compare(recipe, FORM | (form or {}), here)}


def test_a_recipe_that_is_in_the_form_already_is_the_same_in_every_field(here):
    told = {"prompt": "a lake", "steps": 25, "guidance": 7.5, "sampler": "DDIM", "width": 64, "height": 64}
    found = rows(here, {"seed": 7, "loras": [("ink", 0.7)]}, **told, seed=7, model="mini", loras=(ForeignLora("INK"),))
    assert {row.state for row in found.values()} == {SAME}
    assert len(found) == 9


def test_what_a_recipe_does_not_say_has_no_row(here):
    assert list(rows(here, prompt="a hill")) == ["prompt", "negative_prompt"]
    assert rows(here) == {}


@pytest.mark.parametrize(
    ("told", "name", "values"),
    [
        ({"seed": SEEDS - 1}, "seed", {"seed": SEEDS - 1}),
        ({"seed": 0}, "seed", {"seed": 0}),
        ({"steps": 150}, "num_inference_steps", {"num_inference_steps": 150}),
        ({"guidance": 0.0}, "guidance_scale", {"guidance_scale": 0.0}),
        ({"width": 128, "height": 72}, "size", {"width": 128, "height": 72}),
        ({"sampler": "dpmpp_2m", "schedule": "karras"}, "scheduler", {"scheduler": "DPM++ 2M Karras"}),
        ({"model": "WAIXL.safetensors"}, "model", {"model": "wai"}),
        ({"loras": (ForeignLora("ink", -0.5),)}, "lora_0", {"lora": ("ink", -0.5)}),
        ({"loras": (ForeignLora("ink"),)}, "lora_0", {"lora": ("ink", 0.7)}),
    ],
)
def test_what_can_be_taken(here, told, name, values):
    row = rows(here, **told)[name]
    assert (row.state, row.values) == (DIFFERS, values)


@pytest.mark.parametrize(
    ("told", "name", "said"),
    [
        ({"prompt": "a" * 4001}, "prompt", "4001"),
        ({"prompt": "(a:99)"}, "prompt", "-10 to 10"),
        ({"seed": SEEDS}, "seed", "whole number from 0 to"),
        ({"steps": 151}, "num_inference_steps", "1 to 150; got 151"),
        ({"steps": 0}, "num_inference_steps", "got 0"),
        ({"guidance": 31.0}, "guidance_scale", "0 to 30; got 31"),
        ({"sampler": "DPM++ 2M SDE", "schedule": "Karras"}, "scheduler", "has no counterpart here"),
        ({"sampler": "LCM", "steps": 60}, "scheduler", "LCM has no more"),
        ({"model": "gone", "model_hash": "a5f58eb1c3"}, "model", "No model of this name is here"),
        ({"loras": (ForeignLora("gone", 1.0),)}, "lora_0", "No LoRA of this name or hash is here."),
        ({"loras": (ForeignLora("ink", 3.0),)}, "lora_0", "-2 to 2; got 3"),
        ({"loras": (ForeignLora("sdxl_ink", 1.0),)}, "lora_0", "made for Stable Diffusion XL; mini is custom"),
        ({"strength": 0.4}, "strength", "choose one under “Start from”"),
        ({"clip_skip": 2}, "clip_skip", "trained with"),
    ],
)
def test_what_cannot_be_taken_says_the_rule_and_changes_nothing(here, told, name, said):
    row = rows(here, **told)[name]
    assert (row.state, row.values) == (CANNOT, {})
    assert said in row.said


def test_a_model_of_the_same_name_with_another_hash_is_taken_only_where_the_artist_says_so(here):
    model = here.models[1]
    file_sha256(model.path, here.hashes)
    row = rows(here, model="waiXL", model_hash="f0" * 5)["model"]
    assert (row.state, row.values) == (ASKS, {"model": "wai"})
    assert row.links

    digits = file_sha256(model.path)[:10]
    assert rows(here, model="renamed", model_hash=digits)["model"].state == DIFFERS


def test_a_sampler_with_another_schedule_is_taken_only_where_the_artist_says_so(here):
    row = rows(here, sampler="euler_ancestral", schedule="karras")["scheduler"]
    assert (row.state, row.becomes, row.values) == (ASKS, "Euler a", {"scheduler": "Euler a"})


def test_sizes_are_held_to_the_model_that_comes_and_not_to_the_one_that_goes(here):
    large = replace(here, models=[here.models[0], replace(here.models[1], max_size=2048)])
    assert rows(large, width=1024, height=1024, model="wai")["size"].state == DIFFERS
    assert rows(large, width=1024, height=1024, model="gone")["size"].state == ASKS


@pytest.mark.parametrize(
    ("told", "fitted"),
    [((1024, 1024), (64, 64)), ((832, 1216), (56, 80)), ((65, 64), (64, 64)), ((10**9, 1), (128, 32))],
)
def test_a_size_that_the_model_does_not_draw_is_offered_in_its_shape_and_not_taken_by_itself(here, told, fitted):
    row = rows(here, width=told[0], height=told[1])["size"]
    assert (row.state, row.values) == (ASKS, dict(zip(("width", "height"), fitted, strict=True)))
    assert "mini draws sides of 32 to 128 pixels in steps of 8." in row.said


def test_loras_beyond_the_recipe_are_a_row_of_their_own(here):
    row = rows(here, {"loras": [("ink", 0.5), ("mist", 1.0)]}, loras=(ForeignLora("ink", 0.5),))["loras_off"]
    assert (row.current, row.values) == ("mist 1", {"loras_off": ("mist",)})


def test_a_variation_of_the_form_is_none_of_the_recipe(here):
    row = rows(here, {"variation_strength": 0.2, "variation_seed": 5}, seed=7)["variation"]
    assert (row.current, row.values) == ("0.2", {"variation": (0.0, None)})


def test_a_form_that_starts_from_a_picture_starts_from_nothing_after_a_drawing_from_words(here):
    started = {"kind": "image_to_image", "strength": 0.5}
    assert rows(here, started, prompt="x")["start"].values == {"start_from_nothing": True}
    found = rows(here, started, prompt="x", strength=0.4)
    assert found["strength"].values == {"strength": 0.4}
    assert "start" not in found


def test_words_come_as_characters_read_with_weights_and_without_the_styles_chosen(here):
    row = rows(here, {"styles": ("Watercolour",)}, prompt="a {red|blue} (hill:1.2)\r\n__night__")["prompt"]
    assert row.values["prompt_syntax"] == "a1111"
    assert row.values["styles"] == []
    assert "".join(parse(row.values["prompt"])) == "a {red|blue} (hill:1.2)\n__night__"
    assert "Watercolour" in row.said


def test_the_same_words_that_are_read_in_another_way_are_not_the_same(here):
    recipe = ForeignRecipe("Niji Studio", prompt="a lake")
    prompt, negative = compare(recipe, FORM, here, "plain")
    assert (prompt.state, prompt.values["prompt_syntax"], negative.state) == (DIFFERS, "plain", SAME)
    assert "brackets are characters" in prompt.said


@pytest.mark.parametrize(
    ("tool", "prompt", "said"),
    [
        ("ComfyUI", "a (red:1.2) hill", "in another way"),
        ("ComfyUI", "a red hill", ""),
        ("InvokeAI", "a red++ hill", "'++'"),
        ("InvokeAI", "a (red hill)1.3", "')1.3'"),
        ("InvokeAI", "a well-known hill, 2-3 trees", ""),
        ("NovelAI", "a {red} hill", "{braces}"),
        ("NovelAI", "a 1.2::red hill::", "1.2::words::"),
        ("AUTOMATIC1111", "a (red:1.2) hill++ {x}", ""),
    ],
)
def test_signs_of_weight_that_are_read_in_another_way_are_said(here, tool, prompt, said):
    (row, _) = compare(ForeignRecipe(tool, prompt=prompt), FORM, here)
    assert row.state == DIFFERS
    assert said in row.said
    assert bool(said) == bool(row.said)


@pytest.mark.parametrize("sides", [(2**63, 512), (512, 16_400), (512, 9)])
def test_a_size_that_no_model_draws_is_not_taken_where_the_models_own_sizes_are_not_known(here, sides):
    """The browser's number fields break on numbers beyond 2**53."""
    unknown = Here([replace(model, native_size=0) for model in here.models], here.loras, here.hashes)
    found = rows(unknown, width=sides[0], height=sides[1])["size"]
    assert (found.state, found.values) == (CANNOT, {})
    assert "8" in found.said
    assert rows(unknown, width=512, height=16_000)["size"].state == DIFFERS


def comfy(here, prompt, syntax=WEIGHTED, tool="ComfyUI"):
    """The rows of a prompt; embeddings here are one that fits the model, one of odd name, and one that does not fit."""
    width = here.models[0].cross_attention_dim
    infos = [EmbeddingInfo(name, Path(f"{name}.safetensors"), 1, width) for name in ("EasyNegative", "five (2)")]
    infos.append(EmbeddingInfo("wide", Path("wide.safetensors"), 1, width + 1))
    found = compare(ForeignRecipe(tool, prompt), FORM, replace(here, embeddings=infos), syntax)
    return infos, {row.name: row for row in found}


@pytest.mark.parametrize("syntax", [WEIGHTED, PLAIN])
@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a hill, embedding:easynegative, fog", "EasyNegative"),
        ("a hill (embedding:bad/EASYNEGATIVE.pt:1.2)", "EasyNegative"),
        ("<embed:EasyNegative>", "EasyNegative"),
        ("a hill <embedding:five (2):1>", "five (2)"),
    ],
)
def test_an_embedding_that_is_here_is_called_by_the_name_it_has_here(here, prompt, name, syntax):
    infos, found = comfy(here, prompt, syntax)
    words = found["prompt"].values["prompt"]
    assert "embed" not in words
    assert [info.name for info in Names(infos).used([words], syntax)] == [name]
    assert (found["embedding_0"].state, found["embedding_0"].becomes) == (SAME, f"<{name}>")


def test_an_embedding_that_is_missing_or_does_not_fit_is_said_and_its_words_stay(here):
    prompt = "a hill, embedding:gone, embedding:wide, embedding:gone"
    _, found = comfy(here, prompt)
    assert found["prompt"].values["prompt"] == prompt
    assert [found[f"embedding_{place}"].state for place in (0, 1)] == [CANNOT, CANNOT]
    assert "No embedding of this name" in found["embedding_0"].said
    assert found["embedding_0"].links
    assert "vectors as long as" in found["embedding_1"].said
    assert "embedding_2" not in found


def test_names_that_are_words_of_each_other_are_each_called_by_their_own():
    names = {"bad": "other", "ink": "my bad ink", "bad hands": "hands-2"}
    every = [Called(sign, sign, bare=True, match=Match(name, sure=True)) for sign, name in names.items()]
    prompt = "ink, Bad Hands, (bad:1.2), badly, <bad>"
    assert renamed(prompt, every, WEIGHTED) == "<my bad ink>, <hands-2>, (<other>:1.2), badly, <bad>"


def test_another_tools_words_are_no_calls_of_embeddings(here):
    _, found = comfy(here, "embedding:easynegative", tool="AUTOMATIC1111")
    assert list(found) == ["prompt", "negative_prompt"]
    assert found["prompt"].values["prompt"] == "embedding:easynegative"


BAD, OTHER = b"bad", b"another"


@pytest.fixture
def listed(here, tmp_path):
    """Rows of a picture of AUTOMATIC1111 that lists an embedding; the files here are of these contents."""

    def listed(prompt, digits, syntax=WEIGHTED, **files):
        infos, width = [], here.models[0].cross_attention_dim
        for name, content in files.items():
            path = tmp_path / f"{name}.safetensors"
            path.write_bytes(content)
            file_sha256(path, here.hashes)
            infos.append(EmbeddingInfo(name, path, 1, width))
        recipe = ForeignRecipe("AUTOMATIC1111", prompt, embeddings=(ForeignEmbedding("Bad-hands", digits),))
        found = compare(recipe, FORM, replace(here, embeddings=infos), syntax)
        return {row.name: row for row in found}

    return listed


@pytest.mark.parametrize("syntax", [WEIGHTED, PLAIN])
def test_a_listed_embedding_is_found_by_its_hash_under_another_name(listed, syntax):
    found = listed("a hill, (bad-hands:1.2), not bad-handsome", sha256(BAD).hexdigest()[:12], syntax, mine=BAD)
    row = found["embedding_0"]
    assert (row.state, row.becomes) == (SAME, "<mine>")
    assert row.incoming == f"Bad-hands ({sha256(BAD).hexdigest()[:12]})"
    assert "Found by its hash." in row.said
    assert found["prompt"].values["prompt"] == "a hill, (<mine>:1.2), not bad-handsome"


@pytest.mark.parametrize(
    ("digits", "files", "state", "said"),
    [
        (BAD, {"bad-hands": BAD, "mine": OTHER}, SAME, "Found by its hash."),
        (b"", {"bad-hands": OTHER}, SAME, "Found by its name; the picture tells no hash."),
        (BAD, {"bad-hands": OTHER}, CANNOT, "its hash is another one"),
        (BAD, {"mine": OTHER}, CANNOT, "No embedding of this name or hash is here."),
    ],
)
def test_a_listed_embedding_is_sought_by_hash_then_by_name_and_what_is_missing_is_said(
    listed, digits, files, state, said
):
    found = listed("a hill, bad-hands", sha256(digits).hexdigest()[:12] if digits else "", **files)
    row = found["embedding_0"]
    assert row.state == state
    assert said in row.said
    assert found["prompt"].values["prompt"] == "a hill, bad-hands"
    assert bool(row.links) == (state == CANNOT)
    assert ("calls the one that is here" in row.said) == ("another one" in said)
