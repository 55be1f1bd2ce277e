"""Draw while I type: a draft appears while the prompt's field still has the keyboard."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.settings import Settings
from engine.studio import Studio

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def studio(home: Path) -> Studio:
    """The served studio, seen from outside."""
    return Studio(Settings(home=home))


def test_a_draft_comes_while_one_types_and_its_seed_is_drawn_in_full(page: Page, studio: Studio, address: str):
    jobs, pictures = len(studio.jobs(limit=None)), studio.gallery.count()
    page.goto(address)
    page.get_by_text("Draw while I type").click()
    expect(page.get_by_text("The draft comes here as soon as there is a prompt.")).to_be_visible()
    page.get_by_label("Prompt", exact=True).press_sequentially("a lake at dusk", delay=20)
    draft = page.get_by_alt_text("Draft")
    said = page.get_by_text(re.compile(r"Draft in [0-9.]+ s, seed \d+"))
    expect(draft).to_be_visible(timeout=120_000)
    expect(said).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_label("Prompt", exact=True)).to_be_in_viewport()
    expect(draft).to_be_in_viewport()
    first = draft.get_attribute("src")
    page.get_by_label("Prompt", exact=True).press_sequentially(", boats", delay=20)
    expect(draft).not_to_have_attribute("src", first)
    assert "prompt=" not in page.url  # the field was never left
    assert (len(studio.jobs(limit=None)), studio.gallery.count()) == (jobs, pictures)

    seed = re.search(r"seed (\d+)", said.text_content())[1]
    page.get_by_role("button", name="Keep this seed").click()
    expect(page.get_by_role("textbox", name="Seed")).to_have_value(seed)
    page.get_by_role("button", name="Generate").click()
    while not (made := [job for job in studio.jobs() if job.request.prompt == "a lake at dusk, boats"]):
        page.wait_for_timeout(100)
    assert made[0].request.seed == int(seed)
