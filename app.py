"""The front door: page navigation, and the worker's life around the web server's."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import streamlit as st

from pages.common import open_studio, show_unexpected_error

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Start the worker with the server, and drain it before the server ends."""
    supervisor = open_studio().supervisor()
    supervisor.start()
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(supervisor.stop)


app = st.App("pages/navigation.py", lifespan=lifespan, on_script_error=show_unexpected_error)
