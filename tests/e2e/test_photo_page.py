"""Anime-ify in a real browser: upload, refresh, the slider, downloads."""

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos and a text that calls itself one."""
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((280, 200), Image.Resampling.BICUBIC).save(tmp_path / f"view {seed}.jpg")
    (tmp_path / "letter.png").write_text("words")
    return sorted(tmp_path.iterdir())


def test_from_upload_to_download(page: Page, address: str, photos: list[Path]) -> None:
    page.goto(f"{address}/animeify")
    expect(page.get_by_text("Choose a photo, then press Anime-ify")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(photos)
    expect(page.get_by_text("letter.png is not a PNG, JPEG, WebP or HEIC picture")).to_be_visible()
    expect(page.get_by_role("button", name="view 0.jpg", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"photos=[0-9a-f]{16}\.[0-9a-f]{16}"))

    page.reload()  # the photos are kept, and the address names them
    expect(page.get_by_role("button", name="view 1.jpg", exact=True)).to_be_visible()
    page.get_by_role("button", name="Anime-ify").click()
    expect(page.get_by_role("link", name="Open the gallery")).to_be_visible()
    expect(page.get_by_role("slider", name="Before and after")).to_have_count(2)

    slider, before = page.get_by_role("slider", name="Before and after").first, page.locator("img.before").first
    expect(before).to_have_js_property("naturalWidth", 280)
    slider.press("End")
    expect(before).to_have_css("clip-path", re.compile(r"^inset\(0(px)?( 0%( 0(px)?){2})?\)$"))  # nothing is cut off

    with page.expect_download() as download:
        page.get_by_role("button", name="ZIP, 2 pictures").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert [name.rpartition(".")[2] for name in archive.namelist()] == ["png", "png", "json"]
        assert len(json.loads(archive.read("recipes.json"))) == 2
        with Image.open(io.BytesIO(archive.read(archive.namelist()[0]))) as image:
            assert image.size == (280, 200)
            assert "studio_recipe" in image.info

    page.get_by_role("button", name="view 0.jpg", exact=True).click()  # takes it out
    expect(page.get_by_role("button", name="view 0.jpg", exact=True)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"photos=[0-9a-f]{16}(&|$)"))
