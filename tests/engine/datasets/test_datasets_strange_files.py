"""Pipes, devices and links in places where artists keep files: said, never waited for."""

import os
import zipfile
from pathlib import Path

import pytest

from engine.datasets.captions import read_rules
from engine.datasets.pictures import PictureRefused, facts_of
from engine.datasets.reading import Dataset, read_dataset
from engine.datasets.unpacking import unpack
from engine.errors import InvalidRequest, NotFound, UnsafeFile
from engine.picture_files import pictures_in, read_picture
from engine.weights.loras import list_loras


def messages(dataset: Dataset) -> dict[str, str]:
    return {finding.code: finding.message for finding in dataset.report.findings}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["b.png", "a.txt", "captions.csv", "metadata.jsonl", "meta_cap.json"])
def test_pipes_in_a_data_set_are_named_and_not_opened(save, tmp_path, name):
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / name)
    dataset = read_dataset(tmp_path)
    assert [picture.path.name for picture in dataset.pictures] == ["a.png"]
    assert any(name in message and "it is a pipe, not a file" in message for message in messages(dataset).values())


@pytest.mark.timeout(60)
def test_devices_behind_links_are_not_opened(save, tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    (tmp_path / "a.txt").symlink_to("/dev/zero")
    found = messages(read_dataset(tmp_path))
    assert "it is a device, not a file" in found["unreadable_picture"]
    assert "a.txt cannot be read: it is a device, not a file" in found["unreadable_text"]


@pytest.mark.timeout(60)
def test_pipes_elsewhere_are_said(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(PictureRefused, match="it is a pipe, not a file"):
        facts_of(tmp_path / "a.png")
    with pytest.raises(UnsafeFile, match="it is a pipe, not a file"):
        read_picture(tmp_path / "a.png")
    assert pictures_in(tmp_path) == [tmp_path / "a.png"]
    with pytest.raises(NotFound, match="There is no file of caption rules"):
        read_rules(tmp_path / "a.png")
    with pytest.raises(NotFound, match="there is none at"):
        unpack(tmp_path / "a.png", tmp_path / "set")


@pytest.mark.timeout(60)
def test_pipes_in_a_folder_of_loras_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.safetensors")
    (tmp_path / "peft").mkdir()
    for name in ("adapter_model.safetensors", "adapter_model.json", "adapter_config.json", "adapter_model.png"):
        os.mkfifo(tmp_path / "peft" / name)
    assert all(info.problem for info in list_loras([tmp_path]))


def test_rules_that_hold_a_number_too_long_to_be_written_are_refused(tmp_path):
    (tmp_path / "rules.toml").write_text(f'[[rule]]\nwords = 0x{"f" * 9000}\nsentence = "x"\n')
    with pytest.raises(InvalidRequest, match=r"words must be a list .* a number too long to be shown"):
        read_rules(tmp_path / "rules.toml")
    (tmp_path / "rules.toml").write_text("#" * 2_000_000)
    with pytest.raises(InvalidRequest, match="it has more than 1,048,576 bytes"):
        read_rules(tmp_path / "rules.toml")


# ---------------------------------------------------------------- links and names


def test_folders_behind_links_are_not_entered(save, tmp_path):
    save(tmp_path / "set" / "a.png", 1)
    save(tmp_path / "elsewhere" / "b.png", 2)
    (tmp_path / "set" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "loop").symlink_to(tmp_path / "set")
    dataset = read_dataset(tmp_path / "set")
    assert [picture.path.name for picture in dataset.pictures] == ["a.png"]
    assert "2 folders (loop, more)" in messages(dataset)["closed_folder"]


def test_links_that_lead_nowhere_are_named(save, tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    assert "b.png. The file cannot be read: No such file" in messages(read_dataset(tmp_path))["unreadable_picture"]


TWINS = {"A.png": "a fort", "a.png": "a castle", "\u00fc.png": "a river", "u\u0308.png": "a lake"}


@pytest.fixture
def twins(save, tmp_path) -> Path:
    """Pictures whose names differ in capitals, or in how their accent is written, alone."""
    for seed, name in enumerate(TWINS):
        save(tmp_path / name, seed)
    if len(list(tmp_path.iterdir())) < len(TWINS):
        pytest.skip("this disk does not tell these names apart")
    return tmp_path


def captions(dataset: Dataset) -> dict[str, str]:
    return {picture.path.name: picture.caption for picture in dataset.pictures}


def test_of_twins_a_table_means_the_one_that_it_writes(twins):
    rows = "".join(f"{name},{text}\n" for name, text in TWINS.items())
    (twins / "captions.csv").write_text(f"file_name,text\n{rows}", encoding="utf-8")
    assert captions(read_dataset(twins)) == TWINS


def test_of_twins_a_text_belongs_to_the_one_of_its_name(twins):
    for name, text in TWINS.items():
        (twins / name).with_suffix(".txt").write_text(text)
    assert captions(read_dataset(twins)) == TWINS


def test_a_name_that_is_none_of_the_twins_is_not_guessed(twins):
    (twins / "captions.csv").write_text("file_name,text\nÜ.png,a river\n", encoding="utf-8")
    dataset = read_dataset(twins)
    assert set(captions(dataset).values()) == {""}
    assert "1 caption whose name fits several pictures" in messages(dataset)["caption_of_several"]


def test_a_name_that_is_twice_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("a.txt", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", "two")
    with pytest.raises(UnsafeFile, match=r"may hold each name once; 'a\.txt' is there twice"):
        unpack(tmp_path / "set.zip", Path(tmp_path / "set"))
