"""The LoRAs that ship: every one fits the shipped model whole, says what it is, and shows its look."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.device import choose
from engine.diffusion.loading import LoadedModel, load
from engine.diffusion.lora import applied
from engine.diffusion.request import LoraWeight, TextToImage
from engine.diffusion.text_to_image import generate
from engine.drafts.quick import LORA
from engine.settings import Settings
from engine.weights.catalogue.few_steps import TURBO
from engine.weights.loras import LoraInfo, list_loras
from engine.weights.models import Catalogue


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), device="cpu")


@pytest.fixture(scope="module")
def model(settings: Settings) -> LoadedModel:
    return load(Catalogue(settings).get("mini"), choose("cpu"))


def shipped(settings: Settings) -> dict[str, LoraInfo]:
    return {info.name: info for info in list_loras([settings.weights_dir / "loras"])}


def drawn(model: LoadedModel, info: LoraInfo | None, **others) -> np.ndarray:
    values = {"prompt": "a castle by a lake at sunset", "num_inference_steps": 6, "seed": 3} | others
    loras = (LoraWeight(info.name),) if info else ()
    request = TextToImage(model="mini", width=256, height=256, loras=loras, **values)
    return np.asarray(next(generate(model, request, [(info, 1.0)] if info else [])).image).astype(int)


def test_the_picker_has_what_it_shows(settings: Settings) -> None:
    found = shipped(settings)
    assert set(found) == {"cold-monochrome", "ink-wash", LORA}
    for info in found.values():
        assert info.problem == ""
        assert info.base == "Niji mini"
        assert info.trigger_words or info.few_steps == TURBO
        assert info.about
        assert info.preview is not None
        assert Image.open(info.preview).size == (256, 256)
        assert info.name in Path(settings.weights_dir / "loras" / "README.md").read_text()


def test_every_key_finds_its_layer_and_the_picture_changes(settings: Settings, model: LoadedModel) -> None:
    plain = drawn(model, None)
    for info in shipped(settings).values():
        with applied(model, [(info, 1.0)]) as (lora,):
            assert lora.keys_applied == lora.keys_total > 0
        assert np.abs(drawn(model, info) - plain).mean() > 10
    assert np.array_equal(drawn(model, None), plain)


def test_cold_monochrome_has_hardly_any_colour(settings: Settings, model: LoadedModel) -> None:
    def warmth(picture: np.ndarray) -> float:
        return float((picture[..., 0] - picture[..., 2]).mean())

    def colour(picture: np.ndarray) -> float:
        return float((picture.max(2) - picture.min(2)).mean())

    plain, cold = drawn(model, None), drawn(model, shipped(settings)["cold-monochrome"])
    assert warmth(plain) > 20
    assert warmth(cold) < 0
    assert colour(cold) < 0.6 * colour(plain)
