"""Label scores of folders, and the small network that tells the labels of pictures."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.cyclegan import segmenter
from engine.cyclegan.label_folders import scores_of
from engine.errors import StudioError
from engine.metrics.label_scores import LabelScores
from engine.scenes.dataset import write_dataset


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    write_dataset(folder, 3, seed=5, size=64, labels=True)
    return folder


def test_maps_are_compared_with_those_of_the_same_name(maps: Path, tmp_path: Path) -> None:
    assert scores_of(maps, maps).class_iou == 1
    for path in maps.glob("*.png"):
        with Image.open(path) as picture:
            picture.resize((40, 40), Image.Resampling.NEAREST).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
                tmp_path / path.name
            )
    said = CliRunner().invoke(cli, ["label-scores", str(tmp_path), str(maps)], catch_exceptions=False).stdout
    assert "pictures: pixel accuracy 0." in said
    assert scores_of(tmp_path, maps).class_iou < 0.9
    Image.new("RGB", (64, 32)).save(tmp_path / "000000.png")
    with pytest.raises(StudioError, match=r"000000.png is 64x32 and its map 64x64"):
        scores_of(tmp_path, maps)
    Image.new("RGB", (3, 3)).save(tmp_path / "000000.png")
    with pytest.raises(StudioError, match=r"from 4 pixels on a side on; 000000.png is 3x3"):
        scores_of(tmp_path, maps)
    Image.new("RGB", (64, 64)).save(tmp_path / "other.png")
    with pytest.raises(StudioError, match=r"1 have none, such as other.png"):
        scores_of(tmp_path, maps)


def test_the_judge_learns_labels_of_renders_and_keeps_how_good_it_is(maps: Path, tmp_path: Path) -> None:
    config = segmenter.Config(scenes=6, held_out=2, steps=18, batch_size=3, width=8, learning_rate=8e-3)
    torch.set_num_threads(1)
    model, scores = segmenter.train(config)
    assert scores.pixel_accuracy > 0.3  # of five labels
    segmenter.save(model, scores, tmp_path / "judge.safetensors")
    again, known = segmenter.load(tmp_path / "judge.safetensors")
    assert isinstance(known, LabelScores)
    assert known == scores
    write_dataset(tmp_path / "scenes", 3, seed=5, size=64)
    found = scores_of(tmp_path / "scenes", maps, partial(segmenter.labels_seen, again))
    assert 0 < found.class_iou <= found.pixel_accuracy < 1
    picture = np.asarray(Image.open(tmp_path / "scenes" / "000000.png"))
    assert np.array_equal(segmenter.labels_seen(model, picture), segmenter.labels_seen(again, picture))
    (tmp_path / "judge.safetensors").write_bytes(b"none")
    with pytest.raises(StudioError, match="Delete it, and a new one is trained"):
        segmenter.load(tmp_path / "judge.safetensors")
