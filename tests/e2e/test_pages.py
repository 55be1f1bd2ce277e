"""What only a real browser shows: quick clicks, the address, and the names under which the studio is served."""

import http.client
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from safetensors.numpy import save_file

from engine.diffusion.request import TextToImage
from engine.settings import Settings
from engine.studio import Studio
from tests.e2e.resting import settled, until
from tests.tiny_lora import kohya, lora_layers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ODD_NAME = "tést & co #1=2 + (v2) 100%"


@pytest.fixture
def page(page: Page, address: str) -> Page:
    """The studio as it opens: Generate."""
    page.goto(address)
    return page


@pytest.fixture
def studio(home: Path) -> Studio:
    """The served studio, seen from outside."""
    return Studio(Settings(home=home))


@pytest.fixture
def lora(studio: Studio) -> str:
    """The name of a LoRA in the artist's folder."""
    tensors = kohya(lora_layers(), alpha=4)
    path = studio.settings.lora_dir / f"{ODD_NAME}.safetensors"
    save_file({key: tensor.numpy() for key, tensor in tensors.items()}, path)
    return ODD_NAME


def click_twice(page: Page, milliseconds: int) -> None:
    """Two clicks on the place of the Generate button, as a hand does them."""
    box = page.get_by_role("button", name="Generate").bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*place)
    page.wait_for_timeout(milliseconds)
    page.mouse.click(*place)


def jobs_of(studio: Studio, prompt: str) -> list[str]:
    return [job.id for job in studio.jobs(kind=TextToImage.kind) if job.request.prompt == prompt]


def wait_for_jobs(page: Page, studio: Studio, prompt: str, count: int) -> None:
    until(page, lambda: len(jobs_of(studio, prompt)) == count)


def fill_prompt(page: Page, prompt: str) -> None:
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_label("Prompt", exact=True).press("Tab")
    expect(page).to_have_url(re.compile("prompt="))
    settled(page)  # before, the buttons still move


@pytest.mark.parametrize("milliseconds", [0, 150, 300])
def test_a_double_click_makes_one_job(page: Page, studio: Studio, milliseconds: int):
    prompt = f"a castle, clicked twice within {milliseconds} ms"
    fill_prompt(page, prompt)
    click_twice(page, milliseconds)
    wait_for_jobs(page, studio, prompt, 1)
    page.wait_for_timeout(2000)

    assert len(jobs_of(studio, prompt)) == 1


SLOW_LINE = """() => {
    const send = WebSocket.prototype.send;
    let clicked = Infinity;
    addEventListener("click", (event) => { clicked = Math.min(clicked, event.timeStamp); }, true);
    WebSocket.prototype.send = function (message) {
        const late = performance.now() - clicked > 100 ? 1500 : 0;  // all but what the first click sends
        setTimeout(() => send.call(this, message), late);
    };
}"""


def test_a_double_click_on_a_slow_line_makes_one_job(page: Page, studio: Studio):
    """The second click hits the button that the first one's run gave, and is heard long after it."""
    prompt = "a castle, clicked twice on a slow line"
    fill_prompt(page, prompt)
    page.evaluate(SLOW_LINE)
    click_twice(page, 500)
    wait_for_jobs(page, studio, prompt, 1)
    page.wait_for_timeout(3500)

    assert len(jobs_of(studio, prompt)) == 1


MOST_SEEN = """() => {
    const look = () => {
        const seen = [...document.querySelectorAll("button")].filter(
            (each) => each.textContent.includes("Generate") && each.checkVisibility());
        window.mostSeen = Math.max(window.mostSeen || 0, seen.length);
    };
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true});
    look();
}"""


def name_of_the_button(page: Page) -> str:
    """Under which the last of the Generate buttons answers: another after each press that was accepted."""
    settled(page)
    names = page.locator(".st-key-one_press_generate [class*=st-key-generate_]").last.get_attribute("class")
    return re.search(r"st-key-generate_\w+", names)[0]


def test_two_clicks_with_a_pause_make_two_jobs(page: Page, studio: Studio):
    prompt = "a castle, asked for twice"
    fill_prompt(page, prompt)
    page.evaluate(MOST_SEEN)
    before = name_of_the_button(page)
    page.get_by_role("button", name="Generate").click()
    wait_for_jobs(page, studio, prompt, 1)
    until(page, lambda: name_of_the_button(page) != before)
    page.wait_for_timeout(1500)  # longer than a double click
    expect(page.get_by_role("button", name="Generate")).to_have_count(1)
    assert page.evaluate("window.mostSeen") == 1  # the old one was not seen beside the new one
    page.get_by_role("button", name="Generate").click()
    wait_for_jobs(page, studio, prompt, 2)


def test_what_is_typed_while_a_message_leaves_is_kept(page: Page):
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("must not be empty")).to_be_visible()
    page.get_by_label("Prompt", exact=True).fill("a castle, typed after a refusal")
    images = page.get_by_role("spinbutton", name="Images").last
    images.fill("4")
    images.press("Enter")
    expect(page.get_by_text("must not be empty")).to_have_count(0)
    page.wait_for_timeout(1000)

    expect(page.get_by_role("spinbutton", name="Images")).to_have_value("4")


def open_list(page: Page, name: str) -> None:
    """Open it once the page rests at it: scrolling closes an open list."""
    field = page.get_by_role("combobox", name=name)
    field.evaluate("element => element.scrollIntoView()")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    field.press("ArrowDown")


def test_an_open_list_outlives_a_job_and_a_refresh_keeps_loras_and_their_weights(page: Page, studio: Studio, lora: str):
    job = studio.submit(studio.request(TextToImage.kind, {"prompt": "a long one", "num_inference_steps": 100}))
    page.reload()
    stop = page.locator(f".st-key-cancel_{job.id}")  # by no role: the open list hides those of the page
    stop.wait_for()
    open_list(page, "LoRAs")
    option = page.get_by_role("option", name=lora)
    option.wait_for()
    studio.cancel(job.id)
    expect(stop).to_have_count(0)  # the page is shorter now
    page.wait_for_timeout(500)  # a list that closes takes its time to vanish
    option.click()
    page.keyboard.press("Escape")  # the open list hides the page from assistive roles
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"weight_.*=0\.9$"))

    page.reload()
    expect(page.get_by_role("slider")).to_have_value("0.9")


def test_a_refresh_keeps_the_model(page: Page, address: str):
    page.goto(f"{address}/?model=sd21")
    expect(page.get_by_text("is not on this machine").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("is not on this machine").first).to_be_visible()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_studio_is_reached_by_both_names_of_this_machine(browser: Browser, address: str, host: str):
    page = browser.new_page()
    page.goto(f"http://{host}:{urlsplit(address).port}")
    expect(page.get_by_label("Prompt", exact=True)).to_be_visible()
    page.close()


@pytest.mark.parametrize(("host", "status"), [("localhost", 101), ("evil.example", 403)])
def test_a_page_whose_name_was_led_here_gets_no_connection(address: str, host: str, status: int):
    port = urlsplit(address).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    upgrade = {
        "Host": f"{host}:{port}",
        "Origin": f"http://{host}:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "bmlqaSBzdHVkaW8gdGVzdA==",
    }
    connection.request("GET", "/_stcore/stream", headers=upgrade)
    assert connection.getresponse().status == status
    connection.close()
