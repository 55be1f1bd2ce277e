"""Choosing captioned pictures: uploaded, or in a folder of this machine."""

from contextlib import suppress
from pathlib import Path

import streamlit as st
from ulid import ULID

from engine.datasets.uploads import keep_uploads
from engine.picture_files import SUFFIXES
from engine.studio import Studio
from pages.parts.common import PEOPLE_ERRORS, plain, show_problems

UPLOAD, FOLDER = "Upload", "Folder on this machine"
KINDS = (*SUFFIXES, ".csv", ".txt", ".caption", ".json", ".jsonl", ".zip")


def pick_dataset(studio: Studio) -> Path | None:
    """The folder of the data set; the address names it, so it survives a refresh. None while nothing is chosen."""
    way = st.segmented_control("Where from", [UPLOAD, FOLDER], default=UPLOAD, required=True, key="way")
    if way == UPLOAD:
        _upload(studio)
    else:
        st.text_input(
            "Folder",
            key="folder",
            placeholder="the folder's path",
            help="Pictures with captions: a CSV, text files beside them, metadata.jsonl, or kohya's folders",
            on_change=_take_folder,
        )
    name = st.query_params.get("dataset", "")
    if not name:
        st.caption("PNG, JPEG and WebP with captions in any usual layout, or one ZIP of all that.")
        return None
    if Path(name).is_absolute():
        st.caption(plain(f"From {name}"))
        return Path(name)
    return studio.settings.home / "datasets" / Path(name).name


def _take_folder() -> None:
    folder = Path(st.session_state.folder.strip().replace("\0", ""))
    with suppress(RuntimeError):  # a "~" that names nobody stays as it is, and the folder is not found
        folder = folder.expanduser()
    st.query_params["dataset"] = str(folder.absolute())


def _upload(studio: Studio) -> None:
    files = st.file_uploader(
        "Pictures and captions",
        type=KINDS,
        accept_multiple_files=True,
        key=f"pictures_{st.session_state.setdefault('picture_uploads', 0)}",
    )
    if not files:
        return
    name = str(ULID())
    folder = studio.settings.home / "datasets" / name
    try:
        keep_uploads([(file.name, file) for file in files], folder)
    except PEOPLE_ERRORS as error:
        show_problems({"upload": str(error)}, "upload")
        return
    st.query_params["dataset"] = name
    st.session_state.picture_uploads += 1
    st.rerun()
