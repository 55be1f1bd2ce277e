"""Adding, correcting and removing models on the Generate page."""

import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.pages.helpers import texts


@pytest.fixture
def checkpoint(tmp_path):
    """A single file of a few numbers that passes for Stable Diffusion 2.x and tells nothing about its training."""
    block = "model.diffusion_model.input_blocks"
    tensors = {
        f"{block}.0.0.weight": np.zeros((2, 4, 3, 3), np.float16),
        f"{block}.1.1.transformer_blocks.0.attn2.to_k.weight": np.zeros((2, 1024), np.float16),
        "cond_stage_model.model.ln_final.weight": np.zeros(2, np.float16),
        "first_stage_model.decoder.conv_in.weight": np.zeros(2, np.float16),
    }
    save_file(tensors, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def test_a_single_file_is_added_corrected_and_removed_on_the_page(open_page, studio, checkpoint):
    page = open_page("generate")
    page.text_input(key="source_None").set_value(str(checkpoint))
    page.button(key="use_None").click().run()
    assert page.selectbox(key="model").value == "mine"
    assert "v\\_prediction is assumed" in texts(page.caption)

    page.selectbox(key="corrected_mine").set_value("Noise (epsilon)").run()
    page.button(key="correct_mine").click().run()
    assert "you said so" in texts(page.caption)
    assert studio.model("mine").prediction_type == "epsilon"

    page.button(key="remove_mine").click().run()
    assert not page.exception
    assert page.selectbox(key="model").value == "mini"
    assert "mine" not in page.selectbox(key="model").options
    assert checkpoint.is_file()


def test_what_a_file_predicts_can_be_said_when_it_is_added(open_page, studio, checkpoint):
    page = open_page("generate")
    page.text_input(key="source_None").set_value(str(checkpoint))
    page.selectbox(key="predicts_None").set_value("Noise (epsilon)")
    page.button(key="use_None").click().run()
    assert studio.model("mine").prediction_type == "epsilon"


def test_a_hub_model_whose_name_is_wrong_can_be_taken_back(open_page, studio):
    page = open_page("generate")
    page.text_input(key="source_None").set_value("someone/mispelt")
    page.button(key="use_None").click().run()
    assert page.selectbox(key="model").value == "mispelt"
    assert "Added without a look at the hub" in texts(page.caption)
    page.button(key="remove_mispelt").click().run()
    assert page.selectbox(key="model").value == "mini"


def test_removing_a_downloaded_model_asks_about_its_files(open_page, studio, settings):
    studio.add_model("someone/tiny")
    folder = shutil.copytree(settings.weights_dir / "mini", settings.home / "weights/tiny")
    page = open_page("generate", model="tiny")
    keep, delete = page.radio(key="files_tiny").options
    page.button(key="remove_tiny").click().run()
    assert folder.is_dir()
    assert page.selectbox(key="model").value == "tiny"

    studio.add_model("someone/tiny")
    page = open_page("generate", model="tiny")
    page.radio(key="files_tiny").set_value(delete).run()
    page.button(key="remove_tiny").click().run()
    assert not folder.exists()
    assert page.selectbox(key="model").value == "mini"
    assert keep.startswith("Keep its files")
