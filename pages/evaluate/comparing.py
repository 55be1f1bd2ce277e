"""What comparisons and tests of translators show alike: tables, jobs that came to no end, reports that are damaged."""

from collections.abc import Callable, Sequence
from functools import wraps

import streamlit as st

from engine.comparing.plan import ASKED, COMPARED, TESTED, Report, folder_of
from engine.comparing.report import Cells
from engine.comparing.request import CompareTranslators, TestOnPairs
from engine.jobs.records import Job
from engine.jobs.schema import FAILED, SUCCEEDED
from engine.studio import Studio
from pages.parts.common import OWNER, plain, show_problems, when
from pages.parts.submit import Press


def table(rows: Sequence[Cells]) -> None:
    """Cells as a table; what people called things is no markup."""
    st.table([{plain(name): plain(text) for name, text in row.items()} for row in rows])


def told(show: Callable[[Report], None]) -> Callable[[Report], None]:
    """A report that another version wrote, or that was damaged, is said to be so."""

    @wraps(show)
    def shown(found: Report) -> None:
        try:
            show(found)
        except (KeyError, TypeError, IndexError, AttributeError):
            st.error(plain(f"The report in {found.folder} cannot be read. Ask for it anew."), icon=":material/error:")

    return shown


def show_ended(studio: Studio, kind: str) -> None:
    """The newest job of this kind, where it failed or was stopped: why, and how it goes on."""
    jobs = studio.jobs(kind=kind, owner=OWNER, limit=1)
    if not jobs or not jobs[0].ended or jobs[0].state == SUCCEEDED:
        return
    (job,) = jobs
    if not isinstance(job.request, CompareTranslators | TestOnPairs):
        return
    folder = folder_of(studio.settings, job.request)
    if any((folder / name).exists() for name in (COMPARED, TESTED)):
        return
    with st.container(border=True):
        st.markdown(f"**{plain(studio.title(job))}** · {when(job.created_at)}")
        if job.state == FAILED:
            show_problems({"job": job.error or "It failed without a reason."}, "job")
        else:
            st.caption("Stopped. What was made so far is kept.")
        if (folder / ASKED).exists():
            st.button("Go on", key=f"go_on_{job.id}", icon=":material/play_arrow:", on_click=_go_on, args=(studio, job))
        _press(job).show_problems()


def _press(job: Job) -> Press:
    return Press(f"go_on_{job.id}")


def _go_on(studio: Studio, job: Job) -> None:
    """Ask for the same again: it finds what is there already. However often it is pressed, it is one job."""
    _press(job).now(lambda key: studio.submit(job.request, key=f"go-on-{job.id}", owner=OWNER))
