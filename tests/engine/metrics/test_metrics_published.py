"""Published weights: found, fetched only when allowed, continued, and never taken for what they are not."""

import hashlib
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from huggingface_hub import constants

from engine.errors import Cancelled, ModelUnavailable, NotFound, Offline, UnsafeFile
from engine.metrics.published.catalogue import captioner, network_named, networks
from engine.metrics.published.fetching import Access, copy_from, require
from engine.metrics.published.files import PublishedFile, checkpoints

CONTENT = bytes(range(256)) * 8192  # 2 MB
ALLOWED = Access(allowed=True, retry_pauses=(0.0,))


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, from the byte that is asked for; `pause` seconds before the last byte.

    The first answers end after the bytes in `cuts`; `asked` notes where each was to begin.
    """

    pause = 0.0
    ranges = True
    cuts: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content, wanted = path.read_bytes(), self.headers.get("Range", "")
        self.asked.append(wanted)
        if wanted and self.ranges:
            content = content[int(wanted.removeprefix("bytes=").rstrip("-")) :]
            self.send_response(206 if content else 416)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.cuts:
            content = content[: self.cuts.pop(0)]
        self.wfile.write(content[:-1])
        time.sleep(self.pause)
        self.wfile.write(content[-1:])


def seen(folder):
    """The names of the files that people see there."""
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A file on a server of this machine, with downloads allowed."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(Handler, "cuts", [])
    monkeypatch.setattr(Handler, "asked", [])
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
    assert seen(folder) == ["net.pth"]
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
    assert seen(tmp_path / "weights") == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_connection_is_continued(published, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr(Handler, "ranges", ranges)
    Handler.cuts += [1_500_000]
    come = []
    require("A test", [published], tmp_path / "weights", replace(ALLOWED, report=lambda *done: come.append(done)))
    assert (tmp_path / "weights" / "net.pth").read_bytes() == CONTENT
    assert Handler.asked == ["", "bytes=1500000-"]
    assert come[-1] == (len(CONTENT), len(CONTENT))


def test_what_came_before_it_broke_too_often_is_kept_for_the_next_call(published, tmp_path):
    Handler.cuts += [1_500_000, 100_000]
    with pytest.raises(Offline, match=r"497,152 bytes did not come\. 1\.6 MB have come and are kept\."):
        require("A test", [published], tmp_path / "weights", ALLOWED)
    assert not (tmp_path / "weights" / "net.pth").exists()
    require("A test", [published], tmp_path / "weights", ALLOWED)
    assert Handler.asked[-1] == "bytes=1600000-"
    assert (tmp_path / "weights" / "net.pth").read_bytes() == CONTENT


def test_all_bytes_without_their_name_are_not_fetched_again(published, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / f"net.pth.{published.sha256[:12]}.part").write_bytes(CONTENT)
    require("A test", [published], tmp_path / "weights", ALLOWED)
    assert seen(tmp_path / "weights") == ["net.pth"]


def test_files_brought_by_hand_are_checked_and_copied(published, tmp_path):
    by_hand, place = tmp_path / "stick", tmp_path / "weights"
    by_hand.mkdir()
    with pytest.raises(NotFound, match=r"stick must hold net.pth; it lacks net.pth. Get what is missing from http"):
        copy_from(by_hand, [published], place)
    (by_hand / "net.pth").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(UnsafeFile, match=r"must have the SHA-256"):
        copy_from(by_hand, [published], place)
    assert not place.exists()
    (by_hand / "net.pth").write_bytes(CONTENT)
    copy_from(by_hand, [published], place)
    require("A test", [published], place)
    assert (by_hand / "net.pth").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/net.pth", "http://nowhere.invalid/net.pth"])
def test_an_unreachable_place_is_told_at_once(monkeypatch, tmp_path, url):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    start = time.monotonic()
    with pytest.raises(Offline, match=r"net.pth \(5.0 MB\) cannot be downloaded from .*copy it to"):
        require("A test", [PublishedFile("net.pth", url, 5_000_000)], tmp_path, ALLOWED)
    assert time.monotonic() - start < 60  # not minutes of retries


def test_a_missing_page_is_told(published, tmp_path):
    (tmp_path / "www" / "net.pth").unlink()
    with pytest.raises(Offline, match="HTTP Error 404"):
        require("A test", [published], tmp_path / "weights", ALLOWED)


def test_a_stop_ends_it(published, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "pause", 1.0)
    with pytest.raises(Cancelled):
        require("A test", [published], tmp_path / "weights", Access(True, should_stop=lambda: True))
    assert not (tmp_path / "weights" / "net.pth").exists()


def test_the_offline_switch_is_honoured(published, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Offline, match="HF_HUB_OFFLINE is set"):
        require("A test", [published], tmp_path / "weights", ALLOWED)


def test_the_place_is_torch_hubs(monkeypatch, tmp_path):
    for variable, value in (("TORCH_HOME", None), ("XDG_CACHE_HOME", "own"), ("TORCH_HOME", "torch")):
        monkeypatch.setenv(variable, str(tmp_path / value)) if value else monkeypatch.delenv(variable, raising=False)
        assert checkpoints() == Path(torch.hub.get_dir()) / "checkpoints"


def test_every_network_has_a_size_a_licence_and_a_place(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert [network.name for network in networks()] == ["clip", "inception", "alexnet", "vgg16"]
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for network in (*networks(), captioner()):
        assert not network.available
        assert network.size_bytes > 90_000_000
        assert network.licence
        assert network.place.is_relative_to(tmp_path)
    with pytest.raises(NotFound, match="must be one of clip, inception, alexnet, vgg16, blip; got 'vgg'"):
        network_named("vgg")
