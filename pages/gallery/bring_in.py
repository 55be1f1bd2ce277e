"""Bring in a folder of another tool's pictures: its path on this machine, or several files by upload."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st
from ulid import ULID

from engine.datasets.uploads import keep_uploads
from engine.importing.request import Import
from engine.jobs.records import Job
from engine.jobs.schema import FAILED, SUCCEEDED
from engine.picture_files import SUFFIXES
from engine.prepared import prepared
from engine.studio import Studio
from pages.parts.common import OWNER, plain
from pages.parts.jobs import show_jobs
from pages.parts.submit import Press

UPLOAD, FOLDER = "Upload", "Folder on this machine"
_PRESS = Press("bring_in", places={"folder": "bring_in_f"})  # the path, or the files


def show_bring_in(studio: Studio) -> None:
    """The form in a popover, and below it what is being brought in and how the last one came out."""
    with st.popover("Bring in", icon=":material/drive_folder_upload:", help="Pictures that other tools made"):
        st.caption("PNG, JPEG and WebP of other tools, copied with the recipes that they carry. Yours stay untouched.")
        way = st.segmented_control("From", [FOLDER, UPLOAD], default=FOLDER, required=True, key="bring_in_way")
        _folder(studio) if way == FOLDER else _upload(studio)


def show_brought_in(studio: Studio) -> None:
    """Progress with a way to stop; the last report until it is dismissed."""
    show_jobs(studio, (Import.kind,))
    jobs = studio.jobs(kind=Import.kind, owner=OWNER, limit=1)
    if jobs and jobs[0].ended and st.session_state.get("brought_in") == jobs[0].id:
        _show_report(jobs[0])


def _folder(studio: Studio) -> None:
    folder = st.text_input("Folder", key="bring_in_folder", placeholder="the folder's path")
    recursive = st.checkbox("The folders in it too", value=True, key="bring_in_recursive")
    values = {"folder": _absolute(folder), "recursive": recursive}
    pressed = _PRESS.button("Bring in", ":material/drive_folder_upload:", main=False, disabled=not folder.strip())
    _PRESS.show_problems(values)
    if pressed:
        _PRESS.ask(values, lambda key: _submit(studio, values, key))


def _upload(studio: Studio) -> None:
    files = st.file_uploader(
        "Pictures, or one ZIP of them",
        type=[*SUFFIXES, ".zip"],
        accept_multiple_files=True,
        key=f"bring_in_files_{st.session_state.setdefault('bring_in_uploads', 0)}",
    )
    names = tuple(file.file_id for file in files or ())
    pressed = _PRESS.button("Bring in", ":material/drive_folder_upload:", main=False, disabled=not names)
    _PRESS.show_problems({"folder": names})
    if pressed and files:
        _PRESS.ask({"folder": names}, lambda key: _submit_files(studio, files, key))


def _submit_files(studio: Studio, files: list[Any], key: str) -> None:
    values = {"folder": str(ULID()), "upload": True, "recursive": True}
    place = Import(**values).place(studio.settings.home)
    keep_uploads([(file.name, file) for file in files], prepared(studio.settings.home, place))
    _submit(studio, values, key)
    st.session_state.bring_in_uploads += 1


def _submit(studio: Studio, values: dict[str, Any], key: str) -> None:
    job = studio.submit(studio.request(Import.kind, values), key=key, owner=OWNER)
    st.session_state.brought_in = job.id


def _absolute(folder: str) -> str:
    path = Path(folder.strip().replace("\0", ""))
    with suppress(RuntimeError):  # a "~" that names nobody stays as it is, and the folder is not found
        path = path.expanduser()
    return str(path.absolute()) if folder.strip() else ""


def _show_report(job: Job) -> None:
    with st.container(border=True):
        if job.state == SUCCEEDED:
            st.markdown("  \n".join(plain(note) for note in job.notes))
        else:
            text = job.error if job.state == FAILED else "Stopped. What was brought in stays; ask again for the rest."
            st.error(plain(text), icon=":material/error:")
        st.button("Dismiss", icon=":material/close:", key="dismiss_brought_in", type="tertiary", on_click=_dismiss)


def _dismiss() -> None:
    st.session_state.pop("brought_in", None)
