"""Published weights: found, fetched only when allowed, and never taken for what they are not."""

import hashlib
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from engine.errors import Cancelled, ModelUnavailable, Offline, UnsafeFile
from engine.metrics.published import Access, PublishedFile, checkpoints, require

CONTENT = bytes(range(256)) * 8192  # 2 MB
ALLOWED = Access(allowed=True)


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; `pause` seconds before the last byte."""

    pause = 0.0

    def log_message(self, *_):
        pass

    def copyfile(self, source, outputfile):
        content = source.read()
        outputfile.write(content[:-1])
        time.sleep(self.pause)
        outputfile.write(content[-1:])


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A file on a server of this machine, with downloads allowed."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "net.pth").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "www")))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/net.pth"
    yield PublishedFile("net.pth", url, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    server.shutdown()
    server.server_close()


def test_it_is_fetched_whole_when_allowed_and_not_again(published, tmp_path):
    folder = tmp_path / "weights"
    require("A test", [published], folder, ALLOWED)
    assert (folder / "net.pth").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["net.pth"]
    before = (folder / "net.pth").stat().st_mtime_ns
    require("A test", [published], folder)
    assert (folder / "net.pth").stat().st_mtime_ns == before


def test_it_is_not_fetched_unless_allowed(published, tmp_path):
    with pytest.raises(
        ModelUnavailable, match=r"A test needs a network that is not here: get \S+net.pth \(2.1 MB\) into "
    ):
        require("A test", [published], tmp_path)
    assert not (tmp_path / "net.pth").exists()


@pytest.mark.parametrize("content", [b"other bytes", CONTENT[:-1]])
def test_other_bytes_are_not_kept(published, tmp_path, content):
    (tmp_path / "www" / "net.pth").write_bytes(content)
    with pytest.raises(UnsafeFile, match=r"net.pth must have the SHA-256 .* Try again later; get it from http"):
        require("A test", [published], tmp_path / "weights", ALLOWED)
    assert list((tmp_path / "weights").iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/net.pth", "http://nowhere.invalid/net.pth"])
def test_an_unreachable_place_is_told_at_once(monkeypatch, tmp_path, url):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    start = time.monotonic()
    with pytest.raises(Offline, match=r"net.pth \(5.0 MB\) cannot be downloaded from .*copy it to"):
        require("A test", [PublishedFile("net.pth", url, 5_000_000)], tmp_path, ALLOWED)
    assert time.monotonic() - start < 20  # not minutes of retries


def test_a_missing_page_is_told(published, tmp_path):
    (tmp_path / "www" / "net.pth").unlink()
    with pytest.raises(Offline, match="HTTP Error 404"):
        require("A test", [published], tmp_path / "weights", ALLOWED)


def test_a_stop_ends_it(published, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "pause", 1.0)
    with pytest.raises(Cancelled):
        require("A test", [published], tmp_path / "weights", Access(True, should_stop=lambda: True))
    assert list((tmp_path / "weights").iterdir()) == []


def test_the_offline_switch_is_honoured(published, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Offline, match="HF_HUB_OFFLINE is set"):
        require("A test", [published], tmp_path / "weights", ALLOWED)


def test_the_place_is_torch_hubs(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert checkpoints() == tmp_path / "hub" / "checkpoints"
