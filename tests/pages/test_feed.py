"""The end of a job: what it made stands in the next look's place, and then the page runs again."""

import re
import time
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from engine.jobs.schema import RUNNING, SUCCEEDED
from pages.parts.progress import progress_text
from tests.pages.helpers import texts
from tests.tiny import REQUEST


def watching() -> None:
    """A page that is asked again and again by the browser, with one watched job."""
    import streamlit as st

    from engine.diffusion.request import TextToImage
    from pages.parts.common import OWNER, open_studio
    from pages.parts.feed import _End

    studio = open_studio()
    if "end" not in st.session_state:
        watched = [job.id for job in studio.jobs(owner=OWNER, active=True)]
        kinds = [TextToImage.kind]
        st.session_state.end = _End(
            studio, kinds, watched, lambda studio, job, images: st.text(f"{len(images)} picture")
        )
    if "toasts" not in st.session_state:  # the page that runs again watches anew
        st.session_state.end.look()


def test_what_a_job_made_is_shown_before_the_page_runs_again(open_page, studio, work):
    open_page("generate")  # opens the studio of this test for the pages
    job = studio.submit(replace(REQUEST, model="mini"))
    page = AppTest.from_function(watching).run()
    for _ in range(2):  # its own run, then a look while the job waits
        assert not page.exception
        assert not page.text
        page.run()
    work()
    page.run()
    assert studio.job(job.id).state == SUCCEEDED
    assert "1 picture" in texts(page.text)
    assert "toasts" not in page.session_state
    page.session_state["open_dialog"] = ("of another part of the page", 0, {})
    page.run()
    assert "1 picture" in texts(page.text)
    assert "toasts" not in page.session_state  # the page waits until the dialog is closed
    del page.session_state["open_dialog"]
    page.run()
    assert any("Succeeded" in words for words in page.session_state["toasts"])


def test_a_long_prompt_does_not_push_a_job_out_of_sight(open_page, studio):
    open_page("generate")
    prompt = ", ".join(["a castle on a hill"] * 150)
    studio.submit(replace(REQUEST, model="mini", prompt=prompt))
    page = open_page("generate")
    (heading,) = (text.value for text in page.text if "\nWaiting" in text.value)
    assert heading.startswith("a castle on a hill, a castle")
    assert "…\nWaiting" in heading
    assert len(heading) < 300


def test_a_job_without_steps_says_how_long_it_is_at_work(open_page, studio):
    open_page("generate")
    job = studio.submit(replace(REQUEST, model="mini"))
    loading = replace(job, state=RUNNING, stage="Loading", started_at=time.time() - 70)
    assert re.fullmatch(r"Loading, 1 min \d+ s so far", progress_text(studio, loading))
    begun = replace(loading, started_at=time.time())
    assert progress_text(studio, begun) == "Loading"
    paced = replace(loading, step=1, steps=4, seconds_left=30)
    assert progress_text(studio, paced) == "Loading, step 1 of 4, about 30 s left"
    assert progress_text(studio, replace(loading, cancel_requested=True)) == "Stopping at the next step"
