"""Which models and LoRAs were made for few steps, what decides it, and how an artist says it."""

import json

import pytest
from safetensors.numpy import load_file, save_file

from engine.errors import InvalidRequest
from engine.weights.facts import folder_info
from engine.weights.loras import list_loras
from engine.weights.models import Catalogue
from engine.weights.single_file import file_info

TURBO, LCM = "turbo", "lcm"
UNET, SCHEDULER, INDEX = "unet/config.json", "scheduler/scheduler_config.json", "model_index.json"


def change(folder, file, **values):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


# Name of the folder, what its files say beside the usual; how few steps, and a part of the note.
FOLDERS = {
    "ordinary": ("castles", {}, "", ""),
    "turbo by name": ("sd-turbo", {}, TURBO, "in 1 to 4 steps without guidance (Turbo): its name says 'sd-turbo'"),
    "a word of the name": ("AnimeTurbo", {}, TURBO, "'turbo'"),
    "a part of a word": ("turbocharged", {}, "", ""),
    "where it is from": ("mine", {INDEX: {"_name_or_path": "stabilityai/sd-turbo"}}, TURBO, "'sd-turbo'"),
    "from somebody's folder": ("mine", {UNET: {"_name_or_path": "/turbo/v2-1"}}, "", ""),
    "lcm by its UNet": ("mine", {UNET: {"time_cond_proj_dim": 256}}, LCM, "in 4 to 8 steps (LCM): its UNet is told"),
    "lcm by its scheduler": ("mine", {SCHEDULER: {"_class_name": "LCMScheduler"}}, LCM, "names LCMScheduler"),
    "lcm by name": ("LCM_Dreamshaper_v7", {INDEX: {"_class_name": "LatentConsistencyModelPipeline"}}, LCM, "'lcm'"),
    "both words": ("turbo-lcm", {}, LCM, "'lcm'"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_tells_for_how_few_steps_it_was_made(save_model, tmp_path, case):
    name, said, few_steps, note = FOLDERS[case]
    folder = save_model(tmp_path / name)
    for file, values in said.items():
        change(folder, file, **values)
    info = folder_info(name, folder)
    assert (info.available, info.problem, info.few_steps) == (True, "", few_steps)
    assert note in info.note
    assert bool(info.note) == bool(note)
    assert info.guidance_embedding == ("time_cond_proj_dim" in said.get(UNET, {}))


def test_the_published_turbo_model_is_known_by_its_repository(save_model, settings, tmp_path):
    folder = save_model(tmp_path / "models--stabilityai--sd-turbo/snapshots/b335f7", 1024, 64, 4, "epsilon")
    info = Catalogue(settings).add(str(folder.parent.parent), "mine")
    assert (info.few_steps, info.native_size, info.prediction_type) == (TURBO, 512, "epsilon")


def test_a_broken_width_of_the_guidance_is_said(save_model, tmp_path):
    folder = save_model(tmp_path / "mine")
    change(folder, UNET, time_cond_proj_dim="wide")
    assert "time_cond_proj_dim must be a whole number" in folder_info("mine", folder).problem


@pytest.mark.parametrize(
    ("name", "metadata", "few_steps", "note"),
    [
        ("sd_turbo", {}, TURBO, "predicts noise (epsilon): SD-Turbo models do. It draws in 1 to 4 steps"),
        ("x", {"modelspec.title": "SD Turbo"}, TURBO, "metadata say so (modelspec.title: SD Turbo)"),
        ("x", {"modelspec.title": "My LCM merge"}, LCM, "in 4 to 8 steps"),
        ("sd_turbo-vpred", {}, TURBO, "its name says 'vpred'"),
        ("x", {}, "", "Neither the file nor its name"),
    ],
)
def test_a_single_file_tells_it_by_metadata_or_name(save_checkpoint, tmp_path, name, metadata, few_steps, note):
    path = save_checkpoint(tmp_path / f"{name}.safetensors")
    save_file(load_file(path), path, metadata)
    info = file_info(name, path)
    assert (info.available, info.few_steps) == (True, few_steps)
    assert note in info.note
    assert (info.prediction_type, info.native_size) == (
        ("epsilon", 512) if few_steps == TURBO and name != "sd_turbo-vpred" else ("v_prediction", 768)
    )


def test_an_artist_says_it_of_a_folder_and_of_a_file(save_model, save_checkpoint, settings):
    weights = settings.home / "weights"
    save_model(weights / "folder")
    save_checkpoint(weights / "file.safetensors")
    catalogue = Catalogue(settings)
    for name in ("folder", "file"):
        before = catalogue.get(name)
        info = catalogue.say_few_steps(name, TURBO)
        assert (info.few_steps, info.added, "you said so" in info.note) == (TURBO, False, True)
        assert catalogue.say_few_steps(name, None) == before
    assert json.loads((weights / "models.json").read_text()) == {}
    catalogue.correct("file", "epsilon")
    catalogue.say_few_steps("file", LCM)
    assert (catalogue.get("file").prediction_type, catalogue.get("file").few_steps) == ("epsilon", LCM)
    assert catalogue.correct("file", None).few_steps == LCM


def test_an_artist_says_that_a_name_means_nothing(save_model, settings, tmp_path):
    folder = save_model(tmp_path / "turbo-diesel")
    info = Catalogue(settings).add(str(folder), few_steps="none")
    assert (info.few_steps, info.added) == ("", True)
    assert "an ordinary model, not one for few steps: you said so" in info.note


def test_it_is_said_of_a_hub_model_before_and_after_it_is_fetched(save_model, settings, tmp_path):
    weights = settings.home / "weights"
    weights.mkdir(parents=True)
    pointers = {"a": {"hub_id": "stabilityai/sd-turbo"}, "b": {"hub_id": "someone/fast", "few_steps": LCM}}
    (weights / "models.json").write_text(json.dumps(pointers))
    catalogue = Catalogue(settings)
    assert [catalogue.get(name).few_steps for name in "ab"] == [TURBO, LCM]
    for name in "ab":
        save_model(weights / name)
    assert [(catalogue.get(name).few_steps, catalogue.get(name).hub_id != "") for name in "ab"] == [
        (TURBO, True),
        (LCM, True),
    ]
    assert catalogue.say_few_steps("a", "none").few_steps == ""


def test_what_cannot_be_said_is_refused_in_words(save_model, settings):
    save_model(settings.weights_dir / "mini")
    catalogue = Catalogue(settings)
    for name, said, text in (
        ("mini", TURBO, "'mini' ships with the studio"),
        ("sd21", TURBO, "'sd21' is not on this machine"),
        ("mini", "quick", "one of turbo, lcm, none; got 'quick'"),
    ):
        with pytest.raises(InvalidRequest, match=text):
            catalogue.say_few_steps(name, said)


def test_a_wrong_word_in_models_json_is_said(save_model, settings):
    folder = save_model(settings.home / "weights/own")
    pointers = {"own": {"path": str(folder), "few_steps": ["turbo"]}}
    (settings.home / "weights/models.json").write_text(json.dumps(pointers))
    assert "few_steps must be one of turbo, lcm, none; got" in Catalogue(settings).get("own").problem


@pytest.mark.parametrize("style", ["kohya", "diffusers", "peft"])
@pytest.mark.parametrize(
    ("path", "metadata", "notes", "few_steps"),
    [
        ("lcm-lora-sdv1-5.safetensors", None, None, LCM),
        ("lcm-lora-sdv1-5/pytorch_lora_weights.safetensors", None, None, LCM),
        ("fast.safetensors", {"ss_output_name": "sd21_lcm_v2"}, None, LCM),
        ("fast.safetensors", None, {"few_steps": "lcm"}, LCM),
        ("fast.safetensors", None, {"few_steps": "turbo"}, TURBO),
        ("my_sd_turbo.safetensors", None, None, TURBO),
        ("fast.safetensors", {"niji_few_steps": "turbo"}, None, TURBO),
        ("fast.safetensors", {"niji_few_steps": "soon"}, None, ""),
        ("lightning.safetensors", None, None, ""),
        ("lcm.safetensors", None, {"few_steps": "none"}, ""),
        ("turbo-car.safetensors", None, None, ""),
    ],
)
def test_a_lora_for_few_steps(save_lora, tmp_path, style, path, metadata, notes, few_steps):
    saved = save_lora(tmp_path / path, style=style, metadata=metadata)
    if notes:
        saved.with_suffix(".json").write_text(json.dumps(notes))
    (lora,) = list_loras([tmp_path])
    assert (lora.problem, lora.few_steps) == ("", few_steps)
