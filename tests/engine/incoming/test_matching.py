import hashlib
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.incoming.matching import LORA, MODEL, found_here, loras_here, models_here, where_to_get
from engine.weights.hashes import file_sha256, tensor_sha256
from tests.tiny import tiny_info
from tests.tiny_lora import lora_info

OTHER = "f0" * 32


@pytest.fixture
def model(tmp_path):
    """A single file large enough for the old hash; what is in it is not read."""
    path = tmp_path / "waiXL_v16.safetensors"
    path.write_bytes(bytes(8) + b"w" * 0x110000)
    return tiny_info(path, name="wai", title="Wai XL", single_file=True)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "hashes.json"


@pytest.mark.parametrize("digits", [10, 12, 64])
def test_a_model_is_found_by_any_of_its_hashes_once_they_are_known(model, cache, digits):
    other = replace(model, name="other", title="Other", path=model.path.with_name("other.safetensors"))
    other.path.write_bytes(bytes(20))
    sought = (tensor_sha256 if digits == 12 else file_sha256)(model.path, cache)[:digits].upper()

    found = found_here(MODEL, "a name of its own", sought, models_here([other, model], cache))
    assert (found.name, found.title, found.sure) == ("wai", "Wai XL", True)
    assert "hash" in found.said


def test_the_old_hash_is_of_a_piece_and_needs_no_hashing(model):
    digits = hashlib.sha256(model.path.read_bytes()[0x100000:0x110000]).hexdigest()[:8]
    assert found_here(MODEL, "", digits, models_here([model])).name == "wai"


@pytest.mark.parametrize("name", ["waiXL_v16", "WAIXL_V16.safetensors", "sdxl\\waixl_v16.ckpt", "models/WAI", "Wai XL"])
def test_a_name_counts_without_case_folder_and_suffix(model, name):
    found = found_here(MODEL, name, "", models_here([model]))
    assert (found.name, found.sure) == ("wai", True)
    assert found.said == "Found by its name; the picture tells no hash."


def test_a_hash_that_is_not_known_yet_is_said_and_nothing_is_read_for_it(model, cache):
    found = found_here(MODEL, "wai", OTHER[:10], models_here([model], cache))
    assert (found.name, found.sure, found.unhashed) == ("wai", True, (model.path,))
    assert "not known here yet" in found.said
    assert not cache.exists()

    found = found_here(MODEL, "another", OTHER[:10], models_here([model], cache))
    assert (found.name, found.unhashed) == ("", (model.path,))
    assert "may be one of 1 file" in found.said


@pytest.mark.parametrize(("digits", "known"), [(10, file_sha256), (12, tensor_sha256)])
def test_the_same_name_with_another_hash_is_said_and_not_taken(model, cache, digits, known):
    known(model.path, cache)
    found = found_here(MODEL, "wai", OTHER[:digits], models_here([model], cache))
    assert (found.name, found.sure, found.unhashed) == ("wai", False, ())
    assert OTHER[:digits] in found.said
    assert found.links


def test_of_several_with_the_name_the_one_counts_that_may_have_the_hash(model, cache):
    older = replace(model, name="waiXL_v16", path=model.path.with_suffix(".older.safetensors"))
    older.path.write_bytes(bytes(20))
    file_sha256(older.path, cache)
    assert found_here(MODEL, "waiXL_v16", "", models_here([model, older], cache)).name == "waiXL_v16"
    assert found_here(MODEL, "waiXL_v16", OTHER[:10], models_here([older, model], cache)).name == "wai"


def test_a_folder_is_found_by_its_name_and_says_that_it_has_no_hash(tmp_path):
    info = tiny_info(tmp_path / "mini", name="mini")
    found = found_here(MODEL, "Mini", OTHER[:10], models_here([info]))
    assert (found.name, found.sure, found.unhashed) == ("mini", True, ())
    assert "no hash to compare" in found.said


@pytest.mark.parametrize(
    ("changes", "sure", "said"),
    [
        ({"available": False, "problem": "It is broken."}, False, "It cannot be used: It is broken."),
        ({"available": False, "hub_id": "someone/wai"}, True, "not on this machine yet"),
    ],
)
def test_one_that_cannot_be_used_now_says_why(model, changes, sure, said):
    found = found_here(MODEL, "wai", "", models_here([replace(model, **changes)]))
    assert (found.name, found.sure) == ("wai", sure)
    assert said in found.said


def test_a_lora_is_found_by_the_hash_that_its_header_tells(tmp_path):
    path = tmp_path / "ink.safetensors"
    told = "8c6dd764ceff" + "0" * 52
    save_file({"lora_unet_a.lora_down.weight": np.zeros((1, 1), np.float32)}, path, {"sshs_model_hash": told})
    here = loras_here([lora_info(path)])

    found = found_here(LORA, "another name", told[:12], here)
    assert (found.name, found.sure) == ("ink", True)
    assert not found_here(LORA, "ink", OTHER[:12], here).sure


@pytest.mark.parametrize("digits", ["", "no hash", "abc", "e3b0c44298fc", "0x", "g" * 10])
def test_what_is_no_hash_does_not_count(model, cache, digits):
    file_sha256(model.path, cache)
    found = found_here(MODEL, "wai", digits, models_here([model], cache))
    assert found.said == "Found by its name; the picture tells no hash."
    assert not found_here(MODEL, "", digits, models_here([model], cache)).name


def test_what_is_missing_says_where_it_may_be_had():
    found = found_here(MODEL, "wai XL & more", "a5f58eb1c3", [])
    assert found.said == "No model of this name or hash is here."
    assert found.links == where_to_get("wai XL & more", "a5f58eb1c3")
    assert dict(found.links) == {
        "Civitai": "https://civitai.com/search/models?query=a5f58eb1c3",
        "Hugging Face": "https://huggingface.co/models?search=wai+XL+%26+more",
    }
