"""Evaluate: with and without a LoRA, checkpoints at several weights, and promoting one."""

import shutil
from pathlib import Path

import pytest
from ulid import ULID

from engine.lora.preparing import begin_evaluation, held_out_for
from engine.lora.requests import EvaluateLora, LoraGrid, PromoteLora
from engine.measuring.request import FetchNetwork
from tests.captioned import copy_training
from tests.pages.helpers import button, jumps, texts

REPORT, GRID = "With and without", "Checkpoints and weights"


@pytest.fixture
def run(studio, trained):
    """A finished training with a LoRA named castles."""
    return copy_training(trained, studio)


def text_of(page):
    return "\n".join(texts(part) for part in (page.markdown, page.caption)).replace("\\", "")


def errors_of(page):
    return texts(page.error).replace("\\", "")


def ready(page):
    assert not page.exception
    return page


def test_without_a_lora_the_page_says_where_they_come_from(open_page):
    page = open_page("evaluate")
    assert "There is no LoRA yet" in text_of(page)
    assert not page.selectbox


def test_a_network_to_measure_with_is_asked_for(open_page, studio, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    page = open_page("evaluate")
    assert "Networks to measure with: 4 of 4 networks not here" in [each.label for each in page.expander]
    assert "96 MB. Licence: Apache 2.0" in text_of(page)
    page.button(key="download_network_inception").click().run()
    (job,) = studio.jobs()
    assert job.request == FetchNetwork(network="inception")
    studio.cancel(job.id)
    page.run()
    page.text_input(key="folder_of_inception").set_value("/no such folder").run()
    page.button(key="copy_network_inception").click().run()
    assert "/no such folder is none" in errors_of(ready(page))
    page.text_input(key="folder_of_inception").set_value(str(tmp_path)).run()
    page.button(key="copy_network_inception").click().run()
    assert studio.jobs()[0].request == FetchNetwork(network="inception", folder=str(tmp_path))


def test_from_the_button_to_the_report(open_page, studio, run, work):
    page = open_page("evaluate", lora="castles")
    assert "Not evaluated yet" in text_of(page)
    page.number_input(key="evaluation_steps").set_value(1).run()
    assert "4 captions, each drawn with and without the LoRA: 8 pictures" in text_of(page)
    button(page, "Evaluate").click().run()
    (job,) = studio.jobs()
    assert isinstance(job.request, EvaluateLora)
    assert "Evaluating castles" in text_of(ready(page))

    studio.cancel(job.id)  # and go on
    page.run()
    assert "Stopped. What was drawn and measured is kept." in text_of(page)
    page.button(key=f"go_on_{job.id}").click().run()
    work()
    page.run()
    assert studio.jobs()[0].request == job.request
    shown = text_of(ready(page))
    assert "MMD in VGG19 features" in shown
    assert "reference: 4 pictures held out by the training" in shown
    assert "castlestyle, a castle number" in shown
    table = page.table[0].value
    assert list(table["N"]) == ["4"] * len(table)
    assert "VGG19 relu5_4" in table["Network"][0].replace("\\", "")
    assert "Go on" not in [each.label for each in page.button]


def test_a_grid_and_one_click_that_promotes(open_page, studio, run, work):
    page = open_page("evaluate", lora="castles", view=GRID)
    assert "In the picker as castles: step" in text_of(page)
    assert "Not compared yet" in text_of(page)
    page.number_input(key="grid_steps").set_value(1)
    page.number_input(key="grid_captions").set_value(1).run()
    assert "7 times 1 pictures" in text_of(page)
    page.number_input(key="grid_captions").set_value(9).run()
    assert "7 times 4 pictures, and the held-out loss of each on 4 pictures" in text_of(page)
    page.number_input(key="grid_captions").set_value(1).run()
    button(page, "Compare checkpoints").click().run()
    (job,) = studio.jobs()
    assert isinstance(job.request, LoraGrid)
    work()
    page.run()
    shown = text_of(ready(page))
    assert "held-out loss" in shown
    assert list(page.table[0].value.columns) == ["Checkpoint", "Without", "Weight 0.5", "Weight 0.75", "Weight 1"]

    page.button(key="promote_tertiary_step-000002_0.75").click().run()
    promotion = studio.jobs()[0].request
    assert isinstance(promotion, PromoteLora)
    assert (promotion.checkpoint, promotion.step) == ("step-000002", 2)
    work()
    page.run()
    assert "In the picker as castles: step 2, suggested weight 0.75. 1 earlier version is kept" in text_of(ready(page))


def test_wrong_values_are_said_and_nothing_begins(open_page, studio, run):
    page = open_page("evaluate", lora="castles")
    page.number_input(key="seeds").set_value(0).run()
    button(page, "Evaluate").click().run()
    assert "Pictures for each caption must be a whole number from 1 to 16; got 0." in texts(page.error).replace(
        "\\", ""
    )
    page = open_page("evaluate", lora="castles", view=GRID)
    page.number_input(key="grid_captions").set_value(99).run()
    button(page, "Compare checkpoints").click().run()
    assert "Captions to draw must be a whole number from 1 to 16; got 99" in errors_of(page)
    assert jumps(page) == ["grid_captions"]
    assert not studio.jobs()
    assert not list(Path(studio.settings.home / "evaluations").glob("*"))
    assert not list(Path(studio.settings.home / "prepared").glob("*"))


def test_the_newest_report_and_grid_are_shown_when_they_come(open_page, studio, run, work):
    held_out = held_out_for(studio.settings, "castles", None)
    shared = {"evaluation": str(ULID()), "num_inference_steps": 1}
    begin_evaluation(studio.settings, shared["evaluation"], held_out, "")
    studio.submit(EvaluateLora(lora="castles", model="mini", **shared))
    shared["evaluation"] = str(ULID())
    grid = LoraGrid(run=run, name="castles", checkpoints=("last",), weights=(1.0,), captions=1, **shared)
    begin_evaluation(studio.settings, shared["evaluation"], held_out, "")
    studio.submit(grid)
    work()
    for view, kind in ((REPORT, "report.json"), (GRID, "grid.json")):
        page = open_page("evaluate", lora="castles", view=view)
        (first,) = studio.settings.evaluations_dir.glob(f"*/{kind}")
        for _ in range(2):  # a second one brings the choice, a third one is there later than it
            newest = first.parent.with_name(str(ULID()))
            shutil.copytree(first.parent, newest)
            page.run()
            (chosen,) = [box for box in ready(page).selectbox if box.label in ("Report", "Grid")]
            assert chosen.value == newest.name


def test_only_what_can_go_on_is_offered_to(open_page, studio, run, work):
    page = open_page("evaluate", lora="castles")
    button(page, "Evaluate").click().run()
    (job,) = studio.jobs()
    studio.cancel(job.id)
    page.run()
    go_on = f"go_on_{job.id}"
    page.button(key=go_on).click().run()
    (again, _) = studio.jobs()
    assert (again.request, len(studio.jobs())) == (job.request, 2)
    studio.submit(job.request, key=f"go-on-{job.id}")  # the second of two clicks
    assert len(studio.jobs()) == 2
    studio.cancel(again.id)
    shutil.rmtree(studio.settings.evaluations_dir / job.request.evaluation)
    page.run()
    assert "It cannot go on" in text_of(ready(page))
    assert "Go on" not in [each.label for each in page.button]


def test_a_failed_evaluation_says_why(open_page, studio, run, trained, work):
    page = open_page("evaluate", lora="castles")
    button(page, "Evaluate").click().run()
    (job,) = studio.jobs()
    listed = studio.settings.evaluations_dir / job.request.evaluation / "evaluation.json"
    listed.unlink()
    work()
    page.run()
    assert "Begin the evaluation anew" in errors_of(ready(page))
    assert "Go on" not in [each.label for each in page.button]
