"""Signed pictures, as C2PA's own library reads them."""

import io
import json
import stat

import pytest

from engine.errors import StudioError
from engine.signing import CHAIN, FOLDER, KEY, require_key, signed
from gallery.metadata import jpeg_bytes, png_bytes, read_digital_source, read_recipe, webp_bytes
from gallery.words import COMPOSITE, TRAINED
from tests.gallery.samples import picture, recipe

c2pa = pytest.importorskip("c2pa", reason="signing is optional")
FORMATS = {"image/png": png_bytes, "image/jpeg": jpeg_bytes, "image/webp": webp_bytes}


def test_a_signed_file_says_how_it_came_to_be_and_shows_any_change(tmp_path):
    for mime, encoded in FORMATS.items():
        data = signed(tmp_path, encoded(picture(), recipe()), COMPOSITE, "龍", "1.0")
        found = json.loads(c2pa.Reader(mime, io.BytesIO(data)).json())
        manifest = found["manifests"][found["active_manifest"]]
        (action,) = next(each for each in manifest["assertions"] if "actions" in each["label"])["data"]["actions"]
        assert action["digitalSourceType"].endswith(f"/{COMPOSITE}")
        # Sound, and by nobody that anybody has vouched for.
        assert found["validation_state"] == "Valid"
        assert [each["code"] for each in found["validation_status"]] == ["signingCredential.untrusted"]
        assert (read_recipe(data), read_digital_source(data)) == (recipe(), TRAINED)
        changed = bytearray(data)
        changed[-30] ^= 1
        again = json.loads(c2pa.Reader(mime, io.BytesIO(bytes(changed))).json())
        assert again["validation_state"] == "Invalid"


def test_a_picture_that_was_brought_in_is_signed_as_opened_and_not_as_made_by_a_model(tmp_path):
    for mime, encoded in FORMATS.items():
        data = signed(tmp_path, encoded(picture(), recipe()), TRAINED, "a", "1.0", brought_in=True)
        found = json.loads(c2pa.Reader(mime, io.BytesIO(data)).json())
        manifest = found["manifests"][found["active_manifest"]]
        (action,) = next(each for each in manifest["assertions"] if "actions" in each["label"])["data"]["actions"]
        assert (action["action"], "digitalSourceType" in action) == ("c2pa.opened", False)
        assert [each["relationship"] for each in manifest["ingredients"]] == ["parentOf"]
        assert found["validation_state"] == "Valid"


def test_an_installation_keeps_its_key_to_itself(tmp_path):
    for _ in range(2):
        signed(tmp_path, png_bytes(picture(), recipe()), TRAINED, "", "1.0")
    key = tmp_path / FOLDER / KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / FOLDER / CHAIN).read_bytes().count(b"BEGIN CERTIFICATE") == 2
    before = key.read_bytes()
    signed(tmp_path, png_bytes(picture(), recipe()), TRAINED, "", "1.0")
    assert key.read_bytes() == before


def test_what_cannot_be_signed_is_said(tmp_path):
    with pytest.raises(StudioError, match="PNG, JPEG and WebP files can be signed"):
        signed(tmp_path, b"GIF89a", TRAINED, "", "1.0")
    with pytest.raises(StudioError, match="photo has no mark of how it came to be"):
        signed(tmp_path, png_bytes(picture(), recipe(), digital_source=""), "", "photo", "1.0")
    require_key(tmp_path)
    (tmp_path / FOLDER / KEY).write_text("no key")
    with pytest.raises(StudioError, match=r"Nothing can be signed: .* move that folder away"):
        require_key(tmp_path)
    with pytest.raises(StudioError, match="move that folder away"):
        signed(tmp_path, png_bytes(picture(), recipe()), TRAINED, "a", "1.0")
