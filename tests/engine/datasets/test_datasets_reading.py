"""Folders in the layouts that artists bring, and all that can be wrong in them."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.datasets.findings import Finding, Severity
from engine.datasets.reading import Dataset, read_dataset
from engine.errors import InvalidRequest, NotFound, StudioError

CASTLE, LAKE = "a castle, on a hill", "a lake in the mist"


@pytest.fixture
def folder(save, tmp_path) -> Path:
    """Two pictures, a.png and b.png."""
    save(tmp_path / "set" / "a.png", 1)
    save(tmp_path / "set" / "b.png", 2)
    return tmp_path / "set"


def captions(dataset: Dataset) -> dict[str, str]:
    return {picture.path.relative_to(dataset.folder).as_posix(): picture.caption for picture in dataset.pictures}


def found(dataset: Dataset, code: str) -> Finding:
    """The only finding of that code."""
    (finding,) = [finding for finding in dataset.report.findings if finding.code == code]
    return finding


def codes(dataset: Dataset) -> list[str]:
    return [finding.code for finding in dataset.report.findings]


# ---------------------------------------------------------------- layouts


TABLES = {
    "captions.csv": f'image,captions\na.png,"{CASTLE}"\nb.png,{LAKE}\n',
    "any name.csv": f'no;shows;bild\n1;"{CASTLE}";a.png\n2;{LAKE};b.png\n',
    "tabs.tsv": f"x\ty\na.png\t{CASTLE}\nb.png\t{LAKE}\n",
    "tabs.csv": f"a.png\t{CASTLE}\nb.png\t{LAKE}\n",
    "no header.csv": f"a.png;{CASTLE}\nb.png;{LAKE}\n",
    "metadata.csv": f'file_name,size,text\na.png,many many many words,"{CASTLE}"\nb.png,1,{LAKE}\n',
    "metadata.jsonl": f'{{"file_name": "a.png", "text": "{CASTLE}"}}\n\n{{"text": "{LAKE}", "file_name": "b.png"}}\n',
    "meta_cap.json": json.dumps({"/data/x/a.png": {"caption": CASTLE}, "b": {"tags": LAKE, "size": [1, 2]}}),
    "list.json": json.dumps([{"file": "a.png", "prompt": CASTLE}, {"file": "b.png", "prompt": LAKE}]),
    "paths.csv": f'file,caption\n.\\A.PNG,"{CASTLE}"\nset/b.png,{LAKE}\n',
    "bom.csv": f'\ufeffimage,caption\na.png,"{CASTLE}"\nb.png,{LAKE}\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_found_and_understood_by_their_content(folder, name):
    (folder / name).write_text(TABLES[name], encoding="utf-8")
    dataset = read_dataset(folder)
    assert captions(dataset) == {"a.png": CASTLE, "b.png": LAKE}
    assert dataset.report.summary == f"2 of 2 captions found ({name})"
    assert dataset.report.captions_from == name
    assert dataset.report.findings == ()


@pytest.mark.parametrize("suffix", [".txt", ".caption"])
def test_text_files_beside_the_pictures(folder, suffix):
    (folder / f"a{suffix}").write_text(f"{CASTLE}\n")
    (folder / f"b.png{suffix}").write_text(LAKE)
    dataset = read_dataset(folder)
    assert captions(dataset) == {"a.png": CASTLE, "b.png": LAKE}
    assert dataset.report.summary == f"2 of 2 captions found ({suffix} files)"
    assert dataset.report.findings == ()


def test_kohyas_folders_repeat_and_name_their_pictures(save, tmp_path):
    save(tmp_path / "10_red hat" / "a.png", 1)
    save(tmp_path / "10_red hat" / "b.png", 2)
    save(tmp_path / "2024_summer" / "c.png", 3)
    (tmp_path / "10_red hat" / "a.txt").write_text(CASTLE)
    dataset = read_dataset(tmp_path)
    assert [(picture.caption, picture.repeats) for picture in dataset.pictures] == [
        (CASTLE, 10),
        ("red hat", 10),
        ("", 1),
    ]
    message = "Folder 10_red hat: 2 pictures, each counts 10 times; captioned by the folder's name: 1."
    assert found(dataset, "class_folder").message == message


def test_kohyas_folders_alone(save, tmp_path):
    save(tmp_path / "3_dog" / "a.png", 1)
    assert read_dataset(tmp_path).report.summary == "1 of 1 captions found (names of folders)"


def test_kohya_joins_caption_and_tags(folder):
    (folder / "meta.json").write_text(json.dumps({"a": {"caption": "a castle", "tags": "stone, hill"}}))
    assert captions(read_dataset(folder))["a.png"] == "a castle, stone, hill"


def test_each_folder_may_have_its_own_table(save, tmp_path):
    for part, text in (("train", CASTLE), ("test", LAKE)):
        save(tmp_path / part / "a.png")
        (tmp_path / part / "metadata.csv").write_text(f'file_name,text\na.png,"{text}"\n')
    dataset = read_dataset(tmp_path)
    assert captions(dataset) == {"train/a.png": CASTLE, "test/a.png": LAKE}
    assert dataset.report.summary == "2 of 2 captions found (*/metadata.csv)"


def test_a_table_further_up_is_another_source(save, tmp_path):
    save(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "captions.csv").write_text("image,caption\na.png,from below\n")
    assert read_dataset(tmp_path).report.captions_from == "set/captions.csv"
    (tmp_path / "captions.csv").write_text("image,caption\nset/a.png,from above\n")
    dataset = read_dataset(tmp_path)
    assert captions(dataset) == {"set/a.png": "from above"}
    assert dataset.report.other_sources == ("set/captions.csv",)


def test_columns_can_be_named(folder):
    (folder / "c.csv").write_text("id,name,caption,alt\na.png,b.png,no,yes\nb.png,a.png,no,yes yes\n")
    dataset = read_dataset(folder, image_column="name", caption_column="alt")
    assert captions(dataset) == {"a.png": "yes yes", "b.png": "yes"}


def test_pipes_in_captions_stay(folder):
    (folder / "a.txt").write_text("red hat ||| a castle")
    assert captions(read_dataset(folder))["a.png"] == "red hat ||| a castle"


def test_accents_match_in_both_ways_to_write_them(save, tmp_path):
    save(tmp_path / "zu\u0308rich.png")  # u and its dots apart, as macOS packs names
    (tmp_path / "captions.csv").write_text("image,caption\nzürich.png,a town by a lake\n", encoding="utf-8")
    assert list(captions(read_dataset(tmp_path)).values()) == ["a town by a lake"]


# ---------------------------------------------------------------- what is odd


def test_pictures_and_captions_without_each_other_are_named(folder):
    (folder / "captions.csv").write_text(
        "image,caption\na.png,a castle\ngone.png,a ship\n../b.jpg,a bridge\n,nothing\n"
    )
    dataset = read_dataset(folder)
    assert dataset.report.summary == "1 of 2 captions found (captions.csv)"
    assert found(dataset, "without_caption").files == ("b.png",)
    assert found(dataset, "caption_without_picture").files == ("gone.png", "../b.jpg", "(no name)")
    assert found(dataset, "caption_without_picture").severity == Severity.LOOK


def test_a_table_that_fits_no_picture_is_told_too(folder):
    (folder / "captions.csv").write_text("image,caption\nx.jpg,a castle\ny.jpg,a ship\n")
    dataset = read_dataset(folder)
    assert dataset.report.summary == "0 of 2 captions found (captions.csv)"
    assert found(dataset, "caption_without_picture").files == ("x.jpg", "y.jpg")


def test_names_that_fit_several_pictures_are_not_guessed(save, tmp_path):
    save(tmp_path / "one" / "a.png", 1)
    save(tmp_path / "two" / "a.png", 2)
    (tmp_path / "captions.csv").write_text("image,caption\na.png,a castle\none/a.png,a lake\n")
    dataset = read_dataset(tmp_path)
    assert captions(dataset) == {"one/a.png": "a lake", "two/a.png": ""}
    assert found(dataset, "caption_of_several").files == ("a.png",)


def test_a_second_caption_is_named_and_the_first_one_taken(folder):
    (folder / "captions.csv").write_text("image,caption\na.png,a castle\na.png,a fort\n")
    dataset = read_dataset(folder)
    assert captions(dataset)["a.png"] == "a castle"
    assert found(dataset, "caption_again").files == ("a.png",)


def test_the_most_complete_source_is_used_and_the_others_are_named(folder):
    (folder / "captions.csv").write_text("image,caption\na.png,from the table\n")
    (folder / "a.txt").write_text("from text a")
    (folder / "b.txt").write_text("from text b")
    (folder / "notes.txt").write_text("remember the milk")
    dataset = read_dataset(folder)
    assert captions(dataset) == {"a.png": "from text a", "b.png": "from text b"}
    assert dataset.report.other_sources == ("captions.csv",)
    message = found(dataset, "several_sources").message
    assert ".txt files (2) was used, because it describes the most pictures; not used: captions.csv (1)" in message
    assert found(dataset, "text_without_picture").files == ("notes.txt",)

    chosen = read_dataset(folder, captions_from="captions.csv")
    assert captions(chosen) == {"a.png": "from the table", "b.png": ""}
    assert "as you chose" in found(chosen, "several_sources").message


def test_of_equal_sources_the_usual_one_is_used(folder):
    for name in ("captions.csv", "metadata.jsonl", "a.csv"):
        (folder / name).write_text(
            '{"x": "a.png", "y": "from json"}' if "json" in name else f"x,y\na.png,from {name}\n"
        )
    dataset = read_dataset(folder)
    assert dataset.report.captions_from == "captions.csv"
    assert dataset.report.other_sources == ("metadata.jsonl", "a.csv")
    assert "the usual one" in found(dataset, "several_sources").message


@pytest.mark.parametrize(("encoding", "name"), [("cp1252", "Windows-1252"), ("utf-16", "UTF-16")])
def test_other_encodings_are_read_and_reported(folder, encoding, name):
    (folder / "captions.csv").write_text("image,caption\na.png,a café\n", encoding=encoding)
    (folder / "b.txt").write_text("a château\nin France", encoding=encoding)
    dataset = read_dataset(folder)
    assert captions(dataset)["a.png"] == "a café"
    assert f"captions.csv is not UTF-8 and was read as {name}" in found(dataset, "encoding").message

    texts = read_dataset(folder, captions_from=".txt files")
    assert captions(texts)["b.png"] == "a château in France"
    assert found(texts, "encoding").files == found(texts, "joined_lines").files == ("b.txt",)


def test_captions_that_were_not_quoted_are_joined_again(folder):
    (folder / "captions.csv").write_text("image,caption\na.png,a castle, on a hill, digital painting\nb.png,a lake\n")
    dataset = read_dataset(folder)
    assert captions(dataset)["a.png"] == "a castle, on a hill, digital painting"
    assert "1 row had more cells" in found(dataset, "extra_cells").message


def test_everything_else_in_the_folder_is_named(folder, save):
    broken = folder / "broken.png"
    broken.write_bytes(b"no picture")
    save(folder / "tiny.png", size=(20, 20))
    for name in ("clip.gif", "README.md", "empty.csv", "wrong.json", "numbers.json", "Thumbs.db"):
        (folder / name).write_text("{" if name == "wrong.json" else "{}" if name == "numbers.json" else "x,y\n1,2\n")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "c.png").write_bytes(b"")
    (folder / "link").symlink_to(folder.parent)
    dataset = read_dataset(folder)

    refused = [finding for finding in dataset.report.findings if finding.code == "unreadable_picture"]
    assert {finding.files: finding.message.split(". ")[1] for finding in refused} == {
        ("broken.png",): "Its content is no PNG, JPEG or WebP",
        ("tiny.png",): "A training picture must have 64 pixels on each side; it has 20x20",
    }
    assert found(dataset, "other_format").files == ("clip.gif",)
    assert found(dataset, "no_picture").files == ("README.md",)
    assert set(found(dataset, "system_files").files) == {"Thumbs.db", "__MACOSX"}
    assert found(dataset, "closed_folder").files == ("link",)
    unused = {
        finding.files[0]: finding.message for finding in dataset.report.findings if finding.code == "unused_table"
    }
    assert unused["empty.csv"] == "empty.csv was not used: no column names a picture."
    assert "it cannot be read (" in unused["wrong.json"]
    assert unused["numbers.json"] == "numbers.json was not used: its entries have neither caption nor tags."
    assert dataset.report.summary == "0 of 2 captions found (no file with captions)"


@pytest.mark.skipif(os.name != "posix", reason="names are text on other systems")
def test_names_that_are_no_text_are_refused(folder):
    os.rename(os.fsencode(folder / "b.png"), os.fsencode(folder) + b"/caf\xe9.png")
    dataset = read_dataset(folder)
    finding = found(dataset, "unreadable_picture")
    assert "Its name is not valid text" in finding.message
    assert finding.files == ("caf\\udce9.png",)


def test_a_caption_row_of_an_unreadable_picture_is_not_told_twice(folder):
    (folder / "b.png").write_bytes(b"")
    (folder / "captions.csv").write_text("image,caption\na.png,a castle\nb.png,a lake\n")
    assert codes(read_dataset(folder)) == ["unreadable_picture"]


# ---------------------------------------------------------------- what is refused


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda path: None, "There is no folder"),
    "a file": (lambda path: path.write_text(""), "a folder or a ZIP; .* is another file"),
    "empty": (lambda path: path.mkdir(), "holds 0 files and no such picture"),
    "no picture": (lambda path: (path.mkdir(), (path / "a.gif").write_text("")), r"holds 1 file \(\.gif\) and no such"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_data_set_is_refused_in_words(tmp_path, kind):
    make, text = REFUSED[kind]
    make(tmp_path / "set")
    with pytest.raises(NotFound, match=text):
        read_dataset(tmp_path / "set")


def test_too_many_files_are_refused(folder, monkeypatch):
    monkeypatch.setattr("engine.datasets.layouts.listing.MAX_FILES", 1)
    with pytest.raises(StudioError, match=r"may have 1 files; .* has more"):
        read_dataset(folder)


def test_wishes_that_cannot_be_met_are_refused_with_the_choices(folder):
    (folder / "captions.csv").write_text("image,caption\na.png,a castle\n")
    with pytest.raises(InvalidRequest, match=r"one of these: captions\.csv; got '\.txt files'"):
        read_dataset(folder, captions_from=".txt files")
    with pytest.raises(InvalidRequest, match="it has no column 'text', only 'image', 'caption'"):
        read_dataset(folder, caption_column="text")


def test_progress_is_told(folder):
    told: list[tuple[int, int]] = []
    read_dataset(folder, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
