"""Small model folders, LoRA files and a model hub on this machine, made from numpy and the standard library."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.settings import Settings

HUB_ID = "studio/tiny"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", weights_dir=tmp_path / "shipped")


@pytest.fixture
def save_model() -> Callable[..., Path]:
    """Save a folder in diffusers layout whose weights are a few numbers."""
    return _save_model


def _save_model(
    folder: Path,
    width: int = 1024,
    sample_size: object = 96,
    vae_blocks: int = 4,
    prediction_type: str = "v_prediction",
    variant: str = "",
    weights: int = 8,
    pipeline: str = "StableDiffusionPipeline",
) -> Path:
    configs = {
        "model_index.json": {"_class_name": pipeline},
        "unet/config.json": {"cross_attention_dim": width, "sample_size": sample_size, "in_channels": 4},
        "vae/config.json": {"block_out_channels": [8] * vae_blocks, "latent_channels": 4},
        "text_encoder/config.json": {"hidden_size": width},
        "scheduler/scheduler_config.json": {"prediction_type": prediction_type},
        "tokenizer/vocab.json": {"a": 0},
    }
    for name, config in configs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(config))
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n")
    rng = np.random.default_rng(0)
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        tensors = {"weight": rng.standard_normal(weights).astype(np.float16)}
        save_file(tensors, folder / part / f"{stem}{variant}.safetensors")
    return folder


@pytest.fixture
def save_checkpoint() -> Callable[..., Path]:
    """Save a single-file checkpoint with the tensors that tell its kind, each filled with zeros."""
    return _save_checkpoint


def _save_checkpoint(path: Path, width: int = 1024, channels: int = 4) -> Path:
    block = "model.diffusion_model.input_blocks"
    tensors = {
        f"{block}.0.0.weight": np.zeros((2, channels, 3, 3), np.float16),
        f"{block}.1.1.transformer_blocks.0.attn2.to_k.weight": np.zeros((2, width), np.float16),
        "cond_stage_model.model.ln_final.weight": np.zeros(2, np.float16),
        "first_stage_model.decoder.conv_in.weight": np.zeros(2, np.float16),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
    return path


@pytest.fixture
def save_lora() -> Callable[..., Path]:
    """Save a LoRA of one cross-attention layer, by default in kohya's names."""
    return _save_lora


LORA_STYLES = {
    "kohya": "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_{}.weight down up",
    "diffusers": "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora.{}.weight down up",
    "diffusers old": "down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.{}.weight down up",
    "peft": "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.lora_{}.weight A B",
}


def _save_lora(
    path: Path, width: int = 1024, rank: int = 4, style: str = "kohya", metadata: dict | None = None
) -> Path:
    pattern, down, up = LORA_STYLES[style].split()
    tensors = {
        pattern.format(down): np.zeros((rank, width), np.float16),
        pattern.format(up): np.zeros((8, rank), np.float16),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)
    return path


@dataclass
class Hub:
    """A model hub with one repository; `cuts` and `statuses` make it fail as real ones do."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    """Per file: how many bytes each next answer sends before the connection ends."""
    statuses: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Per path: status and X-Error-Code of the next answers."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each file that was asked for, with the range."""
    pieces: threading.Semaphore | None = None
    """When set, each kilobyte of a large file waits for a permit."""
    damaged: dict[str, bytes] = field(default_factory=dict)
    """Bytes to send in place of the listed ones."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes to list that differ from the truth."""
    endpoint: str = ""
    hub_id: str = HUB_ID

    def holds(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                self.files[path.relative_to(folder).as_posix()] = path.read_bytes()

    def listing(self) -> dict:
        return {"id": HUB_ID, "sha": REVISION, "siblings": [self._sibling(name) for name in self.files]}

    def _sibling(self, name: str) -> dict:
        content = self.files[name]
        size = self.sizes.get(name, len(content))
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        sibling = {"rfilename": name, "size": size, "blobId": blob}
        if is_large(name):
            sibling["lfs"] = {"size": size, "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 130}
        return sibling

    def ranges(self, name: str) -> list[str]:
        """The ranges in which a file was asked for; "" is the whole."""
        return [asked for file, asked in self.asked if file == name]


def is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".bin"))


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if self.hub.statuses.get(path):
            status, code = self.hub.statuses[path].pop(0)
            return self._answer(status, b"{}", **{"X-Error-Code": code})
        if path == f"/api/models/{HUB_ID}":
            return self._answer(200, json.dumps(self.hub.listing()).encode())
        resolve = f"/{HUB_ID}/resolve/{REVISION}/"
        if path.startswith(resolve) and is_large(path):  # as the real hub: large files live elsewhere
            return self._answer(302, b"", Location=f"/cdn/{path.removeprefix(resolve)}")
        return self._send_file(path.removeprefix(resolve).removeprefix("/cdn/"))

    def _send_file(self, name: str) -> None:
        self.hub.asked.append((name, self.headers.get("Range", "")))
        if name not in self.hub.files:
            return self._answer(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
        content = self.hub.damaged.get(name, self.hub.files[name])
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        cuts = self.hub.cuts.get(name)
        self._send_body(body[: cuts.pop(0)] if cuts else body, name)

    def _send_body(self, body: bytes, name: str) -> None:
        if self.hub.pieces is None or not is_large(name):
            self.wfile.write(body)
            return
        for begin in range(0, len(body), 1024):
            if not self.hub.pieces.acquire(timeout=5):
                return
            self.wfile.write(body[begin : begin + 1024])

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub that serves `hub.files`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Every request of these tests goes to this machine, so the guard against the real hub may rest.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()
