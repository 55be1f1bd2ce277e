"""From one picture to the next: a mask painted, a part redrawn, made larger, and the recipes back in the forms."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from engine.inpainting.request import Inpaint
from engine.settings import Settings
from engine.studio import Studio
from engine.upscaling.request import Upscale
from tests.gallery.samples import picture, recipe

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PROMPT = "a tower on a hill, from the tests of the canvas"


@pytest.fixture
def studio(home: Path) -> Studio:
    """The served studio, seen from outside."""
    return Studio(Settings(home=home))


def stroke(page: Page, canvas: Locator, *places: tuple[float, float]) -> None:
    """Draw with the mouse through places that are shares of the canvas's width and height, once the page rests."""
    expect(canvas).to_have_attribute("aria-busy", "false")
    page.locator("[data-test-script-state=notRunning]").wait_for()  # now: a page that was just opened has not begun
    canvas.scroll_into_view_if_needed()
    box = resting_box(page, canvas)
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def resting_box(page: Page, canvas: Locator) -> dict[str, float]:
    """Where the canvas is, once it stays there: what comes above it while the page is built moves it."""
    before, box = None, canvas.bounding_box()
    while box != before:
        page.wait_for_timeout(300)
        before, box = box, canvas.bounding_box()
    return box


def kept(page: Page, studio: Studio, field: str, before: str = "") -> tuple[str, np.ndarray]:
    """The drawing that the address names, once it names another than before; (H, W, 3) uint8."""
    expect(page).to_have_url(re.compile(rf"{field}=(?!{before or 'none'})[0-9a-f]+"))
    name = re.search(rf"{field}=([0-9a-f]+)", page.url)[1]
    return name, np.asarray(Image.open(studio.photos.path(studio.photo(name).id)))


def test_a_picture_that_is_used_brings_the_form_into_sight(page: Page, address: str):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    page.get_by_label("Prompt", exact=True).fill(f"{PROMPT}, on a small screen")
    page.get_by_role("button", name="Generate").first.click()
    page.get_by_role("button", name="Inpaint").first.click(timeout=120_000)
    expect(page.get_by_role("radio", name="A part")).to_be_in_viewport()


def test_a_mask_is_painted_drawn_upscaled_and_restored(page: Page, studio: Studio, address: str):
    request = {"prompt": PROMPT, "num_inference_steps": 4, "width": 256, "height": 256, "model": "mini"}
    first = studio.gallery.save(picture(size=(256, 256)), recipe(request=request, seed=77)).id
    page.goto(f"{address}/gallery?image={first}")
    page.get_by_role("link", name="Inpaint").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)

    canvas = page.get_by_label("Paint what is to be redrawn")
    stroke(page, canvas, (0.2, 0.25), (0.8, 0.25))
    one, mask = kept(page, studio, "mask")
    assert mask.shape == (256, 256, 3)
    assert mask[64, 128].tolist() == [255, 255, 255]
    assert not mask[128:].any()
    stroke(page, canvas, (0.5, 0.75), (0.5, 0.75))
    two, _ = kept(page, studio, "mask", one)
    page.get_by_role("button", name="Undo").click()
    undone, _again = kept(page, studio, "mask", two)
    assert undone == one
    page.get_by_role("button", name="Eraser").click()
    stroke(page, canvas, (0.5, 0.1), (0.5, 0.4))
    _, mask = kept(page, studio, "mask", one)
    assert not mask[64, 128].any()
    assert mask[64, 70].all()

    page.reload()  # what was painted is still there, and painting goes on
    stroke(page, canvas, (0.5, 0.9), (0.6, 0.9))
    _, mask = kept(page, studio, "mask", re.search("mask=([0-9a-f]+)", page.url)[1])
    assert mask[64, 70].all()
    assert mask[230, 140].all()

    page.get_by_text("Advanced").click()
    steps = page.get_by_role("spinbutton", name="Steps")
    steps.fill("4")
    steps.press("Enter")
    page.keyboard.press("Control+Enter")
    made = finished(page, studio)
    before, after = (np.asarray(Image.open(studio.gallery.path(image))) for image in (first, made.id))
    assert (before != after).any()
    assert np.array_equal(before[100:200], after[100:200])  # no stroke is near

    page.goto(f"{address}/gallery?image={made.id}")
    page.get_by_role("link", name="Use these settings").click()
    expect(page).to_have_url(re.compile(f"start={first}.*mask=[0-9a-f]+|mask=[0-9a-f]+.*start={first}"))
    expect(page.get_by_role("textbox", name="Seed")).to_have_value(str(made.seed))
    page.keyboard.press("Control+Enter")
    same = finished(page, studio, made.id)
    assert np.array_equal(after, np.asarray(Image.open(studio.gallery.path(same.id))))
    assert same.recipe.request == made.recipe.request

    page.goto(f"{address}/gallery?image={made.id}")
    page.get_by_role("button", name="Upscale").click()
    page.get_by_role("button", name="2x", exact=True).click()
    large = finished(page, studio, kind=Upscale.kind)
    assert (large.width, large.height) == (512, 512)
    assert [parent.image.id for parent in studio.gallery.parents(large)] == [made.id]
    page.goto(f"{address}/gallery?image={large.id}")
    page.get_by_role("link", name="Use these settings").click()
    expect(page).to_have_url(re.compile(r"/upscale\?.*photos="))
    expect(page.get_by_role("radio", name="2x")).to_be_checked()


def finished(page: Page, studio: Studio, before: str = "", kind: str = Inpaint.kind):
    """The newest picture of that kind, once there is another than before."""
    while not (images := [each for each in studio.gallery.page().images if each.kind == kind and each.id != before]):
        assert not [job.error for job in studio.jobs(kind=kind) if job.error]
        page.wait_for_timeout(100)
    return images[0]


def test_a_sketch_is_drawn_filled_and_kept(page: Page, studio: Studio, address: str):
    page.goto(f"{address}/?start_from=A+sketch")
    canvas = page.get_by_label("Sketch in colours")
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("a lake")
    prompt.press("Tab")
    expect(page.get_by_text("2 of 75 tokens")).to_be_visible()
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("The paper is empty")).to_be_visible()
    page.get_by_role("button", name="Sky").click()
    page.get_by_role("button", name="Fill").click()
    stroke(page, canvas, (0.5, 0.2))
    expect(page.get_by_text("The paper is empty")).to_have_count(0)
    one, sketch = kept(page, studio, "sketch")
    assert sketch[128, 128].tolist() == [0x8E, 0xC9, 0xEE]
    page.get_by_role("button", name="Brush").click()
    page.get_by_role("button", name="Brown").click()
    stroke(page, canvas, (0.5, 0.5))  # a dot
    _, sketch = kept(page, studio, "sketch", one)
    assert sketch[128, 128].tolist() == [0x7A, 0x4E, 0x2D]
    assert sketch[20, 20].tolist() == [0x8E, 0xC9, 0xEE]
