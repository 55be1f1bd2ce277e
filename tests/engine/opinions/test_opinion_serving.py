"""The participants' server: where it listens, and that it ends with whoever started it."""

import socket
import sys

import pytest

from engine.opinions.serving import listens, start


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has a second address without a network.")
def test_it_listens_at_one_address_and_ends_with_its_parent_though_nobody_came(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        port = free.getsockname()[1]
    process = start(tmp_path, "127.0.0.2", port)
    try:
        assert listens(port, "127.0.0.2")
        assert not listens(port)
        process.stdin.close()  # what the system does when the studio is killed
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
