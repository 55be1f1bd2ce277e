"""Choosing a checkpoint by eye, blind: drawn as a job, judged in the studio, beside the measured loss, and used."""

import pytest

from engine.lora.by_eye.request import JudgeByEye
from engine.lora.requests import PromoteLora
from engine.opinions.studies import Studies
from engine.opinions.study import PAIRS
from engine.opinions.trials import trials_for
from tests.captioned import copy_training
from tests.pages.helpers import button, texts

BY_EYE = "By eye, blind"


@pytest.fixture
def run(studio, trained):
    """A finished training with a LoRA named castles, and checkpoints of steps 2 and 4."""
    return copy_training(trained, studio)


def text_of(page):
    assert not page.exception
    return "\n".join(texts(part) for part in (page.markdown, page.caption)).replace("\\", "")


def keyed(page, key):
    return next(element for element in page.button if element.key == key)


def test_from_the_form_to_the_picker(open_page, studio, run, work):
    page = open_page("evaluate", lora="castles", view=BY_EYE)
    assert "Not judged yet" in text_of(page)
    prompts = page.text_area(key=f"eye_prompts_{run}")
    assert prompts.value.startswith("castlestyle, a castle number")
    prompts.set_value("")
    page.number_input(key="eye_steps").set_value(1).run()
    button(page, "Draw them to judge").click().run()
    assert "Prompts must be 1 to 16" in texts(page.error).replace("\\", "")
    page.text_area(key=f"eye_prompts_{run}").set_value("a red castle\n\na lake\na red castle").run()
    assert "6 pictures to draw; then 7 questions" in text_of(page)
    button(page, "Draw them to judge").click().run()
    (job,) = studio.jobs()
    assert isinstance(job.request, JudgeByEye)
    assert (job.request.prompts, job.request.seeds) == (("a red castle", "a lake"), 1)
    work()
    page.run()
    assert "0 of 7 questions answered" in text_of(page)
    assert not list(studio.settings.evaluations_dir.glob(f"{job.request.study}*"))  # the study has its own

    studies = Studies(studio.settings.home)
    (study,) = studies.all()
    rounds = open_page("studies", study=study.id)
    shown = text_of(rounds)
    keyed(rounds, "begin_judging").click().run()
    (judge,) = studies.participants(study)
    shown += text_of(rounds)
    assert "a lake" in shown or "a red castle" in shown
    assert not any(method in shown for method in study.methods)  # blind
    for trial in trials_for(study, judge.id):
        choice = next((method for method in trial.shown if method == "step 2"), "equal")
        studies.answer(study, judge.id, trial.position, {PAIRS: choice}, 2.0)
    rounds.run()
    assert "step 2 came first, chosen in 4 of 4" in text_of(rounds)

    page.run()
    shown = text_of(page)
    assert "To your eye: step 2" in shown
    assert "fewer than 6 pictures" in shown
    assert "Of 1 question that came twice you answered 1 the same way" in shown
    assert "the lowest" in "".join(page.table[0].value["Held-out loss"])
    keyed(page, "promote_primary_step-000002_1").click().run()
    promotion = studio.jobs()[0].request
    assert isinstance(promotion, PromoteLora)
    assert (promotion.run, promotion.checkpoint, promotion.step) == (run, "step-000002", 2)

    keyed(rounds, "delete_study").click().run()
    assert studies.all() == []
    assert "study" not in rounds.query_params
