"""The safe-loading gate: real files pass, everything else is one clean UnsafeFile."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from engine.errors import UnsafeFile
from engine.weights.safetensors_file import (
    MAX_LORA_RANK,
    MAX_LORA_TENSORS,
    TensorSpec,
    check_checkpoint,
    check_lora,
    read_header,
)

MINI = Path(__file__).resolve().parents[3] / "weights" / "mini"
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def raw(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with any header; `length` may lie about its size."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def test_header_tells_what_was_saved(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"x": np.zeros((2, 3), np.float16), "y": np.ones(5, np.float32)}, path, {"note": "grün"})
    header = read_header(path)
    assert header.tensors == {"y": TensorSpec("F32", (5,)), "x": TensorSpec("F16", (2, 3))}
    assert header.metadata == {"note": "grün"}
    assert header.data_offset + 12 + 20 == path.stat().st_size


def test_shipped_weights_pass_and_agree_with_the_safetensors_library():
    path = MINI / "unet" / "diffusion_pytorch_model.safetensors"
    shapes = {name: tensor.shape for name, tensor in load_file(path).items()}
    assert {name: spec.shape for name, spec in check_checkpoint(path).tensors.items()} == shapes


HOSTILE = {
    "empty": (b"", "8 bytes or more"),
    "short": (b"\x01\x02", "8 bytes or more"),
    "length beyond the file": (raw({"x": F32}, length=10**6), "cut short"),
    "length 2^63": (raw({}, length=2**63), "may have"),
    "no JSON": (raw(b"{nope"), "must describe tensors"),
    "not UTF-8": (raw(b'{"\xff":1}'), "must describe tensors"),
    "a list": (raw([]), "not a JSON object"),
    "nested 5k deep": (raw(b'{"x":' + b"[" * 5_000), "nested far too deep"),
    "nested 100k deep": (raw(b'{"x":' + b"[" * 100_000), "far more entries"),
    "a million lists": (raw(b'{"x":[' + b"[]," * 1_000_000 + b"[]]}"), "far more entries"),
    "half a million texts": (raw(b'{"x":[' + b'"",' * 500_000 + b'""]}'), "far more entries"),
    "half a million numbers": (raw(b'{"x":[' + b"0," * 500_000 + b"0]}"), "far more entries"),
    "a million digits": (raw(b'{"x":' + b"9" * 1_000_000 + b"}"), "longer numbers"),
    "NaN": (raw(b'{"x":NaN}'), "NaN"),
    "duplicate tensor": (raw(b'{"x":%b,"x":%b}' % ((json.dumps(F32).encode(),) * 2), bytes(8)), "comes twice"),
    "duplicate key": (raw(b'{"x":{"dtype":"F16",%b}' % json.dumps(F32).encode()[1:], bytes(8)), "comes twice"),
    "duplicate metadata": (raw(b'{"__metadata__":{"a":"1","\\u0061":"2"}}'), "comes twice"),
    "metadata not text": (raw({"__metadata__": {"a": {}}}), "not text"),
    "missing key": (raw({"x": {"dtype": "F32", "shape": [2]}}), "exactly dtype, shape and data_offsets"),
    "unknown type": (raw({"x": {**F32, "dtype": "PY"}}, bytes(8)), "unknown type"),
    "negative shape": (raw({"x": {**F32, "shape": [-2]}}, bytes(8)), "8 whole numbers"),
    "boolean shape": (raw({"x": {**F32, "shape": [True, 2]}}, bytes(8)), "8 whole numbers"),
    "offsets fall": (raw({"x": {**F32, "data_offsets": [8, 0]}}, bytes(8)), "rising"),
    "shape lies": (raw({"x": {**F32, "shape": [3]}}, bytes(8)), "do not give its 8 bytes"),
    "overflow": (raw({"x": {**F32, "shape": [2**62] * 8}}, bytes(8)), "do not give its 8 bytes"),
    "gap": (raw({"x": {**F32, "data_offsets": [8, 16]}}, bytes(16)), "gap or an overlap"),
    "overlap": (raw({"x": F32, "y": {**F32, "data_offsets": [4, 12]}}, bytes(12)), "gap or an overlap"),
    "data cut short": (raw({"x": F32}, bytes(7)), "should take 8 bytes; got 7"),
    "data appended": (raw({"x": F32}, bytes(9)), "should take 8 bytes; got 9"),
    "zip pickle": (b"PK\x03\x04" + bytes(200), "a pickle"),
    "plain pickle": (pickle.dumps({"weights": list(range(99))}), "a pickle"),
    "Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "web page": (b"<!doctype html><html>", "a web page"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_with_its_name_and_the_reason(tmp_path, name):
    content, reason = HOSTILE[name]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    for gate in (read_header, check_lora, check_checkpoint):
        with pytest.raises(UnsafeFile, match=r"bad\.safetensors") as refusal:
            gate(path)
        assert reason in str(refusal.value)


def test_what_is_no_file_is_refused_without_being_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer for ever
    for path, reason in ((tmp_path, "a folder"), (tmp_path / "pipe", "a device"), (tmp_path / "none", "No such file")):
        for gate in (read_header, check_lora, check_checkpoint):
            with pytest.raises(UnsafeFile, match=reason):
                gate(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.binary(max_size=200).map(raw))
@example(content=raw(b"{}"))
def test_any_bytes_give_a_header_or_unsafe_file(tmp_path, content):
    path = tmp_path / "any.safetensors"
    path.write_bytes(content)
    _read_or_refuse(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=5,
)
entries = st.fixed_dictionaries(
    {"dtype": json_values | st.just("F32"), "shape": json_values, "data_offsets": json_values}
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.dictionaries(st.sampled_from(["x", "y", "__metadata__"]), json_values | entries))
def test_any_json_gives_a_header_or_unsafe_file(tmp_path, header):
    path = tmp_path / "any.safetensors"
    path.write_bytes(raw(header, bytes(8)))
    _read_or_refuse(path)


def _read_or_refuse(path: Path) -> None:
    for gate in (read_header, check_lora, check_checkpoint):
        try:
            gate(path)
        except UnsafeFile as refusal:
            str(refusal).encode()  # the text can be stored and shown


def test_half_of_a_surrogate_pair_in_metadata_becomes_storable(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw({"__metadata__": {"note": "\ud800!"}}))
    assert read_header(path).metadata == {"note": "?!"}


def test_lora_with_large_training_records_and_whole_number_alpha_passes(tmp_path):
    path = tmp_path / "a.safetensors"
    module = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {
        f"{module}.lora_down.weight": np.zeros((320, 16), np.float16),
        f"{module}.lora_up.weight": np.zeros((16, 320), np.float16),
        f"{module}.alpha": np.array(8, np.int64),
    }
    tags = {f'a "tag" [with], {{marks}} \\ {number}': number for number in range(50_000)}
    save_file(tensors, path, {"ss_tag_frequency": json.dumps({"10_style": tags})})
    assert set(check_lora(path).tensors) == set(tensors)


def test_a_bundled_embedding_has_the_name_that_its_author_gave_it(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = {"bundle_emb.安原 絵麻 (v2).clip_l": np.zeros((2, 8), np.float32)}
    save_file(tensors, path)
    assert set(check_lora(path).tensors) == set(tensors)


def test_where_a_tensor_begins(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"x": np.zeros((2, 3), np.float16), "y": np.arange(3, dtype=np.float32)}, path)
    header = read_header(path)
    assert {name: spec.size_bytes for name, spec in header.tensors.items()} == {"x": 12, "y": 12}
    with path.open("rb") as file:
        assert header.is_zero(file, "x")
        assert not header.is_zero(file, "y")


LORA_RULES = {
    "bundled, not printable": ({"bundle_emb.a\nb.clip_l": np.zeros((2, 2), np.float16)}, "letters, digits"),
    "bundled, long": ({"bundle_emb." + "x" * 200: np.zeros((2, 2), np.float16)}, "211 characters"),
    "key": ({"a/../../b.lora_down.weight": np.zeros((2, 2), np.float16)}, "letters, digits"),
    "long key": ({"x" * 201: np.zeros((2, 2), np.float16)}, "201 characters"),
    "dtype": ({"a.lora_down.weight": np.zeros((2, 2), np.float64)}, "F64 in a.lora_down.weight"),
    "rank": ({"a.lora_A.weight": np.zeros((MAX_LORA_RANK + 1, 2), np.float16)}, "513 in a.lora_A.weight"),
    "tensors": ({f"x{i}": np.zeros(1, np.float16) for i in range(MAX_LORA_TENSORS + 1)}, "4096 tensors; got 4097"),
}


@pytest.mark.parametrize("rule", LORA_RULES)
def test_lora_beyond_a_limit_is_refused(tmp_path, rule):
    tensors, reason = LORA_RULES[rule]
    path = tmp_path / "big.safetensors"
    save_file(tensors, path)
    with pytest.raises(UnsafeFile, match=r"big\.safetensors") as refusal:
        check_lora(path)
    assert reason in str(refusal.value)
    check_checkpoint(path)


def test_file_size_limits(tmp_path):
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.truncate(513 * 10**6)  # sparse: takes no disk
    with pytest.raises(UnsafeFile, match=r"A LoRA may have 512 MB; got 513\.0 MB"):
        check_lora(path)
    with path.open("wb") as file:
        file.truncate(11 * 10**9)
    with pytest.raises(UnsafeFile, match=r"A model file may have 10,000 MB; got 11,000\.0 MB"):
        check_checkpoint(path)


def test_header_limit_is_the_callers(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw({"__metadata__": {"a": "x" * 1000}}))
    assert read_header(path).metadata
    with pytest.raises(UnsafeFile, match="may have 100 bytes"):
        read_header(path, max_header_bytes=100)
