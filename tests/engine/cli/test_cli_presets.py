"""Presets on the command line: saved, shown, used, removed."""

import json

import pytest

from engine.__main__ import main
from engine.cli.drawing import asked
from engine.errors import InvalidRequest
from engine.prompting.presets import preset_of, presets_of
from gallery.metadata import png_bytes
from tests.gallery.samples import picture, recipe

NOTHING = dict.fromkeys(("image", "mask", "extend", "strength", "fit", "feather", "area"))


@pytest.fixture
def run(studio, capsys):
    """Run a command on the test's studio; gives its code and what it said."""

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*words, "--home", str(studio.settings.home)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def saved(studio):
    """A preset with everything: a picture, a mask, a LoRA, an open seed."""
    image, mask = (studio.add_photo(png_bytes(picture(n, size=(64, 64)), recipe()), f"{n}.png") for n in (1, 2))
    values = {"kind": "inpaint", "image": image, "mask": mask, "strength": 0.7, "feather": 4, "area": "masked"}
    values |= {"prompt": "a lake", "styles": (), "loras": (("ink", 0.5),), "seed": None, "num_inference_steps": 9}
    presets_of(studio.settings.home).save("mine", preset_of({**values, "extend": (0, 8, 0, 0), "width": 64}))
    return {"image": image, "mask": mask}


def test_what_is_typed_goes_before_the_preset(studio, saved, tmp_path):
    kind, values = asked(studio, {"prompt": None, "num_inference_steps": 3}, NOTHING, "mine")
    assert kind == "inpaint"
    assert values == {
        **saved,
        "prompt": "a lake",
        "styles": [],
        "num_inference_steps": 3,
        "width": 64,
        "strength": 0.7,
        "loras": [{"name": "ink", "weight": 0.5}],
        "feather": 4,
        "area": "masked",
        "extend": [0, 8, 0, 0],
    }
    (tmp_path / "other.png").write_bytes(png_bytes(picture(3, size=(64, 64)), recipe()))
    start = {**NOTHING, "image": str(tmp_path / "other.png"), "strength": 0.0, "extend": "0,0,16,0"}
    _, values = asked(studio, {"prompt": "a hill"}, start, "mine")
    assert (values["prompt"], values["image"].name, values["mask"]) == ("a hill", "other.png", saved["mask"])
    assert (values["strength"], values["extend"]) == (0.0, (0, 0, 16, 0))
    with pytest.raises(InvalidRequest, match="--fit is about a picture that is drawn over as a whole"):
        asked(studio, {}, {**NOTHING, "fit": "pad"}, "mine")


@pytest.mark.parametrize(
    ("gone", "kind", "said"),
    [(("mask",), "inpaint", "mask, 2.png, is not here"), (("image", "mask"), "text_to_image", "from, 1.png, is not")],
)
def test_a_picture_that_is_gone_is_said_and_the_rest_applies(studio, saved, capsys, gone, kind, said):
    for field in gone:
        studio.photos.path(saved[field].id).unlink()
    found, values = asked(studio, {}, NOTHING, "mine")
    assert said in capsys.readouterr().err
    assert (found, values["num_inference_steps"]) == (kind, 9)
    assert not set(gone) & set(values)


def test_a_gallery_picture_whose_photo_was_swept_is_kept_anew(studio):
    start = studio.start_from(studio.gallery.save(picture(1), recipe()).id)
    presets_of(studio.settings.home).save("mine", preset_of({"kind": "image_to_image", "image": start}))
    studio.photos.path(start.id).unlink()
    assert asked(studio, {"prompt": "a"}, NOTHING, "mine") == ("image_to_image", {"prompt": "a", "image": start})
    assert studio.photos.path(start.id).is_file()


def test_the_settings_of_a_picture_go_from_studio_to_studio(studio, run, tmp_path):
    request = {"prompt": "a red lake", "prompt_template": "a {red|blue} lake", "styles": ["ink"], "scheduler": "UniPC"}
    request |= {"model": "mini", "width": 64, "height": 64}
    record = studio.gallery.save(picture(1), recipe("a red lake", request=request, seed=5))
    assert run("presets", "save", "mine", "--from", record.id)[:2] == (0, "mine\n")
    shown = run("presets", "show", "mine")[1]
    values = json.loads(shown)
    assert (values["prompt"], values["styles"], values["scheduler"]) == ("a {red|blue} lake", ["ink"], "UniPC")
    assert "seed" not in values
    (tmp_path / "p.json").write_text(shown)
    run("presets", "save", "copy", "--file", str(tmp_path / "p.json"), "--no-words")
    assert "prompt" not in presets_of(studio.settings.home).all()["copy"]
    assert run("presets", "save", "copy", "--from", record.id, "--seed", "--replace")[0] == 0
    assert presets_of(studio.settings.home).all()["copy"]["seed"] == 5
    assert [json.loads(line)["name"] for line in run("presets", "list", "--json")[1].splitlines()] == ["copy", "mine"]
    assert run("presets", "remove", "mine") == (0, "", "")
    assert run("presets", "list")[1] == "copy  a {red|blue} lake\n"


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("generate", "--preset", "none"), 1, "No preset is called 'none'. The presets are: 'bad', 'mine'."),
        (("generate", "--preset", "bad"), 1, "a LoRA name and weight; got image 'x', loras 'y'"),
        (("presets", "show", "bad"), 1, "got image 'x'"),
        (("presets", "remove", "none"), 1, "There is no preset called 'none'"),
        (("presets", "save", "a"), 2, "Name a picture with --from, or a --file"),
        (("presets", "save", "a", "--from", "nope"), 1, "No image has the id 'nope'"),
        (("presets", "save", "a", "--file", "{}/none.json"), 1, "cannot be read: No such file"),
        (("presets", "save", "a", "--file", "{}/list.json"), 1, "must be a JSON object"),
        (("presets", "save", "a", "--file", "{}/empty.json"), 1, "has no settings that a preset keeps"),
        (("presets", "save", "mine", "--file", "{}/one.json"), 1, "called 'mine' already"),
        (("presets", "save", "x" * 81, "--file", "{}/one.json"), 1, "1 to 80 characters; got 81"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, studio, saved, tmp_path, words, code, reason):
    for name, text in (("list", "[]"), ("empty", "{}"), ("one", '{"num_inference_steps": 3}')):
        (tmp_path / f"{name}.json").write_text(text)
    presets_of(studio.settings.home).save("bad", {"image": "x", "loras": "y"})
    told = run(*(word.replace("{}", str(tmp_path)) for word in words))
    assert (told[0], told[1], len(told[2].splitlines())) == (code, "", 1), told
    assert reason in told[2]
