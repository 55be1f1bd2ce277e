import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.infotext import format_parameters, parse_parameters, to_request
from tests.gallery.samples import recipe

GIVEN = "p\nNegative prompt: n\nSteps: 20, Seed: 1, Size: 8x8"


def test_the_text_other_tools_expect():
    assert format_parameters(recipe()) == (
        "a red dragon <lora:ink:0.8>\n"
        "Negative prompt: blurry\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 42, Size: 768x512, "
        'Model: mini, RNG: CPU, Lora hashes: "ink: 8c6dd764ceff", Version: niji-studio-0.1.0'
    )


def test_the_negative_line_stands_there_even_when_empty():
    made = recipe(request={**recipe().request, "negative_prompt": ""})
    assert "\nNegative prompt: \nSteps: 20" in format_parameters(made)


def test_a_single_file_has_a_model_hash_and_a_folder_has_none():
    assert "Model hash" not in format_parameters(recipe())
    made = recipe(model={"name": "v2-1", "sha256": "ad2a33c361" + "0" * 54, "single_file": True})
    assert "Model hash: ad2a33c361, Model: v2-1," in format_parameters(made)


def test_values_with_commas_colons_or_line_ends_are_quoted():
    made = recipe(model={"name": 'mix: a, "b"\nc'})
    assert 'Model: "mix: a, \\"b\\"\\nc"' in format_parameters(made)
    assert parse_parameters(format_parameters(made))["Model"] == 'mix: a, "b"\nc'


def test_lora_names_lose_the_characters_that_would_end_them():
    made = recipe(loras=({"name": "a:b,<c>", "weight": 1.0, "sha256": "1" * 64},))
    assert "<lora:abc:1>" in format_parameters(made)
    assert parse_parameters(format_parameters(made))["Lora hashes"] == "abc: 111111111111"


def test_a_limit_drops_optional_fields_then_cuts_the_prompts():
    full = format_parameters(recipe())
    core = format_parameters(recipe(), len(full) - 1)
    assert core.endswith("Size: 768x512")
    short = format_parameters(recipe("🐉" * 20_000), 30_000)
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


@given(prompts, prompts, one_line, st.integers(0, 2**53), st.floats(1, 30))
def test_written_and_read_again(prompt, negative, model, seed, guidance):
    request = {**recipe().request, "prompt": prompt, "negative_prompt": negative, "guidance_scale": guidance}
    made = recipe(request=request, seed=seed, model={"name": model or "m"}, loras=())
    fields = parse_parameters(format_parameters(made))
    assert fields["Prompt"] == prompt
    assert fields["Negative prompt"] == negative
    read = to_request(fields)
    assert (read["seed"], read["num_inference_steps"]) == (seed, 20)
    assert read["guidance_scale"] == guidance
    assert (read["width"], read["height"], read["scheduler"]) == (768, 512, "DPM++ 2M Karras")


@given(st.text(max_size=400) | st.text('Steps: ,"{}[]\\\nNegative prompt:Model0123x', max_size=400))
def test_any_text_gives_fields(text):
    fields = parse_parameters(text)
    assert {"Prompt", "Negative prompt"} <= set(fields)
    assert all(isinstance(value, str) for value in fields.values())
    to_request(fields)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'Lora hashes: "a: 8c6d, b: 5a4b", Version: v1.10.1',
            {"Lora hashes": "a: 8c6d, b: 5a4b", "Version": "v1.10.1"},
        ),
        ("Model: real, ControlNet 0: Module: canny, Model: cn, Weight: 1", {"Model": "real"}),
        ("A: 1, Bb: 2", {"Bb": "2", "A": None}),
        ("foo.bar: 2", {"bar": "2"}),
        ('Title: "abc" def', {"Title": '"abc" def'}),
        ('Title: "broken \\x"', {"Title": '"broken \\x"'}),
        ("Xx: , Yy: 3", {"Xx": None, "Yy": "3"}),
        ("Twice: 1, Twice: 2", {"Twice": "2"}),
        ("Hires upscale: 2, Dimension: 10x20", {"Dimension-1": "10", "Dimension-2": "20"}),
        (
            'Hashes: {"vae": "1a", "lora:x": "2b", "model": "3c"}, Model: real',
            {"Hashes": '{"vae": "1a", "lora:x": "2b", "model": "3c"}', "Model": "real"},
        ),
        (
            'Civitai resources: [{"type":"checkpoint","modelName":"a, b: c"}], Civitai metadata: {}',
            {"Civitai resources": '[{"type":"checkpoint","modelName":"a, b: c"}]', "Civitai metadata": "{}"},
        ),
        ("Odd: {not json, Model: real", {"Odd": "{not json", "Model": "real"}),
    ],
)
def test_the_last_line_as_it_is_found_in_the_wild(line, expected):
    fields = parse_parameters(f"{GIVEN}, {line}")
    assert {key: fields.get(key) for key in expected} == expected
    assert (fields["Prompt"], fields["Negative prompt"], fields["Steps"]) == ("p", "n", "20")


def test_a_real_picture_of_another_tool():
    fields = parse_parameters(
        "portrait of anime girl with blue eyes, (crystal:1.3) ... atmospheric\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1919484475, Size: 768x768, "
        "Model hash: ad2a33c361, Model: v2-1_768-ema-pruned, ENSD: 3"
    )
    assert fields["Model"] == "v2-1_768-ema-pruned"
    assert fields["Negative prompt"] == ""
    request = to_request(fields)
    assert (request["seed"], request["width"], request["scheduler"]) == (1919484475, 768, "Euler a")


def test_fewer_than_three_pairs_are_prompt():
    assert parse_parameters("a cat\nmood: calm, light: soft")["Prompt"] == "a cat\nmood: calm, light: soft"


def test_three_pairs_in_the_last_line_are_taken_for_parameters_as_elsewhere():
    fields = parse_parameters("a flag\nred: 1, green: 2, blue: 3")
    assert fields["Prompt"] == "a flag"
    assert fields["green"] == "2"


def test_negative_and_steps_on_one_line():
    fields = parse_parameters("a cat\nNegative prompt: bad hands Steps: 20, Sampler: Euler, Seed: 5")
    assert (fields["Negative prompt"], fields["Steps"], fields["Seed"]) == ("bad hands", "20", "5")


def test_lines_after_the_parameters_are_passed_over():
    fields = parse_parameters(f"{GIVEN}\nTemplate: a {{cat|dog}}\nNegative Template: b")
    assert (fields["Prompt"], fields["Negative prompt"], fields["Seed"]) == ("p", "n", "1")


def test_lora_tags_of_every_spelling():
    request = to_request({"Prompt": "a <lora:one:0.8> cat <lora:two:0.6:0.4> <lora:three:unet=0.5><lora:four>"})
    assert request["prompt"] == "a cat"
    assert [(lora["name"], lora["weight"]) for lora in request["loras"]] == [
        ("one", 0.8), ("two", 0.6), ("three", 1.0), ("four", 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize("piece", ["a", "a ", "a: ", 'ab: "', "ab: [", "ab: {,", "[", "<lora:", "Steps: "])
@pytest.mark.timeout(60)  # quadratic time would take minutes
def test_long_hostile_text_is_read_in_passing(piece):
    assert to_request(parse_parameters(f"{GIVEN}, " + piece * 50_000))["prompt"] is not None


def test_windows_line_ends():
    assert parse_parameters(GIVEN.replace("\n", "\r\n"))["Negative prompt"] == "n"
