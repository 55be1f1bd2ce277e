import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.foreign.infotext import read
from gallery.infotext import parse_parameters

GIVEN = "p\nNegative prompt: n\nSteps: 20, Seed: 1, Size: 8x8"


@given(st.text(max_size=400) | st.text('Steps: ,"{}[]\\\nNegative prompt:Model0123x', max_size=400))
def test_any_text_gives_fields(text):
    fields = parse_parameters(text)
    assert {"Prompt", "Negative prompt"} <= set(fields)
    assert all(isinstance(value, str) for value in fields.values())
    read(text)


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
    assert (fields["Seed"], fields["Size-1"], fields["Sampler"]) == ("1919484475", "768", "Euler a")


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


@pytest.mark.parametrize("piece", ["a", "a ", "a: ", 'ab: "', "ab: [", "ab: {,", "[", "<lora:", "Steps: "])
@pytest.mark.timeout(60)  # quadratic time would take minutes
def test_long_hostile_text_is_read_in_passing(piece):
    assert read(f"{GIVEN}, " + piece * 50_000) is not None


def test_windows_line_ends():
    assert parse_parameters(GIVEN.replace("\n", "\r\n"))["Negative prompt"] == "n"
