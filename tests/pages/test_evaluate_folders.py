"""Evaluate's two folders: from the button to a table that is kept, and refusals in words."""

from pathlib import Path

import pytest
from ulid import ULID

import engine.measuring.folders
from engine.measuring.request import CompareFolders
from engine.studio import Studio
from tests.engine.comparing.pictures import save_pictures
from tests.pages.helpers import button, texts


def text_of(page) -> str:
    assert not page.exception
    return "\n".join(texts(part) for part in (page.markdown, page.caption)).replace("\\", "")


def test_two_folders_from_the_button_to_the_table(
    open_page, studio: Studio, tmp_path: Path, work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(engine.measuring.folders, "VGG_SIDE", 32)
    one, other = save_pictures(tmp_path / "one", range(4)), save_pictures(tmp_path / "other", range(5, 9))
    single = save_pictures(tmp_path / "single", range(1))
    page = open_page("evaluate", about="Two folders", folder_one=str(one))
    assert "Not compared yet" in text_of(page)
    assert "Choose two folders" in text_of(page)
    for bad, words in ((one, "whose distance to itself is 0"), (single, "single has 1 that can be read")):
        page.query_params["folder_other"] = str(bad)
        page.run()
        button(page, "Compare").click().run()
        assert words in texts(page.error).replace("\\", "")
    assert not studio.jobs()
    page.query_params["folder_other"] = str(other)
    page.run()
    button(page, "Compare").click().run()
    (job,) = studio.jobs()
    assert isinstance(job.request, CompareFolders)
    (other / "broken.png").write_bytes(b"no picture")
    work()
    page.run()
    assert "broken.png" in texts(page.error).replace("\\", "")
    page.toggle(key="folders_broken").set_value(True).run()
    button(page, "Compare").click().run()
    work()
    page.run()
    assert "4 pictures in" in text_of(page)
    assert "Left out: 1 of 9 files cannot be read." in text_of(page)
    (table,) = [each.value for each in page.table]
    assert list(table["Measure"]) == ["MMD in VGG19 features", "Frechet distance in VGG19 features"]
    assert " to " in table["95 % interval"][0]
    assert "No interval" in table["Keep in mind"][1]
    damaged = studio.settings.evaluations_dir / str(ULID()) / "folders.json"
    damaged.parent.mkdir()
    damaged.write_text("{}")
    page.run()
    assert "4 pictures in" in text_of(page)  # what cannot be read is not listed
