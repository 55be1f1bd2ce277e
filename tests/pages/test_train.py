from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.datasets.reading import read_dataset
from engine.lora.requests import TrainLora
from engine.lora.runs import config
from engine.lora.runs.plan import read_plan
from engine.metrics.published.catalogue import captioner
from tests.pages.helpers import button, jumps, texts
from tests.tiny_blip import save_blip


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Twenty captioned pictures, and presets that end within seconds."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(20):
        pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.NEAREST).save(folder / f"{seed:02}.png")
        (folder / f"{seed:02}.txt").write_text(f"a castle number {seed}")
    quick = {"rank": 2, "steps": 2, "warmup_steps": 1, "held_out_every": 1, "validation_every": 0}
    for name, preset in config.PRESETS.items():
        monkeypatch.setitem(config.PRESETS, name, replace(preset, gradient_accumulation=1, **quick))
    return folder


def open_with(open_page, folder):
    page = open_page("train")
    page.query_params["dataset"] = str(folder)
    return page.run()


def text_of(page):
    return "\n".join(texts(part) for part in (page.markdown, page.caption)).replace("\\", "")


def test_an_empty_page_says_what_to_bring(open_page):
    page = open_page("train")
    assert "captions in any usual layout" in text_of(page)
    assert "Nothing was trained yet" in text_of(page)


def test_from_pictures_to_a_lora_and_the_way_to_its_evaluation(open_page, studio, pictures, work):
    page = open_with(open_page, pictures)
    assert "20 of 20 captions found" in text_of(page)
    assert "16 pictures to train on, 4 held out" in text_of(page)
    page.text_input(key="lora_name").set_value("castles").run()
    button(page, "Train").click().run()
    assert not page.exception

    (job,) = studio.jobs()
    assert isinstance(job.request, TrainLora)
    work()
    page.run()
    assert "Finished after 2 of 2 steps (0.12 of 0.12 epochs). Held-out loss" in text_of(page)
    assert "castles" in [info.name for info in studio.loras()]

    assert "best held out **0." in text_of(page)
    assert "Best checkpoint:" in text_of(page)
    assert [part.proto.label for part in page.get("download_button")] == ["Event files"]
    links = {link.proto.label: link.proto.query_string for link in page.get("page_link")}
    assert "lora=castles" in links["Does it help? Evaluate it"]
    assert len(links) == 2  # the other leads to choosing a checkpoint by eye


def test_the_page_shows_what_the_model_will_see(open_page, studio, pictures):
    page = open_with(open_page, pictures)
    assert len(page.get("image")) == 3 * (1 + 4)
    assert "scaled to 64 pixels" in text_of(page)
    page.toggle(key="crop_recommended").set_value(False)
    page.slider(key="flip_recommended").set_value(100)
    page.slider(key="jitter_recommended").set_value(20)
    page.text_area(key="set_validation_prompt_recommended").set_value("a long prompt")
    page.selectbox(key="set_optimizer_recommended").set_value("adafactor")
    page.selectbox(key="set_held_out_every_recommended_how").set_value("Every epoch")
    page.number_input(key="set_batch_size_recommended").set_value(4).run()
    assert not page.exception
    assert "2 steps of 4 pictures, 0.5 epochs" in text_of(page)
    button(page, "Train").click().run()
    config = read_plan(studio.settings.runs_dir / studio.jobs()[0].request.run).config
    assert (config.random_crop, config.horizontal_flip, config.color_jitter) == (False, 1.0, 0.2)
    assert config.resolution is None  # the model's own
    assert (config.validation_prompt, config.optimizer) == ("a long prompt", "adafactor")
    assert (config.batch_size, config.held_out_every) == (4, None)

    page.number_input(key="resolution_64").set_value(100).run()
    assert "The resolution must be a multiple of 8" in texts(page.error).replace("\\", "")
    assert jumps(page) == ["resolution_"]


def test_what_blocks_training_is_said_and_nothing_begins(open_page, studio, pictures):
    (pictures / "03.txt").unlink()
    page = open_with(open_page, pictures)
    assert "19 of 20 captions found" in text_of(page)
    assert button(page, "Train").disabled
    assert not studio.jobs()


def test_a_paused_run_can_go_on(open_page, studio, pictures):
    page = open_with(open_page, pictures)
    button(page, "Train").click().run()
    (job,) = studio.jobs()
    studio.cancel(job.id)
    page.run()
    assert "Paused after 0 of 2 steps" in text_of(page)
    page.button(key=f"go_on_{job.request.run}").click().run()
    assert studio.jobs()[0].request == job.request


def test_many_captions_are_changed_after_a_preview_and_back_again(open_page, studio, pictures):
    page = open_with(open_page, pictures)
    page.segmented_control(key="caption_way").set_value("Find and replace").run()
    page.text_input(key="caption_find").set_value("castle")
    page.text_input(key="caption_replace").set_value("tower").run()
    (preview,) = page.dataframe
    assert list(preview.value.iloc[0]) == ["00.png", "a castle number 0", "a tower number 0"]
    assert (pictures / "00.txt").read_text() == "a castle number 0"
    assert not (pictures / "captions.csv").exists()
    button(page, "Change 20 captions").click().run()
    assert read_dataset(pictures).pictures[0].caption == "a tower number 0"
    assert "No caption would change." in text_of(page)
    button(page, "Undo").click().run()
    assert not page.exception
    assert read_dataset(pictures).pictures[0].caption == "a castle number 0"
    assert button(page, "Redo")


def test_wrong_values_and_folders_are_said(open_page, studio, pictures):
    page = open_with(open_page, Path("/nowhere/at/all"))
    assert "/nowhere/at/all" in texts(page.error).replace("\\", "")
    assert jumps(page) == ["way"]
    page.query_params["dataset"] = str(pictures)
    page.run()
    page.text_input(key="lora_name").set_value("a/b").run()
    button(page, "Train").click().run()
    assert "A LoRA's name has 1 to 64 letters" in texts(page.error).replace("\\", "")
    assert jumps(page) == ["lora_name"]
    assert not studio.jobs()


def test_folders_that_nobody_has_are_said(open_page):
    page = open_page("train").run()
    page.segmented_control(key="way").set_value("Folder on this machine").run()
    for folder in ("~nobody-of-this-name/pictures", "  /nowhere\0/at/all "):
        page.text_input(key="folder").set_value(folder).run()
        assert not page.exception
        assert "There is no folder" in texts(page.error)


def test_a_folder_that_is_taken_out_leaves_nothing_chosen(open_page, pictures):
    page = open_page("train").run()
    page.segmented_control(key="way").set_value("Folder on this machine").run()
    page.text_input(key="folder").set_value(str(pictures)).run()
    assert page.query_params["dataset"] == str(pictures)
    page.text_input(key="folder").set_value(" ").run()
    assert "dataset" not in page.query_params


def test_the_folders_of_both_kinds_are_still_chosen_after_a_look_at_another_page(open_page, pictures):
    page = open_page("train", x_pictures=str(pictures))
    for path in ("storage", "train"):
        page.query_params.clear()
        page.switch_page(f"{path}/page.py").run()
    assert page.query_params["x_pictures"] == str(pictures)


def test_what_was_written_by_hand_is_kept_when_another_way_is_chosen(open_page, studio, pictures):
    page = open_with(open_page, pictures)
    page.session_state["captions_by_hand"] = {pictures / "00.png": "an old castle"}  # as the table leaves it
    page.segmented_control(key="caption_way").set_value("Find and replace").run()
    assert [list(row) for row in page.dataframe[0].value.values] == [["00.png", "a castle number 0", "an old castle"]]
    page.segmented_control(key="caption_way").set_value("By BLIP").run()
    assert button(page, "Save 1 changed caption")
    page.segmented_control(key="caption_way").set_value("By hand").run()
    assert button(page, "Save 1 changed caption")
    page.segmented_control(key="caption_way").set_value("Trigger word").run()
    page.text_input(key="bulk_word").set_value("mystyle").run()
    button(page, "Change 20 captions").click().run()
    assert not page.exception
    texts = [each.caption for each in read_dataset(pictures).pictures]
    assert texts[:2] == ["mystyle, an old castle", "mystyle, a castle number 1"]
    page.segmented_control(key="caption_way").set_value("By hand").run()
    assert not [each for each in page.button if each.label.startswith("Save")]


def test_blip_captions_pictures_that_have_none(open_page, studio, pictures, work, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    for path in pictures.glob("*.txt"):
        path.unlink()
    for path in sorted(pictures.glob("*.png"))[3:]:
        path.unlink()
    page = open_with(open_page, pictures)
    page.segmented_control(key="caption_way").set_value("By BLIP").run()
    assert "990 MB. Licence: BSD-3-Clause (Salesforce)." in text_of(page)
    page.text_input(key="folder_of_blip").set_value(str(tmp_path / "stick"))
    button(page, "Download").click().run()
    assert studio.jobs()[0].request.network == "blip"
    studio.cancel(studio.jobs()[0].id)
    save_blip(captioner().place)
    page.run()
    button(page, "Write 3 captions").click().run()
    assert not page.exception
    assert button(page, "Write 3 captions").disabled  # it waits already
    work()
    page.run()
    assert "3 captions were written." in text_of(page)
    assert all(each.caption for each in read_dataset(pictures).pictures)
    button(page, "Undo").click().run()
    assert not any(each.caption for each in read_dataset(pictures).pictures)
