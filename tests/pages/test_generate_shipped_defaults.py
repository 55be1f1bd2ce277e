"""On Generate the form begins with what the model that ships says, and says nothing of it until another was chosen."""

from dataclasses import replace

import pytest

from engine.settings import Settings
from tests.pages.helpers import texts
from tests.tiny import save_tiny_pipeline, weights_with_defaults

SAID = {"num_inference_steps": 12, "guidance_scale": 6.0, "scheduler": "DPM++ 2M"}


@pytest.fixture
def settings(settings: Settings, tmp_path) -> Settings:
    return replace(settings, weights_dir=weights_with_defaults(settings.weights_dir, tmp_path / "shipped", SAID))


def fields(page):
    return [
        page.number_input(key="num_inference_steps").value,
        page.number_input(key="guidance_scale").value,
        page.selectbox(key="scheduler").value,
    ]


def test_the_form_begins_with_it_and_comes_back_to_it(open_page, studio, tmp_path):
    studio.add_model(str(save_tiny_pipeline(tmp_path / "other", "epsilon")))
    page = open_page("generate")
    assert fields(page) == [12, 6.0, "DPM++ 2M"]
    assert "as this model wants" not in texts(page.caption)
    page.selectbox(key="model").set_value("other").run()
    assert fields(page) == [25, 7.5, "DDIM"]
    page.selectbox(key="model").set_value("mini").run()
    assert fields(page) == [12, 6.0, "DPM++ 2M"]
    assert "Steps 12, guidance 6, DPM\\+\\+ 2M\\: as this model wants" in texts(page.caption)
