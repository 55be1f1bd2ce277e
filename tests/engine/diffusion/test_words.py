"""What other tools read in a drawn picture."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diffusion.words import describe, parameters_of
from engine.incoming.samplers import counterpart
from gallery.foreign.infotext import read
from gallery.foreign.recipe import ForeignRecipe
from gallery.infotext import format_parameters, parse_parameters
from tests.gallery.samples import recipe


def scheduler_of(found: ForeignRecipe) -> str:
    """What the studio makes of the sampler and schedule that it wrote."""
    return counterpart(found.sampler, found.schedule).name


def test_it_is_called_by_its_prompt():
    words = describe(recipe())
    assert (words.title, words.negative_prompt) == ("a red dragon", "blurry")


def test_the_text_other_tools_expect():
    assert format_parameters(parameters_of(recipe())) == (
        "a red dragon <lora:ink:0.8>\n"
        "Negative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 42, Size: 768x512, "
        'Model: mini, RNG: CPU, Lora hashes: "ink: 8c6dd764ceff", Version: niji-studio-0.1.0'
    )


@pytest.mark.parametrize(
    ("scheduler", "guidance", "said"),
    [
        ("Turbo", 0.0, "Steps: 20, Sampler: Euler, Schedule type: SGM Uniform, CFG scale: 1, Seed: 42"),
        ("LCM", 0.5, "Steps: 20, Sampler: LCM, CFG scale: 1, Seed: 42"),
        ("LCM", 1.5, "Steps: 20, Sampler: LCM, CFG scale: 1.5, Seed: 42"),
    ],
)
def test_few_steps_in_the_words_of_other_tools(scheduler, guidance, said):
    """There a guidance of 0 draws the negative prompt alone; without guidance is 1."""
    request = {**recipe().request, "scheduler": scheduler, "guidance_scale": guidance}
    text = format_parameters(parameters_of(recipe(request=request)))
    assert said in text
    assert scheduler_of(read(text)) == scheduler


def test_the_negative_line_stands_there_even_when_empty():
    made = recipe(request={**recipe().request, "negative_prompt": ""})
    assert "\nNegative prompt: \nSteps: 20" in format_parameters(parameters_of(made))


def test_a_single_file_has_a_model_hash_and_a_folder_has_none():
    assert "Model hash" not in format_parameters(parameters_of(recipe()))
    made = recipe(model={"name": "v2-1", "sha256": "ad2a33c361" + "0" * 54, "single_file": True})
    assert "Model hash: ad2a33c361, Model: v2-1," in format_parameters(parameters_of(made))


def test_values_with_commas_colons_or_line_ends_are_quoted():
    made = recipe(model={"name": 'mix: a, "b"\nc'})
    assert 'Model: "mix: a, \\"b\\"\\nc"' in format_parameters(parameters_of(made))
    assert parse_parameters(format_parameters(parameters_of(made)))["Model"] == 'mix: a, "b"\nc'


def test_lora_names_lose_the_characters_that_would_end_them():
    made = recipe(loras=({"name": "a:b,<c>", "weight": 1.0, "sha256": "1" * 64},))
    assert "<lora:abc:1>" in format_parameters(parameters_of(made))
    assert parse_parameters(format_parameters(parameters_of(made)))["Lora hashes"] == "abc: 111111111111"


@pytest.mark.parametrize("tag", ["<lora:ink:1>", "<lyco:x:0.5:0.2>", "<hypernet:y:1>", "<lora:a><lora:b:2>"])
def test_a_typed_tag_does_not_look_applied(tag):
    request = {**recipe().request, "prompt": f"a red dragon {tag}", "negative_prompt": tag}
    made = recipe(request=request, loras=({"name": "real", "weight": 0.5, "sha256": "1" * 64},))
    text = format_parameters(parameters_of(made))
    fields = parse_parameters(text)

    assert tag not in str(fields)
    assert [lora.name for lora in read(text).loras] == ["real"]
    assert not re.findall(r"<(\w+):([^>]+)>", fields["Negative prompt"])  # what AUTOMATIC1111 looks for
    assert re.findall(r"<(\w+):([^>]+)>", fields["Prompt"]) == [("lora", "real:0.5")]
    assert fields["Prompt"].replace("< ", "<") == f"a red dragon {tag} <lora:real:0.5>"
    assert (describe(made).title, made.prompt) == (request["prompt"], request["prompt"])


def test_brackets_of_a_plain_prompt_are_marked_as_characters_and_weights_stay():
    request = {**recipe().request, "prompt": r"a (red:1.2) [sky] \o/", "negative_prompt": "(fog)"}
    for syntax, prompt, negative in (
        (None, r"a \(red:1.2\) \[sky\] \\o/", r"\(fog\)"),
        ("plain", r"a \(red:1.2\) \[sky\] \\o/", r"\(fog\)"),
        ("a1111", request["prompt"], "(fog)"),
    ):
        made = recipe(request={**request, "prompt_syntax": syntax}, loras=())
        fields = parse_parameters(format_parameters(parameters_of(made)))
        assert (fields["Prompt"], fields["Negative prompt"]) == (prompt, negative)


def test_a_limit_drops_optional_fields_then_cuts_the_prompts():
    full = format_parameters(parameters_of(recipe()))
    core = format_parameters(parameters_of(recipe()), len(full) - 1)
    assert core.endswith("Size: 768x512")
    short = format_parameters(parameters_of(recipe("🐉" * 20_000)), 30_000)
    assert len(short.encode("utf-16-be")) // 2 <= 30_000
    assert short.startswith("🐉" * 5000)
    assert parse_parameters(short)["Steps"] == "20"


one_line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60).map(str.strip)
prompts = (
    st.lists(one_line, min_size=1, max_size=3)
    .map("\n".join)
    .map(str.strip)
    .filter(lambda text: "Negative prompt:" not in text)
)


@given(prompts, prompts, one_line, st.integers(0, 2**64 - 1), st.floats(1, 30))
def test_written_and_read_again(prompt, negative, model, seed, guidance):
    request = {**recipe().request, "prompt": prompt, "negative_prompt": negative, "guidance_scale": guidance}
    request["prompt_syntax"] = "a1111"
    made = recipe(request=request, seed=seed, model={"name": model or "m"}, loras=())
    text = format_parameters(parameters_of(made))
    fields = parse_parameters(text)
    assert fields["Prompt"] == prompt
    assert fields["Negative prompt"] == negative
    found = read(text)
    assert (found.seed, found.steps, found.guidance) == (seed, 20, guidance)
    assert (found.width, found.height, scheduler_of(found)) == (768, 512, "DPM++ 2M Karras")
