"""The whole check, tiny: four prompts, two steps, the model that ships."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from engine.device import choose
from engine.errors import NotFound, StudioError
from engine.metrics import efficientnet
from engine.metrics.sheets import LABEL, TILE
from engine.mini import evaluation
from engine.mini.evaluation import Config, evaluate
from engine.mini.judging import judging, scene_classifier
from engine.mini.judging.neighbours import neighbour_distances
from engine.mini.judging.pictures import Album, Painter
from engine.scenes.shards import HELD_OUT_SEED, SHARD, TRAINING_SEED, SceneData
from engine.settings import PROJECT
from engine.weights.loras import list_loras

SIZE = 64  # pixels
CONFIG = Config(
    count=4,
    steps=2,
    guidances=(1, 7.5),
    guidance_prompts=1,
    diversity_prompts=1,
    known=8,
    size=SIZE,
    judge=scene_classifier.Config(steps=2, batch_size=4, width=8),
)


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    """Files in the layout of rendered scenes, of plain colours."""
    folder = tmp_path_factory.mktemp("scenes")
    colours = np.random.default_rng(0).integers(0, 256, (SHARD, 1, 1, 3), dtype=np.uint8)
    for seed in (TRAINING_SEED, HELD_OUT_SEED):
        np.save(SceneData(folder, 1, seed, SIZE).path(0), np.broadcast_to(colours, (SHARD, SIZE, SIZE, 3)))
    return folder


@pytest.mark.skipif(not efficientnet.WEIGHTS.installed, reason=f"needs {efficientnet.WEIGHTS.requirement}")
def test_the_check_writes_its_report_and_goes_on_with_what_is_there(data_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "EXTRACTORS", {"EfficientNet-Lite0": efficientnet.efficientnet_features})
    lines = []
    results = evaluate(PROJECT / "weights" / "mini", tmp_path, data_folder, CONFIG, lines.append, device="cpu")
    assert lines
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(results))
    assert results["accuracy"]["time"]["prompts"] == 4
    assert set(results["accuracy"]["time"]["values"]) <= set(scene_classifier.CHOICES["time"])
    for name in results["distance"]:
        assert results["distance"][name]["floor"] > 0
        assert results["diversity"][name]["renderer"] > 0
    report = (tmp_path / "report.md").read_text()
    assert "| time | 4 |" in report
    assert "judge, held-out" in report
    assert Image.open(tmp_path / "sheet.png").size == (4 * TILE, 4 * (TILE + LABEL))
    assert (tmp_path / "neighbours.png").stat().st_size > 0

    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*-*.png")}
    again = evaluate(PROJECT / "weights" / "mini", tmp_path, data_folder, CONFIG, lines.append, device="cpu")
    assert again == results
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_what_another_scheduler_or_a_lora_draws_is_kept_apart(tmp_path):
    lora = next(info for info in list_loras([PROJECT / "weights" / "loras"]) if info.name == "ink-wash")
    plain = Painter(Album(tmp_path, SIZE), PROJECT / "weights" / "mini", 2, choose("cpu"))
    paths = [
        painter.drawn("a castle", 1, 1.0)
        for painter in (plain, replace(plain, scheduler="Turbo"), replace(plain, scheduler="Turbo", lora=lora))
    ]
    assert len({path.read_bytes() for path in paths}) == len(set(paths)) == 3
    with pytest.raises(NotFound, match=r"none\.safetensors must be a LoRA's \.safetensors file"):
        evaluate(plain.model_folder, tmp_path, tmp_path, CONFIG, lora=tmp_path / "none.safetensors")


def test_without_renders_or_features_it_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(NotFound, match=r"Judging needs rendered scenes of 256 px in .*train-mini scenes"):
        judging.rendered_data(tmp_path, TRAINING_SEED, 256, 8)
    with pytest.raises(StudioError, match="at least 4 prompts; got 3"):
        replace(CONFIG, count=3)

    def missing():
        raise StudioError("install it")

    monkeypatch.setattr(evaluation, "EXTRACTORS", {"A": missing})
    with pytest.raises(StudioError, match="A: install it"):
        evaluation.available_extractors()
    monkeypatch.setattr(evaluation, "EXTRACTORS", {"A": missing, "B": lambda: "an extractor"})
    assert evaluation.available_extractors() == (["an extractor"], ["A: install it"])


def test_intervals_hold_the_share_and_narrow_with_more_answers():
    low, high = judging.wilson(80, 100)
    assert low < 0.8 < high
    assert (low, high) == pytest.approx((0.711, 0.867), abs=0.001)
    assert judging.wilson(500, 500)[0] > 0.99
    assert judging.wilson(0, 0) == (0.0, 1.0)
    assert judging.share([]) is None


def test_a_copying_model_is_found_out():
    held_out = torch.linspace(5, 10, 200)
    honest = neighbour_distances(held_out, held_out)
    copies = neighbour_distances(held_out / 20, held_out)
    assert honest["share_unusually_near"] == pytest.approx(0.01)
    assert copies["share_unusually_near"] == 1
    assert copies["model_median"] < honest["model_median"]
