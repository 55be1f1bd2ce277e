"""kohya's folders: what is trained on, and what lies beside it."""

from pathlib import Path

import pytest

from engine.datasets.findings import Severity
from engine.datasets.reading import Dataset, read_dataset
from engine.errors import NotFound


def names(dataset: Dataset) -> list[str]:
    return [picture.path.relative_to(dataset.folder).as_posix() for picture in dataset.pictures]


def files(dataset: Dataset, code: str) -> tuple[str, ...]:
    return next((finding.files for finding in dataset.report.findings if finding.code == code), ())


@pytest.mark.parametrize("top", ["", "project/"])
@pytest.mark.parametrize("reg", ["reg", "Reg", "regularization", "regularisation images", "reg_images"])
def test_regularisation_pictures_are_not_of_the_subject(save, tmp_path, top, reg):
    for seed, name in enumerate(("img/10_hat man/a.png", f"{reg}/1_man/c.png", "model/sample/s.png", "log/l.png")):
        save(tmp_path / f"{top}{name}", seed)
    (tmp_path / f"{top}{reg}/1_man/c.txt").write_text("a man")
    dataset = read_dataset(tmp_path)
    assert names(dataset) == [f"{top}img/10_hat man/a.png"]
    assert files(dataset, "regularisation") == (f"{top}{reg}/1_man/c.png",)
    assert set(files(dataset, "trainer_output")) == {f"{top}log/l.png", f"{top}model/sample/s.png"}
    assert files(dataset, "text_without_picture") == ()
    (finding,) = [finding for finding in dataset.report.findings if finding.code == "regularisation"]
    assert finding.severity == Severity.LOOK


def test_class_folders_beside_a_regularisation_folder(save, tmp_path):
    save(tmp_path / "1_hat man" / "a.png", 1)
    save(tmp_path / "reg" / "1_man" / "c.png", 2)
    dataset = read_dataset(tmp_path)
    assert names(dataset) == ["1_hat man/a.png"]
    assert any("Folder 1_hat man: 1 picture, each counts 1 time;" in each.message for each in dataset.report.findings)


def test_a_regularisation_folder_alone_is_no_data_set(save, tmp_path):
    save(tmp_path / "set" / "reg" / "1_man" / "a.png")
    with pytest.raises(NotFound, match="holds 1 regularisation picture alone, in reg"):
        read_dataset(tmp_path / "set")
    assert names(read_dataset(tmp_path / "set" / "reg")) == ["1_man/a.png"]  # whoever names it means it


@pytest.mark.parametrize("name", ["model", "log", "region", "10_reg", "train", "regina"])
def test_folders_of_such_names_elsewhere_are_pictures_like_others(save, tmp_path: Path, name):
    save(tmp_path / name / "a.png", 1)
    save(tmp_path / "b.png", 2)
    assert sorted(names(read_dataset(tmp_path))) == sorted(["b.png", f"{name}/a.png"])
