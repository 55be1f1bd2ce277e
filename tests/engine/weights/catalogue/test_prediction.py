"""What single files predict, and what decides it."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from engine.errors import InvalidRequest, NotFound
from engine.weights.catalogue.pointers import Pointers
from engine.weights.catalogue.prediction import NORM_BIAS
from engine.weights.models import Catalogue
from engine.weights.single_file import file_info

V, EPSILON = "v_prediction", "epsilon"
SHOWS_V = {NORM_BIAS: np.linspace(-0.3, 0.3, 320, dtype=np.float16)}
SHOWS_EPSILON = {NORM_BIAS: np.linspace(-0.1, 0.1, 320, dtype=np.float32)}
NONE = np.zeros(0, np.float32)


@pytest.fixture
def known(save_checkpoint, tmp_path):
    """known(name, tensors, metadata) -> the catalogue's entry for such a file."""

    def known(name="model", tensors=None, metadata=None):
        path = save_checkpoint(tmp_path / f"{name}.safetensors")
        save_file({**load_file(path), **(tensors or {})}, path, metadata)
        return file_info(name, path)

    return known


# Name, further tensors, metadata; what it predicts, its size, a word of the clue.
CASES = {
    "mark": ("512-base", {"v_pred": NONE}, {}, V, 512, "mark v_pred"),
    "both marks": ("x", {"v_pred": NONE, "ztsnr": NONE}, {}, V, 768, "mark v_pred and ztsnr"),
    "metadata before weights": ("x", SHOWS_V, {"modelspec.prediction_type": "epsilon"}, EPSILON, 512, "metadata"),
    "metadata in other words": ("512", {}, {"modelspec.prediction_type": "V-Prediction"}, V, 512, "metadata"),
    "kohya's v": ("x", {}, {"modelspec.prediction_type": "v", "modelspec.resolution": "640x640"}, V, 640, "type: v"),
    "architecture": ("base", {}, {"modelspec.architecture": "stable-diffusion-v2-768-v"}, V, 768, "768-v"),
    "small architecture": ("x", {}, {"modelspec.architecture": "stable-diffusion-v2-512"}, EPSILON, 512, "v2-512"),
    "trained by kohya": ("base", {}, {"ss_base_model_version": "sd_v2_v"}, V, 768, "ss_base_model_version"),
    "weights before name": ("512-base-ema", SHOWS_V, {}, V, 512, "spread of one bias is 0.174, above 0.09"),
    "weights of the small one": ("v2-1_768", SHOWS_EPSILON, {}, EPSILON, 768, "0.058, up to 0.09"),
    "untrained weights": ("a-vpred", {NORM_BIAS: np.zeros(320, np.float32)}, {}, V, 768, "name says 'vpred'"),
    "no numbers": ("a-vpred", {NORM_BIAS: np.full(320, np.nan, np.float32)}, {}, V, 768, "name says 'vpred'"),
    "vpred": ("Pastel-Mix-21base-vpred", {}, {}, V, 768, "vpred"),
    "v-pred beside base": ("my-base-v-pred", {}, {}, V, 768, "v-pred"),
    "capitals": ("DreamVPred", {}, {}, V, 768, "vpred"),
    "768-v": ("768-v-ema", {}, {}, V, 768, "768-v"),
    "768": ("v2-1_768-ema-pruned", {}, {}, V, 768, "768"),
    "512-base": ("512-base-ema", {}, {}, EPSILON, 512, "512"),
    "base": ("sd_2.1_Base", {}, {}, EPSILON, 512, "base"),
    "a part of a word": ("database-15120", {}, {}, V, 768, "assumed"),
    "nothing": ("mine", {}, {"modelspec.prediction_type": "?"}, V, 768, "Neither the file nor its name"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_clearest_clue_decides_and_is_named(known, case):
    name, tensors, metadata, prediction_type, native_size, clue = CASES[case]
    info = known(name, tensors, metadata)
    assert (info.available, info.problem) == (True, "")
    assert (info.prediction_type, info.native_size) == (prediction_type, native_size)
    assert clue in info.note


def test_bfloat16_is_read_too(known):
    """It is the upper half of a float32; numpy has no such type, so the header is changed by hand."""
    halves = (np.linspace(-0.3, 0.3, 320, dtype=np.float32).view("<u4") >> 16).astype("<u2")
    path = known("x", {NORM_BIAS: halves}).path
    data = path.read_bytes().replace(b'"U16"', b'"BF16"')
    path.write_bytes((int.from_bytes(data[:8], "little") + 1).to_bytes(8, "little") + data[8:])
    assert "0.17" in file_info("x", path).note


def test_a_mark_of_zero_terminal_snr_is_kept(known):
    assert known("x", {"v_pred": NONE, "ztsnr": NONE}).zero_terminal_snr
    assert not known("x", {"v_pred": NONE}).zero_terminal_snr


def without(path, *starts):
    tensors = {name: tensor for name, tensor in load_file(path).items() if not name.startswith(starts)}
    save_file(tensors, path)
    return file_info(path.stem, path)


def test_missing_parts_are_named(save_checkpoint, tmp_path):
    cases = {
        ("cond_stage_model.",): "its text encoder is missing",
        ("first_stage_model.",): "its VAE is missing",
        ("model.diffusion_model.",): "its UNet is missing",
        ("first_stage_model.", "cond_stage_model."): "its text encoder and its VAE are missing",
    }
    for starts, text in cases.items():
        info = without(save_checkpoint(tmp_path / "part.safetensors"), *starts)
        assert not info.available
        assert text in info.problem


def test_foreign_text_encoders_and_packed_weights_are_named(known):
    foreign = {"cond_stage_model.transformer.text_model.final_layer_norm.weight": np.zeros(2, np.float16)}
    path = known("foreign", foreign).path
    assert "names of the original" in without(path, "cond_stage_model.model.").problem
    packed = {"model.diffusion_model.out.2.weight": np.zeros((2, 2), np.uint8)}
    assert "out.2.weight is U8" in known("packed", packed).problem


def test_the_artist_has_the_last_word(settings, save_checkpoint, tmp_path):
    path = save_checkpoint(tmp_path / "v2-1_768.safetensors")
    added = Catalogue(settings).add(str(path), prediction_type=EPSILON)
    assert (added.prediction_type, added.native_size, added.added) == (EPSILON, 768, True)
    assert added.note == "It predicts noise (epsilon): you said so."
    for said in (None, V, EPSILON, None):
        corrected = Catalogue(settings).correct("v2-1_768", said)
        assert corrected.prediction_type == (said or V)
    assert Catalogue(settings).get("v2-1_768").added


def test_a_file_in_the_weights_folder_is_corrected_for_good(settings, save_checkpoint):
    path = save_checkpoint(settings.home / "weights/mine.safetensors")
    for catalogue in (Catalogue(settings), Catalogue(settings)):
        assert catalogue.add(str(path), prediction_type=EPSILON).prediction_type == EPSILON
    corrected = Catalogue(settings).get("mine")
    assert (corrected.prediction_type, corrected.native_size, corrected.added) == (EPSILON, 512, False)
    assert Catalogue(settings).correct("mine", None).prediction_type == V
    assert (settings.home / "weights/models.json").read_text() == "{}\n"
    assert Catalogue(settings).correct("mine", EPSILON).prediction_type == EPSILON


def test_what_cannot_be_corrected_is_told(settings, save_model, save_checkpoint, tmp_path):
    catalogue = Catalogue(settings)
    folder = save_model(settings.home / "weights/folder")
    file = str(save_checkpoint(tmp_path / "a.safetensors"))
    cases = (
        (lambda: catalogue.add(file, prediction_type="velocity"), "is epsilon or v_prediction; got 'velocity'"),
        (lambda: catalogue.add(str(folder), "x", EPSILON), "a folder says it itself"),
        (lambda: catalogue.add("org/name", None, EPSILON), "Only a single"),
        (lambda: catalogue.correct("folder", EPSILON), "a folder says it itself"),
    )
    for act, text in cases:
        with pytest.raises(InvalidRequest, match=text) as refused:
            act()
        assert [problem.field for problem in refused.value.problems] == ["prediction_type"]
    with pytest.raises(NotFound):
        catalogue.correct("none", EPSILON)
    assert not (settings.home / "weights/models.json").exists()


def test_a_bias_of_absurd_size_is_not_read(known):
    assert "assumed" in known("mine", {NORM_BIAS: np.zeros(20_000, np.float32)}).note


def test_a_scalar_in_the_place_of_a_matrix_breaks_no_list(tmp_path, save_checkpoint):
    name = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
    path = save_checkpoint(tmp_path / "odd.safetensors")
    save_file({**load_file(path), name: np.array(1.0, np.float32)}, path)
    assert file_info("odd", path).problem


@pytest.mark.parametrize("name", ["\ud800", "two\nlines"])
def test_names_that_no_page_can_show_are_shown_otherwise(tmp_path, name):
    (info,) = _pointed_to(tmp_path, {name: {"path": "/x"}})
    assert info.problem
    assert info.name == info.title == " ".join(info.name.encode().decode().split())


def test_a_path_that_is_too_long_breaks_no_list(tmp_path):
    (info,) = _pointed_to(tmp_path, {"a": {"path": "/" + "x" * 5000}})
    assert "cannot be looked at" in info.problem


def _pointed_to(folder, pointers):
    (folder / "models.json").write_text(json.dumps(pointers))
    found = Pointers(folder)
    return [found.info(name, pointer) for name, pointer in found.read().items()]
