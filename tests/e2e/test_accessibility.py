"""Every page by axe-core's rules, in the dark and in the light, and by keyboard."""

import io
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from engine.settings import Settings
from engine.studio import Studio
from tests.e2e.resting import settled, until
from tests.gallery.samples import picture, recipe

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SEVERE = ("critical", "serious")


@pytest.fixture(scope="module")
def record(home: Path) -> str:
    """The id of a picture in the gallery."""
    return Studio(Settings(home=home)).gallery.save(picture(), recipe(prompt="a castle that axe looks at")).id


def findings(page: Page) -> list[str]:
    """The severe ones, each with its rule and the first element; not of Streamlit's toasts, which come and go."""
    expect(page.get_by_test_id("stToast")).to_have_count(0)
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in SEVERE]


def lightness(page: Page) -> int:
    """Of the page's background, from 0 to 255."""
    colour = page.get_by_test_id("stApp").evaluate("element => getComputedStyle(element).backgroundColor")
    return max(int(value) for value in re.findall(r"\d+", colour)[:3])


def test_no_page_has_a_severe_finding(page: Page, address: str, record: str):
    """Each page is opened once, in the dark, and turns light as the computer does."""
    found = {}
    views = ("", "animeify", "upscale", "train", "evaluate", "gallery", f"gallery?image={record}", "queue", "storage")
    for place in views:
        page.emulate_media(color_scheme="dark")
        page.goto(f"{address}/{place}")
        settled(page)
        assert lightness(page) < 64
        found[place or "generate", "dark"] = findings(page)
        page.emulate_media(color_scheme="light")
        until(page, lambda: lightness(page) > 192)
        settled(page)
        found[place or "generate", "light"] = findings(page)
    assert not {where: texts for where, texts in found.items() if texts}


def test_pages_are_heard_by_their_names_and_pictures_by_their_prompts(page: Page, address: str, record: str):
    page.goto(f"{address}/gallery?image={record}")
    settled(page)
    expect(page).to_have_title(re.compile("Gallery"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Gallery")
    expect(page.get_by_role("img", name="a castle that axe looks at")).to_be_visible()


def test_arrow_keys_go_from_picture_to_picture_and_escape_goes_back(page: Page, address: str, record: str, home: Path):
    newer = Studio(Settings(home=home)).gallery.save(picture(1), recipe(prompt="a newer castle that axe looks at")).id
    page.goto(f"{address}/gallery?image={record}&search=axe")
    settled(page)
    expect(page.get_by_role("button", name=re.compile("^Newer"))).to_be_enabled()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(f"image={newer}"))
    settled(page)
    expect(page.get_by_role("button", name=re.compile("^Older"))).to_be_enabled()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"image={record}"))
    settled(page)
    expect(page.get_by_role("button", name=re.compile("^Back to the gallery"))).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("image="))


def test_the_arrow_keys_move_the_slider_between_before_and_after(page: Page, address: str, home: Path):
    studio = Studio(Settings(home=home))
    photo = studio.photos.keep(_png(), "a street.png")
    made = recipe(kind="translate", request={"photos": [{"id": photo, "name": "a street.png"}]})
    image_id = studio.gallery.save(picture(2), made).id
    page.goto(f"{address}/gallery?image={image_id}")
    slider = page.get_by_role("slider", name="Before and after")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("51")


def _png() -> bytes:
    stream = io.BytesIO()
    picture().save(stream, "PNG")
    return stream.getvalue()
