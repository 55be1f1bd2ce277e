"""Hashes of weights files."""

import hashlib
import json
import os

import numpy as np
from safetensors.numpy import save_file

from engine.weights.hashes import file_sha256, tensor_sha256


def test_tensor_hash_ignores_metadata_and_file_hash_does_not(tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_file({"x": np.arange(6, dtype=np.float32)}, first)
    save_file({"x": np.arange(6, dtype=np.float32)}, second, {"title": "another"})
    assert tensor_sha256(first) == tensor_sha256(second)
    assert tensor_sha256(first) == hashlib.sha256(np.arange(6, dtype=np.float32).tobytes()).hexdigest()
    assert file_sha256(first) == hashlib.sha256(first.read_bytes()).hexdigest() != file_sha256(second)


def test_hash_follows_the_file(tmp_path):
    path = tmp_path / "a.safetensors"
    for value in (1.0, 2.0):
        save_file({"x": np.array([value])}, path)
        os.utime(path, ns=(0, int(value)))
        assert file_sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_cache_file_spares_the_hashing_and_keeps_one_state_per_file(tmp_path):
    path, cache = tmp_path / "a.safetensors", tmp_path / "hashes.json"
    save_file({"x": np.zeros(2)}, path)
    status = path.stat()
    key = json.dumps(["file", str(path.resolve()), status.st_size, status.st_mtime_ns])
    cache.write_text(json.dumps({key: "ab" * 32}))
    assert file_sha256(path, cache) == "ab" * 32
    save_file({"x": np.zeros(3)}, path)
    assert file_sha256(path, cache) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(json.loads(cache.read_text()).values()) == [file_sha256(path)]


def test_broken_cache_is_no_obstacle(tmp_path):
    path, cache = tmp_path / "a.safetensors", tmp_path / "hashes.json"
    save_file({"x": np.zeros(2)}, path)
    cache.write_text("[")
    assert file_sha256(path, cache) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads(cache.read_text())
