"""Files as trainings and downloads leave them: which generator is inside, or what lies there in its place."""

import argparse
import io
import json
import struct
import zipfile
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

from engine.errors import InvalidRequest, ModelBroken, NotFound, UnsafeFile
from engine.translation.catalogue import read_sidecar
from engine.translation.checkpoints import import_checkpoint, load_translator, load_translator_weights
from engine.translation.file_kinds import kind_of
from engine.translation.published import recognise
from tests.engine.translation.published import affine_cyclegan_state, animegan2, animegan2_state, cyclegan_state

STATE = cyclegan_state(4, blocks=1)
OTHER = {key: value + 1 for key, value in STATE.items()}
ZIP, LEGACY = {}, {"_use_new_zipfile_serialization": False}


def in_front(word: str, state: dict[str, torch.Tensor] = STATE) -> dict[str, torch.Tensor]:
    return {f"{word}{key}": value for key, value in state.items()}


def discriminator() -> dict[str, torch.Tensor]:
    return {"model.0.weight": torch.ones(4, 3, 4, 4), "model.2.weight": torch.ones(8, 4, 4, 4)}


# What a file may hold around one generator.
WRAPPED = {
    **{
        key: {key: STATE, "epoch": 3}
        for key in ("state_dict", "model_state_dict", "netG", "G_A", "G", "generator", "params", "model", "ema", "gen")
    },
    "nested": {"state": {"models": {"netG": STATE, "netD": discriminator()}}, "optimizer": {"state": {0: {"step": 1}}}},
    "list": [STATE, discriminator()],
    "module": in_front("module."),
    "compiled": in_front("_orig_mod."),
    "all words": {"state_dict": in_front("netG.module._orig_mod.") | {"netD.model.0.weight": torch.ones(4, 3, 4, 4)}},
    "generator.model": in_front("generator."),
    "net": {"params": in_front("net.")},
    "model.model": {"model": in_front("model.")},
    "a Sequential": {key.removeprefix("model."): value for key, value in STATE.items()},
    "a Sequential in words": {"G": {f"main.{key.removeprefix('model.')}": value for key, value in STATE.items()}},
    "averaged": in_front("module.") | {"n_averaged": torch.tensor(7)},
    "twice the same": {"state_dict": STATE, "netG": {key: value.clone() for key, value in STATE.items()}},
    "EMA beside": {"params": OTHER, "params_ema": STATE},
    "EMA by itself": {"model": OTHER, "ema": STATE},
    "EMA in names": in_front("netG.", OTHER) | in_front("netG_ema."),
    "parameters": {key: torch.nn.Parameter(value) for key, value in STATE.items()},
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_one_generator_is_found_in_what_a_training_saved(kind):
    found = recognise("latest.pth", WRAPPED[kind])
    expected = recognise("latest.pth", STATE)
    assert (found.architecture, found.settings) == (expected.architecture, expected.settings)
    assert all(torch.equal(found.tensors[key], value) for key, value in expected.tensors.items())


def test_the_label_leads_to_it():
    assert recognise("x.pth", STATE).label == ""
    assert recognise("x.pth", {"state_dict": in_front("netG.module.")}).label == "state_dict.netG.module"


BOTH = {
    "dictionaries": ({"netG_A2B": STATE, "netG_B2A": OTHER, "netD_A": discriminator()}, "netG_A2B", "netG_B2A"),
    "words": (in_front("G_A.") | in_front("G_B.", OTHER), "G_A", "G_B"),
    "words inside": ({"state_dict": in_front("G_A.") | in_front("G_B.", OTHER)}, "state_dict.G_A", "state_dict.G_B"),
}


@pytest.mark.parametrize("kind", BOTH)
def test_of_several_generators_the_one_is_taken_that_was_named(kind):
    content, first, second = BOTH[kind]
    with pytest.raises(InvalidRequest, match=rf"holds 2 generators \({first}, {second}\).*--generator {first}\."):
        recognise("both.pth", content)
    for name in (second, second.split(".")[-1]):
        found = recognise("both.pth", content, name)
        assert found.label == second
        assert torch.equal(found.tensors["encoder.0.bias"], OTHER["model.1.bias"])
    with pytest.raises(InvalidRequest, match=rf"holds the generators {first}, {second}; got 'G_C'"):
        recognise("both.pth", content, "G_C")


def test_a_dictionary_that_holds_itself_ends():
    content: dict[str, object] = {"netG": STATE}
    content |= {"self": content, "many": [content] * 50}
    assert recognise("loop.pth", content).label == "netG"


@pytest.mark.parametrize("options", [ZIP, LEGACY])
def test_settings_and_figures_beside_the_weights_are_left_unmade(tmp_path, options):
    notes = {"opt": argparse.Namespace(lr=2e-4), "best": np.float64(0.5), "run": Path("runs/1")}
    torch.save({"netG": STATE} | notes, tmp_path / "run.ckpt", **options)
    found = import_checkpoint(tmp_path / "run.ckpt", tmp_path / "own", "mine")
    assert read_sidecar(found.path).source == "run.ckpt (netG)"


@pytest.mark.parametrize("options", [ZIP, LEGACY])
@pytest.mark.parametrize("name", ["G.ckpt", "G.bin", "G.pth.tar", "G.pt", "G.pkl", "G"])
def test_the_suffix_does_not_matter(tmp_path, name, options):
    torch.save(STATE, tmp_path / name, **options)
    found = import_checkpoint(tmp_path / name, tmp_path / "own", "mine")
    assert load_translator_weights(found.path).keys() == recognise("", STATE).tensors.keys()


@pytest.mark.parametrize("name", ["G.bin", "G.pth"])
def test_safetensors_are_read_under_any_name(tmp_path, name):
    save_file(in_front("netG."), tmp_path / name)
    assert import_checkpoint(tmp_path / name, tmp_path / "own", "mine").architecture == "cyclegan"


@torch.no_grad()
@pytest.mark.parametrize("align_corners", [None, False, True])
def test_how_animegan2_enlarges_is_chosen_once_and_kept(tmp_path, align_corners):
    torch.save({"model_state_dict": animegan2_state()}, tmp_path / "paprika.pt")
    found = import_checkpoint(tmp_path / "paprika.pt", tmp_path / "own", "mine", align_corners=align_corners)
    assert read_sidecar(found.path).settings == {"align_corners": bool(align_corners)}
    photo = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(7)) * 2 - 1
    expected = animegan2(animegan2_state(), photo, bool(align_corners))
    torch.testing.assert_close(load_translator(found)(photo), expected, rtol=1e-3, atol=1e-4)


def test_only_animegan2_has_that_choice(tmp_path):
    torch.save(STATE, tmp_path / "G.pth")
    with pytest.raises(InvalidRequest, match="for AnimeGANv2 only; this file holds a cyclegan generator"):
        import_checkpoint(tmp_path / "G.pth", tmp_path / "own", "mine", align_corners=True)


def zipped(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), part)
    return content.getvalue()


def saved(**options: bool) -> bytes:
    content = io.BytesIO()
    torch.save(STATE, content, **options)
    return content.getvalue()


def scripted(tmp_path: Path) -> bytes:
    torch.jit.trace(torch.nn.Conv2d(3, 3, 1), torch.ones(1, 3, 4, 4)).save(tmp_path / "traced.pt")
    return (tmp_path / "traced.pt").read_bytes()


GRAPH = b"\x0a\x30\x0a\x05input\x12\x0bPlaceholder*\x0b\x0a\x05dtype\x12\x020\x01" + bytes(40)
# Name of a file, its bytes -> what it is.
FOREIGN: dict[tuple[str, bytes], str] = {
    ("lfs.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1\n"): "a pointer of Git LFS",
    ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n"): "a pointer of Git LFS",
    ("annex.pth", b"/annex/objects/SHA256E-s45588424--abc.pth\n"): "a pointer of git-annex",
    ("page.pth", b"<!DOCTYPE html><html><title>Google Drive"): r"a web page \(HTML\)",
    ("page.bin", b"\xef\xbb\xbf\r\n  <HTML lang='ja'>" + "猫".encode() * 2000): r"a web page \(HTML\)",
    ("page.safetensors", b"<html>" * 20): r"a web page \(HTML\)",
    ("wide.pth", "<html>猫".encode("utf-16")): r"a web page \(HTML\)",
    ("denied.pth", b"<?xml version='1.0'?><Error><Code>AccessDenied"): "an XML text",
    ("quota.pth", b'{"error": "quota"}'): r"plain text that begins with '\{\"error\": \"quota\"\}'",
    ("notes.ckpt", b"The weights are on the drive.\n"): "plain text that begins with 'The weights are on the drive.'",
    ("empty.pth", b""): "an empty file",
    ("zeros.pth", bytes(5000)): "nothing but zeros",
    ("v3.onnx", b"\x08\x07\x12\x07pytorch"): "an ONNX network, such as AnimeGANv3's",
    ("v3.pth", b"\x08\x07\x12\x07pytorch\x1a\x041.10" + bytes(99)): "an ONNX network, such as AnimeGANv3's",
    ("saved_model.pb", b"\x08\x01\x12\x10"): "a file of TensorFlow",
    ("renamed.pth", b"\x08\x01\x12\x10" + bytes(20)): "a SavedModel of TensorFlow",
    ("graph.bin", GRAPH): "a graph of TensorFlow",
    ("model.ckpt.data-00000-of-00001", b"\x01\x02"): "a file of TensorFlow",
    ("old.ckpt", b"\x00\x01" * 30 + struct.pack("<Q", 0xDB4775248B80FB57)): "a checkpoint of TensorFlow",
    ("checkpoint", b'model_checkpoint_path: "model-100"\n'): "TensorFlow's note on its checkpoints",
    ("lite.bin", b"\x1c\x00\x00\x00TFL3" + bytes(20)): "a network of TensorFlow Lite",
    ("model.h5", b"\x89HDF\r\n\x1a\n"): "a model of Keras",
    ("renamed.ckpt", b"\x89HDF\r\n\x1a\n" + bytes(20)): r"a model of Keras \(HDF5\)",
    ("keras.pt", zipped(config_dot_json=b"{}", model_dot_weights_dot_h5=b"")): "a model of Keras",
    ("arrays.pth", zipped(a_dot_npy=b"", b_dot_npy=b"")): "arrays of NumPy",
    ("packed.pth", zipped(run__G_dot_pth=b"1", readme_dot_txt=b"2")): r"a ZIP of run/G\.pth, readme\.txt\. Unpack it",
    ("program.pt", zipped(m__archive_format=b"pt2", m__data=b"")): r"a program exported by PyTorch \(\.pt2\)",
    ("G.pth.gz", b"\x1f\x8b\x08" + bytes(20)): "a packed archive",
    ("G.pth.tar", b"G.pth".ljust(257, b"\0") + b"ustar" + bytes(300)): "a tar archive",
    ("picture.pth", b"\x89PNG\r\n\x1a\n"): "a picture or a document",
    ("._G.pth", b"\x00\x05\x16\x07\x00\x02"): "what a Mac keeps beside a file",
    ("G.pth.crdownload", saved()): "a download that was not finished",
    ("cut.pth", saved()[:4000]): "cut short",
    ("cut.safetensors", save(STATE)[:6]): "bytes of no known format",
    ("noise.pth", bytes(range(1, 256)) * 20): "bytes of no known format",
}


@pytest.mark.parametrize(("name", "content"), FOREIGN, ids=[name for name, _ in FOREIGN])
def test_what_is_no_file_of_weights_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        UnsafeFile, match=rf"must hold weights that PyTorch or safetensors wrote; got .*?{FOREIGN[name, content]}"
    ):
        import_checkpoint(tmp_path / name, tmp_path / "own", "mine")
    assert not (tmp_path / "own").exists()


@pytest.mark.filterwarnings("ignore:`torch.jit.trace")
def test_a_torchscript_archive_is_named(tmp_path):
    (tmp_path / "G.pt").write_bytes(scripted(tmp_path))
    with pytest.raises(UnsafeFile, match=r"got a TorchScript archive.*Get the generator's state dict"):
        import_checkpoint(tmp_path / "G.pt", tmp_path / "own", "mine")


@pytest.mark.parametrize("kept", [1, 60, 400, 4000])
def test_a_file_of_the_old_format_that_is_cut_short_is_refused(tmp_path, kept):
    (tmp_path / "G.pth").write_bytes(saved(**LEGACY)[:kept])
    with pytest.raises(UnsafeFile, match=r"G\.pth: (cannot be read as PyTorch weights: .*download it again|must)"):
        import_checkpoint(tmp_path / "G.pth", tmp_path / "own", "mine")


def test_safetensors_that_are_cut_short_are_refused(tmp_path):
    (tmp_path / "G.safetensors").write_bytes(save(STATE)[:-10])
    with pytest.raises(UnsafeFile, match=r"G\.safetensors: "):
        import_checkpoint(tmp_path / "G.safetensors", tmp_path / "own", "mine")


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(UnsafeFile, match=r"must be a file; got a folder"):
        import_checkpoint(tmp_path / "folder.pth", tmp_path / "own", "mine")
    with pytest.raises(NotFound, match=r"There is no file .*missing\.pth"):
        import_checkpoint(tmp_path / "missing.pth", tmp_path / "own", "mine")


@pytest.mark.parametrize("write", [saved, lambda: saved(**LEGACY), lambda: save(STATE)])
def test_weights_are_never_taken_for_another_kind(tmp_path, write: Callable[[], bytes]):
    (tmp_path / "G.bin").write_bytes(write())
    assert kind_of(tmp_path / "G.bin") in ("pickle", "safetensors")


@torch.no_grad()
def test_the_generator_of_vintagify_draws_as_its_package_does(tmp_path):
    """A CycleGAN with affine norms, published as a Python package; skipped where that is not installed."""
    package = find_spec("vintagify")
    if package is None or package.origin is None:
        pytest.skip("the package vintagify 0.1.2 is not installed")
    folder = Path(package.origin).parent
    weights = folder / "resources" / "G_A2B_epoch33.pth"
    spec = spec_from_file_location("vintagify_generator", folder / "generator.py")  # its package shows windows
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    theirs = module.ResnetGenerator()
    theirs.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    found = import_checkpoint(weights, tmp_path / "own", "vintage")
    assert read_sidecar(found.path).settings == {"width": 64, "blocks": 9, "affine": True}
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 128), indexing="ij")
    photo = torch.stack([rows, columns, (9 * rows * columns).sin()])[None]
    levels = [127.5 * (model(photo) + 1) for model in (theirs.eval(), load_translator(found))]
    assert (levels[0].round() - levels[1].round()).abs().max() <= 1
    assert levels[0].std() > 10


def test_affine_states_wrapped_in_words_are_found():
    found = recognise("G.pth", {"state_dict": in_front("_orig_mod.", affine_cyclegan_state())})
    assert found.settings["affine"]


@pytest.mark.parametrize(
    "hollow", [torch.empty(8, device="meta"), torch.ones(1).expand(10**12)], ids=["without numbers", "a terabyte"]
)
def test_tensors_without_their_numbers_are_refused(tmp_path, hollow):
    path = tmp_path / "net_G.pth"
    torch.save(STATE | {next(iter(STATE)): hollow}, path)
    with pytest.raises(ModelBroken, match="holds its numbers"):
        import_checkpoint(path, tmp_path / "own", "mine")


def test_numbers_that_pytorch_does_not_know_are_refused(tmp_path):
    header = json.dumps({"model.1.weight": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "net_G.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises((UnsafeFile, ModelBroken), match=r"float16|float32"):  # as far as this PyTorch reads it
        import_checkpoint(path, tmp_path / "own", "mine")


def test_a_title_that_is_too_long_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "net_G.pth"
    torch.save(STATE, path)
    with pytest.raises(InvalidRequest, match="200 characters; got 300"):
        import_checkpoint(path, tmp_path / "own", "mine", title="t" * 300)
    assert not (tmp_path / "own").exists()
