"""Data sets: whole, resumable, and refused when they would mix."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from engine.errors import InvalidRequest
from engine.scenes import random_scene, render, text_of, write_dataset


def test_a_data_set_holds_images_captions_and_attributes(tmp_path):
    calls = []
    done = write_dataset(tmp_path / "set", 3, seed=5, size=64, report=lambda *progress: calls.append(progress))
    assert (done.written, done.kept) == (3, 0)
    assert calls == [(1, 3), (2, 3), (3, 3)]
    with (tmp_path / "set" / "captions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "set" / "metadata.jsonl").read_text().splitlines()]
    assert [row["file_name"] for row in rows] == ["000000.png", "000001.png", "000002.png"]
    for index, (row, line) in enumerate(zip(rows, lines, strict=True)):
        scene = random_scene(5 + index)
        assert row["text"] == line["text"] == text_of(scene)
        assert {name: line[name] for name in scene.as_dict()} == scene.as_dict()
        assert (np.asarray(Image.open(tmp_path / "set" / row["file_name"])) == render(scene, 64)).all()


def test_a_stopped_run_goes_on_and_keeps_what_is_there(tmp_path):
    class Stop(Exception):
        pass

    def stop(done, count):
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        write_dataset(tmp_path, 4, size=64, report=stop)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.png")}
    assert len(times) == 2
    done = write_dataset(tmp_path, 4, size=64)
    assert (done.written, done.kept) == (2, 2)
    assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in times.items())
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_data_set_can_grow(tmp_path):
    write_dataset(tmp_path, 1, size=64)
    assert write_dataset(tmp_path, 2, size=64).kept == 1
    assert len((tmp_path / "metadata.jsonl").read_text().splitlines()) == 2


def test_all_scenes_can_have_one_time_and_landmark(tmp_path):
    write_dataset(tmp_path, 3, size=64, time="dusk", landmark="windmill")
    lines = [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text().splitlines()]
    assert {(line["time"], line["landmark"]) for line in lines} == {("dusk", "windmill")}
    with pytest.raises(InvalidRequest, match="landmark must be one of none, castle"):
        write_dataset(tmp_path / "other", 1, landmark="mill")


def test_another_series_in_the_same_folder_is_refused(tmp_path):
    write_dataset(tmp_path, 1, size=64)
    with pytest.raises(InvalidRequest, match="already holds scenes of seed 0, size 64, look painterly"):
        write_dataset(tmp_path, 1, size=64, look="ink")


def test_a_folder_of_other_images_and_a_file_are_refused(tmp_path):
    (tmp_path / "000000.png").write_bytes(b"a photo of somebody else")
    with pytest.raises(InvalidRequest, match="not a series of scenes"):
        write_dataset(tmp_path, 1, size=64)
    assert (tmp_path / "000000.png").read_bytes() == b"a photo of somebody else"
    with pytest.raises(InvalidRequest, match="is a file"):
        write_dataset(tmp_path / "000000.png", 1, size=64)


def test_all_wrong_arguments_are_named_together(tmp_path):
    with pytest.raises(InvalidRequest) as refusal:
        write_dataset(tmp_path / "set", 0, seed=-1, size=1000, look="oil")
    assert [problem.field for problem in refusal.value.problems] == ["count", "seed", "size", "look"]
    assert "from 1 to 1,000,000; got 0" in str(refusal.value)
    assert not (tmp_path / "set").exists()
