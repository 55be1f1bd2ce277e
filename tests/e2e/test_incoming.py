"""A picture of another tool is dropped, its recipe is seen, and the form has it; nothing is asked of the network."""

import re

import pytest
from playwright.sync_api import Page, expect

from engine.settings import PROJECT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_picture_of_another_tool_is_dropped_and_fills_the_form_but_for_the_seed(page: Page, address: str):
    page.goto(f"{address}/?prompt=a+lake&seed=7")
    page.get_by_role("button", name="From a picture").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(PROJECT / "tests/data/recipes/sd-metadata__forge-neo.png")

    expect(dialog.get_by_text("No model of this name or hash is here.")).to_be_visible()
    civitai = dialog.get_by_role("link", name="Civitai")
    expect(civitai).to_have_attribute("href", "https://civitai.com/search/models?query=45a21ea00a")
    dialog.get_by_role("button", name="All but the seed").click()

    expect(dialog).not_to_be_visible()
    expect(page.get_by_text("Applied from Forge Neo")).to_be_visible()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(re.compile("^general, masterpiece"))
    expect(page).to_have_url(re.compile("num_inference_steps=24"))
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(re.compile("^general, masterpiece"))
    expect(page.get_by_role("textbox", name="Seed")).to_have_value("7")
