"""The front door, when something keeps the studio from opening."""

import logging
import os
import subprocess
import sys

import pytest
from starlette.websockets import WebSocket

import app  # its import says what the server's log leaves out
from engine.settings import PROJECT
from pages.parts import common


def says_why(code: int, errors: str, said: str) -> None:
    assert code == 1
    assert "Niji Studio cannot start." in errors
    assert said in errors
    assert "Traceback" not in errors


def test_what_keeps_the_studio_from_opening_is_said_and_the_server_ends():
    server = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", "0"],
        cwd=PROJECT,
        env=os.environ | {"STUDIO_HOME": "/dev/null/studio"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    says_why(server.returncode, server.stderr, "/dev/null/studio")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("STUDIO_QUEUE_LIMIT", "many", "STUDIO_QUEUE_LIMIT must be a number; got 'many'"),
        ("STUDIO_DATABASE_URL", "no url", "Check STUDIO_DATABASE_URL"),
    ],
)
def test_a_wrong_setting_ends_the_process_that_would_serve(tmp_path, monkeypatch, capfd, variable, value, said):
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv(variable, value)
    common._studio.cache_clear()
    copy = os.fork()  # what the server does first, without the imports of another process
    if copy == 0:
        app._opened()
        os._exit(0)
    says_why(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), capfd.readouterr().err, said)


def test_a_browser_that_leaves_is_no_traceback_in_the_log_but_a_fault_is(caplog):
    async def left() -> None:
        await WebSocket({"type": "websocket"}, receive=None, send=None).receive_bytes()

    async def failed() -> None:
        raise RuntimeError("a fault")

    for connection in (left, failed):
        try:
            connection().send(None)  # its first step; another test's event loop may be running
        except RuntimeError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a fault"]
