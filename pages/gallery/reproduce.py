"""Run a picture's recipe again: the button, and the verdict below it."""

import streamlit as st

from engine.jobs.records import Job
from engine.jobs.schema import FAILED, SUCCEEDED
from engine.reproducing.admission import keep, of_picture
from engine.reproducing.request import Reproduce
from engine.reproducing.verdict import Verdict, files_of, verdict_of
from engine.studio import Studio
from gallery.records import ImageRecord
from pages.parts.common import OWNER, plain
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press, problems_of

WHY = "Runs its recipe again and says whether the pixels are the same, and if not, what is different here"
RECENT = 50  # jobs among which the last one of a picture is looked for


def show_reproduce_button(studio: Studio, record: ImageRecord) -> None:
    """Offer it for pictures whose kind can be made again."""
    if record.kind not in studio.kinds or studio.kinds[record.kind].alone is None:
        return

    def submit(key: str) -> None:
        studio.submit(of_picture(studio.gallery, studio.kinds, record.id, OWNER), key=key, owner=OWNER)

    press = _press(record)
    st.button("Reproduce", key="reproduce", icon=":material/replay:", help=WHY, on_click=press.now, args=(submit,))


def show_reproduction(studio: Studio, record: ImageRecord) -> None:
    """What keeps it from being run again, how far it is, or how the last one came out."""
    _press(record).show_problems()
    job = _last_of(studio, record)
    if job is None:
        return
    if not job.ended:
        show_jobs(studio, (Reproduce.kind,))
    elif job.state == FAILED:
        st.error(plain(job.error), icon=":material/error:")
    elif job.state == SUCCEEDED and (verdict := verdict_of(studio.settings.home, job.id)):
        _show_verdict(studio, job, verdict)


def _press(record: ImageRecord) -> Press:
    return Press(f"reproduce_{record.id}")


def _last_of(studio: Studio, record: ImageRecord) -> Job | None:
    jobs = studio.jobs(kind=Reproduce.kind, owner=OWNER, limit=RECENT)
    return next((job for job in jobs if job.request is not None and job.request.image == record.id), None)


def _show_verdict(studio: Studio, job: Job, verdict: Verdict) -> None:
    st.markdown("**Reproduced**")
    if verdict.identical:
        st.success(plain(verdict.words()), icon=":material/check_circle:")
        return
    st.warning(plain(verdict.words()), icon=":material/difference:")
    _, picture = files_of(studio.settings.home, job.id)
    if not picture.is_file():
        return
    st.image(str(picture), caption="The new picture", width="stretch")
    if studio.gallery.of_job(job.id, with_deleted=True):
        st.caption("It is kept in the gallery too.")
    else:
        st.button("Keep it too", key="keep_reproduced", icon=":material/save:", on_click=_keep, args=(studio, job))
    for text in st.session_state.pop("not_kept", {}).values():
        st.error(plain(text), icon=":material/error:")


def _keep(studio: Studio, job: Job) -> None:
    if problems := problems_of(lambda: keep(studio.gallery, job)):
        st.session_state.not_kept = problems
