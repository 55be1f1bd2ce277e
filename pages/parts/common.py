"""What every page needs: the studio, plain texts, and errors in words."""

import logging
import time
from functools import cache

import streamlit as st

from engine.errors import Problem, StudioError
from engine.jobs.trouble import Trouble
from engine.settings import Settings
from engine.studio import Studio
from gallery.errors import GalleryError

log = logging.getLogger(__name__)
_trouble = Trouble(log)

OWNER = "artist"
STUDIO = "studio"  # the "field" of problems that no value is to blame for
GENERATE, ANIMEIFY, GALLERY = "generate/page.py", "animeify/page.py", "gallery/page.py"
TRAIN, EVALUATE = "train/page.py", "evaluate/page.py"
STORAGE, QUEUE = "storage/page.py", "queue/page.py"
STUDIES = "studies/page.py"
UPSCALE, EXPLORE = "upscale/page.py", "explore/page.py"
PEOPLE_ERRORS = (StudioError, GalleryError)


@cache
def _studio(settings: Settings) -> Studio:
    return Studio(settings)


def open_studio() -> Studio:
    """The studio of this process: one per settings, shared by all sessions (it is thread-safe)."""
    return _studio(Settings.from_environment())


def show_unexpected_error(error: Exception) -> bool:
    """Show an error that no page foresaw without its traceback; the log has that."""
    # A part that looks again twice a second meets what lasts as often: the log says it once.
    if isinstance(error, PEOPLE_ERRORS):
        _trouble.met("a page cannot show everything", error, traceback=False)
        st.error(plain(error), icon=":material/error:")
        return True
    _trouble.met("page failed", error)
    if isinstance(error, OSError) and error.filename:
        st.error(plain(_file_text(error)), icon=":material/folder_off:")
        return True
    st.error(
        "This page met an error that it does not know. What you made is safe. "
        "Reload the page; if it happens again, the terminal that runs the studio shows the details.",
        icon=":material/error:",
    )
    return True


def _file_text(error: OSError) -> str:
    return (
        f"The studio must be able to read and write {error.filename}; got: {error.strerror}. Check that its disk is "
        "connected, has space left and may be written by this user, then reload the page."
    )


def plain(text: object) -> str:
    """Text as it is, for widgets that read Markdown: prompts and file names are not markup."""
    escaped = str(text)
    for mark in "\\`*_{}[]<>()#+-.!|~:$&":
        escaped = escaped.replace(mark, "\\" + mark)
    return escaped.replace("\n", "  \n")


def show_problems(problems: dict[str, str], *fields: str) -> None:
    """Say what is wrong with these fields, directly below them.

    The place is there also when nothing is wrong: a message that comes or goes must not move the fields below
    it, because the browser would build them anew and drop what is just being typed.
    """
    with st.container():
        for field in fields:
            if field in problems:
                st.html(f'<span id="wrong-{field}"></span>')
                st.error(plain(problems[field]), icon=":material/error:")


def by_field(problems: tuple[Problem, ...]) -> dict[str, str]:
    """Problems keyed by the field they belong to, several of one field joined."""
    texts: dict[str, str] = {}
    for problem in problems:
        texts[problem.field] = "\n".join(filter(None, [texts.get(problem.field), problem.message]))
    return texts


def duration(seconds: float) -> str:
    """Seconds as people say them: `8 s`, `2 min 5 s`, `1 h 10 min`."""
    seconds = max(1, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def when(moment: float) -> str:
    """A moment in the past as people say it, in the studio's own time zone."""
    local = time.localtime(moment)
    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", local)
    return time.strftime("today %H:%M" if today else "%Y-%m-%d %H:%M", local)


def shown_width(pixels: int) -> int | str:
    """How wide a picture is shown: small ones at twice their size, large ones as wide as the column."""
    return 2 * pixels if pixels <= 320 else "stretch"


def size_text(size_bytes: int) -> str:
    """Bytes as people say them."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"
