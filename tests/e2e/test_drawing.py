"""An artist's way through the studio, in a real browser with the shipped model."""

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from engine.settings import PROJECT, Settings
from engine.studio import Studio
from gallery.metadata import read_recipe
from tests.e2e.resting import settled, until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def page(page: Page, address: str) -> Page:
    """The studio as it opens: Generate."""
    page.goto(address)
    return page


@pytest.fixture
def studio(home: Path) -> Studio:
    """The served studio, seen from outside."""
    return Studio(Settings(home=home))


def ask(page: Page, prompt: str, images: int = 1, steps: int = 25) -> None:
    page.get_by_text("Advanced").click()
    fill(page, "Steps", steps)
    fill(page, "Images", images)
    settled(page)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.keyboard.press("Control+Enter")


def fill(page: Page, label: str, value: int) -> None:
    settled(page)
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Enter")


def downloaded(page: Page, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).first.click()
    return Path(download.value.path()).read_bytes()


def finished(page: Page, studio: Studio, prompt: str, images: int = 1, jobs: int = 1) -> None:
    """Wait for the newest of so many jobs; before it ends, the page shows the pictures of the one before."""
    until(page, lambda: len(studio.jobs()) >= jobs)
    until(page, lambda: studio.jobs()[0].request.prompt == prompt and studio.jobs()[0].ended)
    expect(page.get_by_text(prompt).last).to_be_visible()
    expect(page.get_by_role("button", name="PNG")).to_have_count(images, timeout=120_000)


@pytest.mark.timeout(600)  # the first worker starts, and three pictures are drawn
def test_a_picture_survives_a_refresh_and_carries_its_recipe(page: Page, studio: Studio):
    prompt = "a castle on a mountain at sunset"
    ask(page, prompt, images=2, steps=60)
    expect(page.get_by_text("Drawing image 1 of 2")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(prompt)
    finished(page, studio, prompt, images=2)
    assert len(studio.jobs()) == 1

    page.get_by_role("link", name="Gallery", exact=True).click()
    expect(page.get_by_text(re.compile(r"^\d+ pictures$"))).to_be_visible()
    page.get_by_role("button", name=prompt, exact=True).first.click()
    expect(page.get_by_role("link", name="Use these settings")).to_be_visible()
    record = studio.gallery.page().images[0]

    png, jpg = downloaded(page, "PNG"), downloaded(page, "JPG")
    assert png == studio.gallery.png(record.id)
    for data, kind in ((png, "PNG"), (jpg, "JPEG")):
        recipe = read_recipe(data)
        assert recipe == record.recipe
        assert recipe.prompt == prompt
        assert Image.open(io.BytesIO(data)).format == kind
    parameters = Image.open(io.BytesIO(png)).text["parameters"]
    assert parameters.startswith(f"{prompt}\nNegative prompt:")
    assert f"Seed: {record.seed}, Size: 256x256" in parameters  # with which it was drawn
    assert Image.open(io.BytesIO(png)).size == (512, 512)

    page.get_by_role("link", name="Use these settings").click()
    expect(page.get_by_role("textbox", name="Seed")).to_have_value(str(record.seed))
    fill(page, "Images", 1)
    settled(page)
    page.keyboard.press("Control+Enter")
    finished(page, studio, prompt, jobs=2)
    again = studio.gallery.page().images[0]
    assert again.id != record.id
    first, second = (Image.open(studio.gallery.path(image.id)) for image in (record, again))
    assert first.tobytes() == second.tobytes()


def test_a_long_seed_and_a_note_survive_the_browser(page: Page, studio: Studio):
    seed, field = str(2**64 - 1), page.get_by_role("textbox", name="Seed")
    expect(field).to_have_attribute("placeholder", "a new seed will be drawn")
    field.fill(seed)
    field.press("Enter")
    ask(page, "portrait of a cute cat", steps=2)
    finished(page, studio, "portrait of a cute cat")
    assert studio.gallery.page().images[0].seed == 2**64 - 1
    expect(page.get_by_text("no word of this prompt: portrait, cute, cat.")).to_have_count(2)  # in the form and beside

    page.reload()
    expect(field).to_have_value(seed)
    page.get_by_text("Keep seed").click()
    expect(field).to_have_value("")
    page.reload()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("portrait of a cute cat")
    expect(field).to_have_value("")


@pytest.mark.timeout(600)  # a worker starts twice
def test_a_killed_worker_is_replaced_while_the_page_waits(page: Page, studio: Studio):
    ask(page, "a quiet lake in winter", images=2, steps=50)
    expect(page.get_by_text("Drawing image 1 of 2")).to_be_visible()
    _, pid, _ = studio.engine().worker.rsplit(":", 2)  # host, process, when it began
    os.kill(int(pid), signal.SIGKILL)

    finished(page, studio, "a quiet lake in winter", images=2)
    assert studio.jobs()[0].attempt == 2


def test_a_running_job_can_be_cancelled(page: Page, studio: Studio):
    ask(page, "an endless forest", images=8, steps=150)
    expect(page.get_by_text("Drawing image 1 of 8")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Cancelled.")).to_be_visible()
    assert studio.jobs()[0].state == "cancelled"


def test_an_empty_prompt_is_refused_next_to_its_field(page: Page, studio: Studio):
    jobs = len(studio.jobs())
    page.get_by_role("button", name="Generate").click()

    expect(page.get_by_text("Prompt must not be empty")).to_be_visible()
    assert len(studio.jobs()) == jobs


def test_hostile_prompts_are_shown_as_text(page: Page, studio: Studio):
    prompt = "<img src=x onerror=alert(1)> <lora:x:1> **bold** [a](javascript:alert(1))"
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    ask(page, prompt, steps=1)
    finished(page, studio, prompt)
    page.get_by_role("link", name="Gallery", exact=True).click()
    expect(page.get_by_role("button", name="<img src=x onerror=alert(1)>").first).to_be_visible()

    assert not dialogs
    assert page.locator("img[src='x']").count() == 0


def test_the_command_line_uses_the_running_worker(address: str, home: Path, studio: Studio):
    done = subprocess.run(
        [sys.executable, "-m", "engine", "generate", "a volcano at night", "--steps", "3", "--home", str(home)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert read_recipe(Path(done.stdout.strip())).prompt == "a volcano at night"
    assert studio.jobs()[0].attempt == 1
