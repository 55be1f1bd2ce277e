"""What licences allow, that Stable Diffusion 2.1's is accepted before its download, and where they are told."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.errors import InvalidRequest
from engine.weights import manifest
from engine.weights.licensing.acceptance import FILE, accept, is_open
from engine.weights.licensing.licences import (
    LICENCES,
    RAIL_PLUS_PLUS,
    known,
    restrictions_of,
    text_of,
)
from engine.weights.lora_metadata import LoraCard, kohya_metadata, notes
from engine.weights.loras import list_loras
from engine.weights.models import Catalogue, ModelInfo
from engine.weights.request import FetchModel
from tests.tiny_lora import kohya, lora_layers


@pytest.mark.parametrize(
    ("written", "commercial_use"),
    [
        ("CreativeML Open RAIL++-M License", True),
        ("openrail++", True),
        ("creativeml-openrail-m", True),
        ("mit", True),
        ("MIT, as the studio", True),
        ("Apache License 2.0", True),
        ("apache-2.0", True),
        ("BSD-3-Clause", True),
        ("VGG19 weights: public domain", True),
        ("cc-by-sa-4.0", True),
        ("cc-by-nc-sa-4.0", False),
        ("CC BY-NC 4.0", False),
        ("free for non-commercial use", False),
        ("S-Lab 1.0, noncommercial", False),
        ("stabilityai-nc-research-community", False),
        ("", None),
        ("unknown", None),
        ("other", None),
        ("committed to nobody", None),
        ("stabilityai-ai-community", None),
    ],
)
def test_what_a_licence_says_of_commercial_use(written, commercial_use):
    licence = known(written)
    assert licence.commercial_use is commercial_use
    assert licence.name
    assert ("not known" in licence.sentence) == (commercial_use is None)
    assert known(written, non_commercial=True).commercial_use is False


def test_the_text_ships_whole_with_its_source():
    text = text_of(RAIL_PLUS_PLUS)
    assert text.startswith("Copyright (c) 2022 Stability AI and contributors\n\nCreativeML Open RAIL++-M License\n")
    assert text.rstrip().endswith("arbitrarily-targeted use).")
    assert len(restrictions_of(RAIL_PLUS_PLUS)) == 11
    (source,) = {file.source for name, file in manifest.read(LICENCES.parent).items() if name.startswith("licences/")}
    assert "Stability-AI/stablediffusion" in source
    assert restrictions_of(known("mit")) == []


def test_a_download_asks_for_the_licence_once(studio):
    with pytest.raises(InvalidRequest, match=r"accepted once: CreativeML Open RAIL\+\+-M.*--accept-licence"):
        studio.submit(FetchModel(model="sd21"))
    accept(studio.settings.home, known(studio.model("sd21").licence))
    before = (studio.settings.home / FILE).read_text()
    accept(studio.settings.home, RAIL_PLUS_PLUS)
    assert (studio.settings.home / FILE).read_text() == before, "when it was accepted first stays"
    assert studio.submit(FetchModel(model="sd21"))
    (studio.settings.home / FILE).write_text("[damaged")
    assert is_open(studio.settings.home, RAIL_PLUS_PLUS), "what cannot be read is asked again"
    assert not is_open(studio.settings.home, known("mit")), "only what has a text here is asked for"


def card(model: ModelInfo) -> LoraCard:
    trained = {
        "target_modules": [], "learning_rate": 1e-3, "batch_size": 1, "gradient_accumulation": 1, "dropout": 0.0,
        "gradient_checkpointing": False, "text_encoder": False, "weight_decay": 0.0, "lr_scheduler": "constant",
        "warmup_steps": 0, "max_grad_norm": 1.0, "min_snr_gamma": 0.0, "noise_offset": 0.0, "empty_captions": 0.0,
        "seed": 0, "steps": 1,
    }  # fmt: skip
    numbers = {"rank": 4, "alpha": 4.0, "steps": 1, "passes": 1.0, "resolution": 64}
    return LoraCard(name="x", model=model, settings=trained, captions=["a"], started_at=0.0, finished_at=0.0, **numbers)


def test_what_is_trained_on_a_model_carries_its_licence(settings):
    tensors = {"lora_unet_x.alpha": np.zeros((), np.float32)}
    large = Catalogue(settings).get("sd21")
    assert kohya_metadata(card(large), tensors)["modelspec.license"] == "CreativeML Open RAIL++-M"
    assert notes(card(large))["licence"] == "CreativeML Open RAIL++-M"
    unknown = card(replace(large, licence="unknown"))
    assert "modelspec.license" not in kohya_metadata(unknown, tensors)
    assert "licence" not in notes(unknown)


def test_the_licence_of_a_lora_is_read_from_the_file_and_from_the_notes_beside_it(tmp_path):
    arrays = {key: tensor.numpy() for key, tensor in kohya(lora_layers(32), alpha=4).items()}
    save_file(arrays, tmp_path / "a.safetensors", {"modelspec.license": "CC BY-NC\n4.0"})
    save_file(arrays, tmp_path / "b.safetensors", {"modelspec.license": "mit"})
    save_file(arrays, tmp_path / "c.safetensors")
    (tmp_path / "b.json").write_text(json.dumps({"licence": "openrail++"}))
    (tmp_path / "c.json").write_text(json.dumps({"licence": ["no", "text"]}))
    assert [lora.licence for lora in list_loras([tmp_path])] == ["CC BY-NC 4.0", "openrail++", "unknown"]
