"""Settings of a picture, from wherever it was found back into the form, and kept there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.settings import Settings
from engine.studio import Studio
from tests.gallery.samples import picture, recipe

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def studio(home: Path) -> Studio:
    """The served studio, seen from outside."""
    return Studio(Settings(home=home))


def kept(studio: Studio, prompt: str) -> str:
    """A picture of this prompt, 320 x 256 in 9 steps by Euler; its id."""
    request = {"prompt": prompt, "num_inference_steps": 9, "scheduler": "Euler", "width": 320, "height": 256}
    made = recipe(request={**request, "model": "mini", "guidance_scale": 4.5}, seed=77)
    return studio.gallery.save(picture(), made).id


def expect_form(page: Page, prompt: str) -> None:
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("77")
    expect(page.get_by_label("Width").last).to_have_value("320")
    page.get_by_text("Advanced").click()
    expect(page.get_by_label("Steps").last).to_have_value("9")
    expect(page.get_by_role("combobox", name="Scheduler")).to_have_value("Euler")


@pytest.mark.parametrize("where", ["search", "trash"])
def test_settings_of_a_picture_that_was_searched_come_back_and_stay(page: Page, studio: Studio, address: str, where):
    prompt = f"a lighthouse on a cliff, found by {where}"
    image_id = kept(studio, prompt)
    if where == "trash":
        studio.gallery.delete([image_id])
        page.goto(f"{address}/gallery?trash=true")
    else:
        page.goto(f"{address}/gallery?search=lighthouse+found+search")
    page.get_by_role("button", name=prompt, exact=True).click()
    page.get_by_role("link", name="Use these settings").click()
    expect(page).to_have_url(re.compile("num_inference_steps=9"))
    expect_form(page, prompt)
    assert "recipe=" not in page.url

    page.reload()
    expect_form(page, prompt)
