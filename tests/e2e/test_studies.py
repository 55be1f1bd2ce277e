"""Three people of different behaviour take a study in Chromium, and the results show which of them did not look."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from engine.opinions.pictures import match
from engine.opinions.serving import start
from engine.opinions.studies import Studies
from engine.opinions.study import PAIRS, RATINGS, REAL, Study

METHODS = {"warm": (220, 60, 40), "cold": (40, 60, 220)}
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
_REDS = """() => Promise.all([...document.querySelectorAll('.stImage img')].map(async (image) => {
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0];
}))"""


@pytest.fixture
def study(home: Path, tmp_path: Path) -> Study:
    for method, color in METHODS.items():
        (tmp_path / method).mkdir()
        for content in range(3):
            shade = (color[0], color[1] + 20 * content, color[2])
            Image.new("RGB", (96, 64), shade).save(tmp_path / method / f"photo{content}.png")
    matched = match({method: tmp_path / method for method in METHODS}, None, control=False)
    return Studies(home).create("Warm or cold?", PAIRS, matched, repeats=3, seed=5, least_seconds=0.0)


@pytest.fixture
def link(home: Path, study: Study) -> Iterator[str]:
    """At the participants' own door."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    door = start(home, "127.0.0.1", port)
    yield f"http://127.0.0.1:{port}/?study={study.token}"
    door.kill()
    door.wait()


def warmer(page: Page) -> int:
    """The place of the warm picture, seen as a person sees it: by its colour."""
    reds = page.evaluate(_REDS)
    return reds.index(max(reds))


def by_key(page: Page, place: int) -> None:
    page.keyboard.press(("ArrowLeft", "ArrowRight")[place])


def by_hand(page: Page, place: int) -> None:
    page.get_by_role("button", name="This one").nth(place).click()


def takes(browser: Browser, link: str, window: dict, choose: Callable, act: Callable, break_at: int = 0) -> None:
    """Somebody agrees and answers everything; one who breaks off goes on by the same address."""
    page = browser.new_page(viewport=window)
    page.goto(link)
    expect(page.get_by_text("random number")).to_be_visible()
    page.get_by_role("button", name="I agree").click()
    for number in range(1, 7):
        expect(page.get_by_text(f"{number} of 6")).to_be_visible()
        if number == break_at:
            address = page.url
            page.close()
            page = browser.new_page(viewport=window)
            page.goto(address)
            expect(page.get_by_text(f"{number} of 6")).to_be_visible()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.locator(".stImage img")).to_have_count(2)
        act(page, choose(page))
    expect(page.get_by_text("Thank you!")).to_be_visible()
    assert not any(method in page.content().lower() for method in ("photo0", "navigation", "gallery"))
    page.close()


@pytest.mark.timeout(400)  # three visits on a busy machine
def test_three_people_take_a_study_and_the_careless_one_is_shown(browser, page, address, home, study, link):
    takes(browser, link, DESKTOP, warmer, by_key, break_at=4)
    takes(browser, link, PHONE, lambda page: 1 - warmer(page), by_hand)
    takes(browser, link, DESKTOP, lambda page: 0, by_key)

    people = Studies(home).participants(study)
    assert [len(person.answers) for person in people] == [6, 6, 6]
    page.goto(f"{address}/studies?study={study.id}")
    expect(page.get_by_text(re.compile("N = 3 participants, 3 contents"))).to_be_visible()
    expect(
        page.get_by_text(re.compile("1 participant answers repeated .* as by chance: " + people[2].id))
    ).to_be_visible()
    expect(page.get_by_text("cannot be told with 3 participants")).to_be_visible()
    expect(page.get_by_role("table").get_by_text(re.compile(r"^-?\d\.\d\d to \d\.\d\d$")).first).to_be_visible()
    page.get_by_text("Leave out who answers by chance").click()
    expect(page.get_by_text(re.compile("N = 2 participants"))).to_be_visible()


@pytest.mark.parametrize("kind", [RATINGS, REAL])
def test_a_picture_by_itself_stands_above_the_answers(
    browser: Browser, home: Path, tmp_path: Path, study, link, kind: str
):
    originals = tmp_path / "warm" if kind == REAL else None
    matched = match({method: tmp_path / method for method in METHODS}, originals, control=kind == REAL)
    alone = Studies(home).create("Good?", kind, matched, repeats=0, glimpse_seconds=30.0)
    page = browser.new_page(viewport=DESKTOP)
    page.goto(link.replace(study.token, alone.token))
    page.get_by_role("button", name="I agree").click()
    picture, answers = page.locator(".stImage img"), page.locator(".st-key-answers")
    expect(answers).to_be_visible()
    middles = [box["x"] + box["width"] / 2 for box in (picture.bounding_box(), answers.bounding_box())]
    assert middles[0] == pytest.approx(middles[1], abs=2)
    page.close()
