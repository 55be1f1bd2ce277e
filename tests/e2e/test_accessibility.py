"""Every page by axe-core's rules, in the dark and in the light, and by keyboard."""

import io
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from engine.settings import Settings
from engine.studio import Studio
from tests.gallery.samples import picture, recipe

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SEVERE = ("critical", "serious")


@pytest.fixture(scope="module")
def record(home: Path) -> str:
    """The id of a picture in the gallery."""
    return Studio(Settings(home=home)).gallery.save(picture(), recipe(prompt="a castle that axe looks at")).id


@pytest.fixture(params=["dark", "light"])
def screen(request: pytest.FixtureRequest, browser: Browser) -> Page:
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def settled(page: Page) -> None:
    """Wait until the page's script has run and its parts are there."""
    expect(page.locator("h1")).to_have_count(1)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)


def findings(page: Page) -> list[str]:
    """The severe ones, each with its rule and the first element."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found if each["impact"] in SEVERE]


def test_no_page_has_a_severe_finding(screen: Page, address: str, record: str):
    found = {}
    views = ("", "animeify", "upscale", "train", "evaluate", "gallery", f"gallery?image={record}", "queue", "storage")
    for place in views:
        screen.goto(f"{address}/{place}")
        settled(screen)
        found[place or "generate"] = findings(screen)
    assert not {place: texts for place, texts in found.items() if texts}


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
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(f"image={newer}"))
    settled(page)
    expect(page.get_by_role("button", name="Older")).to_be_enabled()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"image={record}"))
    settled(page)
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
