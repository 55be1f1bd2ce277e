"""The front door: page navigation, and the worker's life around the web server's."""

import logging
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import streamlit as st
from starlette.websockets import WebSocketDisconnected

from engine.in_words import in_words
from engine.studio import Studio
from gallery.errors import DatabaseDamaged
from pages.parts.common import PEOPLE_ERRORS, open_studio, show_unexpected_error

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
# `show_unexpected_error` says these, once for as long as they last.
logging.getLogger("streamlit.error_util").addFilter(lambda record: record.msg != "Uncaught app execution")
log = logging.getLogger("studio")


def _no_browser_that_left(record: logging.LogRecord) -> bool:
    """Streamlit answers a browser that left while something was sent to it: no fault, so no traceback is shown."""
    return not (record.exc_info and isinstance(record.exc_info[1], WebSocketDisconnected))


logging.getLogger("uvicorn.error").addFilter(_no_browser_that_left)

REPAIR_SECONDS = 3.0  # between looks whether a damaged database was repaired


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Start the worker with the server, and drain it before the server ends."""
    stopping = threading.Event()
    starting = threading.Thread(target=_serve_until, args=(_opened(), stopping), name="front door", daemon=True)
    starting.start()
    try:
        yield
    finally:
        stopping.set()
        await anyio.to_thread.run_sync(starting.join)


def _serve_until(studio: Studio | None, stopping: threading.Event) -> None:
    """Keep the worker beside the server; a damaged database is waited for, since every page says how to repair it."""
    while studio is None and not stopping.wait(REPAIR_SECONDS):
        with suppress(*PEOPLE_ERRORS):
            studio = open_studio()
    if studio is None:
        return
    if said := studio.health.lost_pictures():
        log.error(said)
    supervisor = studio.supervisor()
    supervisor.start()
    stopping.wait()
    supervisor.stop()


def _opened() -> Studio | None:
    """The studio, or None where its database is damaged; what else keeps it from opening ends the server, in words."""
    try:
        return open_studio()
    except DatabaseDamaged as error:
        log.error(error)
        return None
    except Exception as error:
        text = in_words(error)
        if text is None:
            raise
        print(f"Niji Studio cannot start. {text}", file=sys.stderr, flush=True)
        os._exit(1)  # an exception from here would be reported with its traceback


app = st.App("pages/navigation.py", lifespan=lifespan, on_script_error=show_unexpected_error)
