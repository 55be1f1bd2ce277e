"""Which files of a model folder are needed and read: the catalogue, the loader and the download agree."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from engine.device import choose
from engine.diffusion.loading import load
from engine.errors import ModelBroken, ModelUnavailable
from engine.settings import PROJECT
from engine.weights.facts import folder_info
from engine.weights.hub import fetch
from engine.weights.layout import COMPONENTS, weight_files
from engine.weights.models import Catalogue, require_available
from tests.tiny import save_tiny_pipeline

SINGLE = "diffusion_pytorch_model.safetensors"
HALF = "diffusion_pytorch_model.fp16.safetensors"
INDEX = "diffusion_pytorch_model.safetensors.index.json"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """As `StableDiffusionPipeline.save_pretrained` writes it: with the tokenizer in one file."""
    return _resaved(save_tiny_pipeline(tmp_path_factory.mktemp("first")), tmp_path_factory.mktemp("saved"))


def _resaved(source: Path, target: Path, **options) -> Path:
    pipeline = StableDiffusionPipeline.from_pretrained(source, local_files_only=True)
    pipeline.save_pretrained(target, **options)
    return target


@pytest.fixture
def folder(saved, settings) -> Path:
    return shutil.copytree(saved, settings.home / "weights" / "tiny")


def unet_values(folder: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for path in weight_files(folder, "unet") for name, tensor in load_file(path).items()}


def loaded(folder: Path) -> StableDiffusionPipeline:
    return load(require_available(folder_info("tiny", folder)), choose("cpu")).pipeline


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_what_the_library_saves_is_listed_and_loads(folder, settings):
    names = {path.name for path in (folder / "tokenizer").iterdir()}
    assert "tokenizer.json" in names
    assert not names & {"vocab.json", "merges.txt"}
    info = require_available(Catalogue(settings).get("tiny"))
    assert load(info, choose("cpu")).pipeline.tokenizer("a castle").input_ids


def test_weights_in_shards_are_listed_and_load(saved, settings):
    folder = _resaved(saved, settings.home / "weights" / "tiny", max_shard_size="20KB")
    for component in COMPONENTS:
        files = weight_files(folder, component)
        assert len(files) > 1
        assert files == sorted((folder / component).glob("*.safetensors"))
    info = require_available(Catalogue(settings).get("tiny"))
    assert info.size_bytes == sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    pipeline = load(info, choose("cpu")).pipeline
    assert same(pipeline.unet.state_dict(), load_file(saved / "unet" / SINGLE))
    assert same(pipeline.text_encoder.state_dict(), loaded(saved).text_encoder.state_dict())


@pytest.mark.parametrize("half", [False, True])
def test_plain_or_half_precision_as_it_will_be_computed(folder, half):
    for path in folder.glob("*/*.safetensors"):
        shutil.copy(path, path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    for component, stem in COMPONENTS.items():
        name = f"{stem}.fp16.safetensors" if half else f"{stem}.safetensors"
        assert weight_files(folder, component, half) == [folder / component / name]
    (folder / "unet" / SINGLE).unlink()
    assert weight_files(folder, "unet", half) == [folder / "unet" / HALF]


def _zeros_instead(path: Path) -> None:
    save_file({name: torch.zeros_like(tensor) for name, tensor in load_file(path).items()}, path, {"format": "pt"})


def test_named_files_are_the_ones_that_are_read(folder, saved):
    """Single file and shards side by side, and leftovers of another split: what is named is what the model holds."""
    sharded = _resaved(saved, folder.parent / "sharded", max_shard_size="20KB")
    for component in COMPONENTS:
        for path in [*(sharded / component).glob("*.safetensors"), *(sharded / component).glob("*index.json")]:
            shutil.copy(path, folder / component)
        stem = COMPONENTS[component]
        _zeros_instead(folder / component / f"{stem}.safetensors")
        shutil.copy(
            folder / component / f"{stem}.safetensors", folder / component / f"{stem}-00001-of-00077.safetensors"
        )
    assert same(loaded(folder).unet.state_dict(), unet_values(folder))
    assert same(unet_values(folder), load_file(saved / "unet" / SINGLE))
    assert same(loaded(folder).text_encoder.state_dict(), loaded(saved).text_encoder.state_dict())


def test_a_configuration_cannot_name_other_weights(folder, saved, tmp_path):
    """transformers follows these two; the files that were named and checked are read all the same."""
    config = folder / "text_encoder" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "transformers_weights": "evil.safetensors"}))
    shutil.copy(folder / "text_encoder" / "model.safetensors", folder / "text_encoder" / "evil.safetensors")
    _zeros_instead(folder / "text_encoder" / "evil.safetensors")
    adapter = {"base_model_name_or_path": str(tmp_path / "elsewhere"), "peft_type": "LORA"}
    (folder / "text_encoder" / "adapter_config.json").write_text(json.dumps(adapter))
    assert same(loaded(folder).text_encoder.state_dict(), loaded(saved).text_encoder.state_dict())


BAD_INDEXES = {
    "broken": ("{", "cannot be read as JSON"),
    "empty": ("{}", r"weight_map must name \.safetensors files beside it; got 'None'"),
    "outside": ('{"weight_map": {"a": "../vae/x.safetensors"}}', "files beside it"),
    "pickle": ('{"weight_map": {"a": "x.bin"}}', "files beside it"),
    "gone": ('{"weight_map": {"a": "x.safetensors"}}', r"unet lacks x\.safetensors, which .*index\.json lists"),
}


@pytest.mark.parametrize("case", BAD_INDEXES)
def test_a_wrong_index_is_told(folder, case):
    text, reason = BAD_INDEXES[case]
    (folder / "unet" / INDEX).write_text(text)
    with pytest.raises(ModelUnavailable, match=reason):
        require_available(folder_info("tiny", folder))
    with pytest.raises(ModelBroken, match=reason):
        weight_files(folder, "unet")


@pytest.mark.parametrize("options", [{}, {"max_shard_size": "20KB"}, {"max_shard_size": "20KB", "variant": "fp16"}])
def test_a_repository_as_the_library_saves_it_is_fetched_and_loads(hub, saved, tmp_path, options):
    source = _resaved(saved, tmp_path / "source", **options)
    hub.holds(source)
    hub.files["unet/diffusion_pytorch_model.non_ema.safetensors"] = b"not wanted"
    folder = fetch(
        hub.hub_id,
        tmp_path / "tiny",
        report=lambda *_: None,
        should_stop=lambda: False,
        endpoint=hub.endpoint,
        retry_pauses=(0.0,),
    )
    fetched = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert fetched == {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    assert same(loaded(folder).unet.state_dict(), load_file(saved / "unet" / SINGLE))


def test_shards_that_the_hub_lacks_are_told_before_the_download(hub, saved, tmp_path):
    hub.holds(_resaved(saved, tmp_path / "source", max_shard_size="20KB"))
    for name in [name for name in hub.files if name.startswith("vae/") and name.endswith(".safetensors")]:
        del hub.files[name]
    with pytest.raises(ModelBroken, match=r"it lacks vae/diffusion_pytorch_model\.safetensors"):
        fetch(hub.hub_id, tmp_path / "tiny", report=lambda *_: None, should_stop=lambda: False, endpoint=hub.endpoint)


def test_shipped_model_names_its_files():
    files = [weight_files(PROJECT / "weights" / "mini", component) for component in COMPONENTS]
    assert [[path.name for path in paths] for paths in files] == [[SINGLE], [SINGLE], ["model.safetensors"]]
    assert np.sum([path.stat().st_size for paths in files for path in paths]) > 18e6
