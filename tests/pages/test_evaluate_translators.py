"""Evaluate's translators: from the button to a comparison that is kept, and a test on pairs."""

from pathlib import Path

from engine.comparing.request import CompareTranslators, TestOnPairs
from engine.studio import Studio
from tests.engine.comparing.pictures import save_pairs, save_pictures
from tests.pages.helpers import button, texts


def text_of(page) -> str:
    assert not page.exception
    return "\n".join(texts(part) for part in (page.markdown, page.caption)).replace("\\", "")


def test_a_comparison_from_the_button_to_its_tables(open_page, studio: Studio, tmp_path: Path, work) -> None:
    photos, styles = save_pictures(tmp_path / "photos", range(2)), save_pictures(tmp_path / "styles", range(5, 7))
    page = open_page("evaluate", about="Translators", compared_photos=str(photos))
    assert "Not compared yet" in text_of(page)
    assert "Choose photos and style pictures first" in text_of(page)
    page.query_params["compared_styles"] = str(tmp_path / "nowhere")
    page.button_group(key="translators").set_value(["classical"])
    page.number_input(key="compared_runs").set_value(0)
    page.number_input(key="compared_side").set_value(64).run()
    button(page, "Compare").click().run()
    assert "nowhere is none" in texts(page.error).replace("\\", "")
    assert not studio.jobs()

    page.query_params["compared_styles"] = str(styles)
    page.run()
    button(page, "Compare").click().run()
    (job,) = studio.jobs()
    assert isinstance(job.request, CompareTranslators)
    studio.cancel(job.id)
    page.run()
    assert "Stopped. What was made so far is kept." in text_of(page)
    page.button(key=f"go_on_{job.id}").click().run()
    work()
    page.run()
    assert "N = 2 photos" in text_of(page)
    quality, failures, *_ = [each.value for each in page.table]
    assert list(quality["Method"]) == ["The photos themselves", "Classical"]
    assert "Halo" in failures.columns


def test_uploaded_pictures_are_counted(open_page, studio: Studio) -> None:
    save_pictures(studio.settings.home / "datasets" / "photos", range(2))
    page = open_page("evaluate", about="Translators", compared_photos="photos", compared_styles="gone")
    assert texts(page.caption).count("uploaded") == 1
    assert "2 pictures uploaded" in texts(page.caption)


def test_a_test_on_pairs_shows_three_columns(open_page, studio: Studio, tmp_path: Path, work) -> None:
    pairs = save_pairs(tmp_path / "pairs", range(1))
    page = open_page("evaluate", about="On pairs", tested_pairs=str(pairs))
    assert "Not tested yet" in text_of(page)
    page.number_input(key="tested_side").set_value(64)
    page.selectbox(key="subject").set_value("classical").run()
    button(page, "Test").click().run()
    (job,) = studio.jobs()
    assert isinstance(job.request, TestOnPairs)
    work()
    page.run()
    assert "1 pair, short side 64 px" in text_of(page)
    (table,) = [each.value for each in page.table]
    assert list(table["Picture"]) == ["Mean", "0"]
    assert len(table.columns) == 7
