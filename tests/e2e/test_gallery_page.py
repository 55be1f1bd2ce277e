"""The Gallery as artists use it: found by filters, taken out as a ZIP, thrown away and back; two compared."""

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from engine.settings import Settings
from engine.studio import Studio
from tests.gallery.samples import picture, recipe

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def studio(home: Path) -> Studio:
    """The served studio, seen from outside."""
    return Studio(Settings(home=home))


def kept(studio: Studio, prompt: str, number: int, scheduler: str) -> str:
    """A drawing of this prompt; its id."""
    request = {"prompt": prompt, "num_inference_steps": 9, "scheduler": scheduler, "width": 320, "height": 256}
    made = recipe(request={**request, "model": "mini", "guidance_scale": 4.5}, seed=number)
    return studio.gallery.save(picture(number, size=(320, 256)), made).id


def press(page: Page, name: str) -> None:
    """Press a button once the page has settled: for a moment an earlier one may stand beside it."""
    press_one(page.get_by_role("button", name=name, exact=True))


def press_one(what: Locator) -> None:
    expect(what).to_have_count(1)
    what.click()


def test_pictures_are_found_by_a_filter_taken_out_and_thrown_away_and_back(page: Page, studio: Studio, address: str):
    ids = [kept(studio, f"a lantern, number {n}", n, name) for n, name in enumerate(("LMS", "LMS", "Heun"), 1)]
    page.goto(f"{address}/gallery?search=lantern")
    expect(page.get_by_text("3 pictures", exact=True)).to_be_visible()
    press_one(page.get_by_role("button", name="Filters"))
    sampler = page.get_by_role("combobox", name="Sampler")
    sampler.click()
    expect(page.get_by_role("option", name="Heun (1)")).to_be_visible()
    page.get_by_role("option", name="LMS (2)").click()
    expect(page).to_have_url(re.compile("sampler=LMS"))
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 pictures", exact=True)).to_be_visible()

    press(page, "Select")
    press(page, "This page")
    expect(page.get_by_text("2 selected")).to_be_visible()
    expect(page.get_by_role("checkbox", name="a lantern, number", checked=True)).to_have_count(2)
    press(page, "Download …")
    with page.expect_download() as download:
        press_one(page.get_by_role("dialog").get_by_role("button", name="ZIP", exact=True))
    with zipfile.ZipFile(download.value.path()) as archive:
        files = [name for name in archive.namelist() if name.endswith(".png")]
        assert {Image.open(io.BytesIO(archive.read(name))).size for name in files} == {(320, 256)}
        rows = csv.DictReader(archive.read("recipes.csv").decode("utf-8-sig").splitlines())
        assert sorted(row["id"] for row in rows) == sorted(ids[:2])
        assert len(files) == 2
    press_one(page.get_by_role("dialog").get_by_role("button", name="Close"))
    expect(page.get_by_role("dialog")).not_to_be_visible()

    press(page, "Delete")
    expect(page.get_by_text("2 pictures are in the trash.")).to_be_visible()
    assert [record.id for record in studio.gallery.several(ids, None) if record.deleted_at is None] == ids[2:]
    press_one(page.get_by_text("Trash", exact=True))
    expect(page.get_by_text("2 pictures in the trash")).to_be_visible()
    press(page, "All that match")
    expect(page.get_by_text("2 selected")).to_be_visible()
    press_one(page.locator(".st-key-restore_many button"))
    expect(page.get_by_text("2 pictures restored.")).to_be_visible()
    assert not [record for record in studio.gallery.several(ids, None) if record.deleted_at is not None]


def test_two_pictures_are_compared_by_slider_and_difference_and_what_differs_is_marked(
    page: Page, studio: Studio, address: str
):
    ids = [kept(studio, f"a bridge, number {n}", n, name) for n, name in ((1, "LMS"), (2, "Heun"))]
    page.goto(f"{address}/gallery?compare={','.join(ids)}")
    expect(page.get_by_role("img").nth(1)).to_be_visible()
    press_one(page.get_by_text("Slider", exact=True))
    expect(page.get_by_role("slider")).to_be_visible()
    press_one(page.get_by_text("Difference", exact=True))
    expect(page.get_by_text(re.compile("Largest difference"))).to_be_visible()
    expect(page.get_by_alt_text("The difference between the two pictures")).to_be_visible()
    differing = page.locator(".recipes").first.locator("tr.differs th")
    expect(differing.filter(has_text="Scheduler")).to_be_visible()
    expect(differing.filter(has_text="Steps")).to_have_count(0)
