"""The front door: page navigation, and the worker's life around the web server's."""

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import streamlit as st

from engine.in_words import in_words
from engine.studio import Studio
from pages.parts.common import open_studio, show_unexpected_error

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Start the worker with the server, and drain it before the server ends."""
    supervisor = _opened().supervisor()
    supervisor.start()
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(supervisor.stop)


def _opened() -> Studio:
    """The studio; what keeps it from opening is said in words, and the server does not start."""
    try:
        return open_studio()
    except Exception as error:
        text = in_words(error)
        if text is None:
            raise
        print(f"Niji Studio cannot start. {text}", file=sys.stderr, flush=True)
        os._exit(1)  # an exception from here would be reported with its traceback


app = st.App("pages/navigation.py", lifespan=lifespan, on_script_error=show_unexpected_error)
