"""Tables of captions: quotation marks that nobody closes, and those that are made to fill the memory."""

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.datasets.index import PictureIndex
from engine.datasets.layouts.csv_rows import TooLarge, require_size
from engine.datasets.layouts.tables import Columns, NoTable, Table, columns_of, read_table
from engine.datasets.reading import Dataset, read_dataset

MEGABYTE = 2**20


@pytest.fixture
def table(tmp_path) -> Callable[..., Table]:
    """Read a table beside a.png, b.png, c.png and d.png."""

    def table(content: str, name: str = "captions.csv") -> Table:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return read_table(tmp_path / name, PictureIndex(tmp_path, [tmp_path / f"{each}.png" for each in "abcd"]))

    return table


def findings(dataset: Dataset) -> dict[str, str]:
    return {finding.code: finding.message for finding in dataset.report.findings}


# ---------------------------------------------------------------- quotation marks

UNCLOSED = {
    "the next row has none": (
        'file_name,text\na.png,"a castle\nb.png,a river\nc.png,a hill\n',
        {"a": "a castle", "b": "a river", "c": "a hill"},
        ["row 2 (a.png,"],
    ),
    "the next row has a quoted one": (
        'file_name,text\na.png,a castle\nb.png,"a river\nc.png,"a hill, and snow"\n',
        {"a": "a castle", "b": "a river", "c": "a hill, and snow"},
        ["row 3 (b.png,"],
    ),
    "with a comma in it": (
        'file_name,text\na.png,"a castle, on a hill\nb.png,a river\n',
        {"a": "a castle, on a hill", "b": "a river"},
        ["row 2 (a.png,"],
    ),
    "two of them": (
        'file_name,text\na.png,"a castle\nb.png,"a river\nc.png,a hill\n',
        {"a": "a castle", "b": "a river", "c": "a hill"},
        ["row 2 (a.png,", "row 3 (b.png,"],
    ),
    "in the last row": (
        'file_name,text\na.png,a castle\nb.png,"a river\n',
        {"a": "a castle", "b": "a river"},
        ["row 3 (b.png,"],
    ),
    "before the picture's name": (
        '"file_name","text"\n"a.png,a castle\nb.png,"a river"\n',
        {"b": "a river"},
        ["row 2 ("],
    ),
    "with semicolons": (
        'text;file_name\n"a castle;a.png\n"a river";b.png\n"a hill";c.png\n',
        {"b": "a river", "c": "a hill"},
        ["row 2 ("],
    ),
    "behind a caption of two lines": (
        'file_name,text\na.png,"a castle\non a hill"\nb.png,"a river\nc.png,a hill\n',
        {"a": "a castle on a hill", "b": "a river", "c": "a hill"},
        ["row 3 (b.png,"],
    ),
}


@pytest.mark.parametrize("kind", UNCLOSED)
def test_an_unclosed_quotation_mark_is_named_and_takes_no_other_row(save, tmp_path, kind):
    content, wanted, named = UNCLOSED[kind]
    for seed, name in enumerate("abc"):
        save(tmp_path / f"{name}.png", seed)
    (tmp_path / "captions.csv").write_text(content)
    dataset = read_dataset(tmp_path)
    found = {picture.path.stem: picture.caption for picture in dataset.pictures if picture.caption}
    assert found == wanted
    message = findings(dataset)["unclosed_quote"]
    assert all(each in message for each in named)
    assert message.startswith(f"captions.csv: {len(named)} quotation mark")


FINE = {
    "quoted": 'file_name,text\na.png,"a castle"\nb.png,"a ""red"" river"\n',
    "of two lines": 'file_name,text\na.png,"a castle,\non a hill, far away"\nb.png,a river\n',
    "inches": 'file_name,text\na.png,a 5" screen\nb.png,a river\n',
    "a word": 'file_name,text\na.png,"castle" on a hill\nb.png,a river\n',
    "no newline at the end": 'file_name,text\na.png,"a castle"\nb.png,"a river"',
}


@pytest.mark.parametrize("kind", FINE)
def test_quotation_marks_that_are_closed_are_no_finding(table, kind):
    read = table(FINE[kind])
    assert len(read.rows) == 2
    assert read.findings == ()


# ---------------------------------------------------------------- too much of everything


def _wide_json() -> str:
    return json.dumps([{f"key{place}": "a.png"} for place in range(8_000)])


TOO_MUCH = {
    "rows times columns": ("a.csv", "file" + "," * 4_000 + "\n" + "a.png,b\n" * 3_000, "1,000 columns; it has 4,001"),
    "cells in rows": ("a.csv", "a.png,x\n" + ("," * 4_000 + "x\n") * 510, "2,000,000 cells"),
    "cells by a wide header": ("a.csv", "file,text" + ",x" * 900 + "\n" + "a.png,b\n" * 20_000, "2,000,000 cells"),
    "lines": ("a.csv", "a.png,b\n" + "\n" * 1_100_000, "500,000 lines"),
    "delimiters": ("a.csv", "a.png,b\n" + ";" * 3_000_000, "5,000 delimiters; line 2 has more"),
    "a cell": ("a.csv", "a.png,b\na.png," + "x" * 200_000, "a cell may have 131,072 characters; one in row 2"),
    "keys of JSON": ("a.json", _wide_json(), "1,000 columns; it has 8,000"),
    "objects": ("a.json", "[" + "{}," * 900_000 + "{}]", r"200,000 of \{ and \["),
    "lists": ("a.jsonl", "[" * 300_000, r"200,000 of \{ and \["),
    "deep lists": ("a.json", '{"a.png":' + "[" * 100_000 + "]" * 100_000 + "}", "nested far too deep"),
    "deep lines": ("a.jsonl", "[" * 100_000 + "]" * 100_000, "nested far too deep"),
    "numbers": ("a.json", "[" + "1.5," * 2_100_000 + "1]", "2,000,000 of ,"),
    "bytes": ("a.csv", "a.png,b\n" + "x" * 17_000_000, "more than 16,777,216 bytes"),
    "digits": ("a.json", '{"a.png": ' + "9" * 5_000 + "}", "4300 digits"),
    "a broken line": ("a.jsonl", '{"file_name": "a.png", "text": "x"}\n{"file_name": \n', "line 2: Expecting value"),
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_a_table_that_is_too_much_is_refused_in_words_and_little_memory(table, kind):
    name, content, words = TOO_MUCH[kind]
    tracemalloc.start()
    try:
        with pytest.raises(NoTable, match=words):
            table(content, name)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 200 * MEGABYTE


def test_rows_are_counted():
    with pytest.raises(TooLarge, match="100,000 rows; it has 100,001 or more"):
        require_size(100_001, 2)


def test_a_large_table_of_usual_form_is_read_in_little_memory(tmp_path):
    index = PictureIndex(tmp_path, [tmp_path / "a.png"])
    caption = "a castle on a hill, stone walls, towers, mist, snow"
    (tmp_path / "captions.csv").write_text("file_name,text\n" + f'a.png,"{caption}"\n' * 20_000)
    tracemalloc.start()
    read = read_table(tmp_path / "captions.csv", index)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(read.rows) == 20_000
    assert columns_of(read, index, Columns()) == (0, 1)
    assert most < 50 * MEGABYTE


NUMBERS = ("9" * 400, "-" + "9" * 400, "1e999", "-1e999", "NaN", "Infinity", "0.1", "true", "null", "{}", "[1, 2]")


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_in_place_of_captions_are_no_captions(table, tmp_path, number):
    content = f'{{"file_name": "a.png", "text": {number}, "size": {number}}}\n{{"file_name": "b.png", "text": "b"}}\n'
    read = table(content, "metadata.jsonl")
    assert [row[1] for row in read.rows] == ["", "b"]
    read = table(f'{{"a.png": {number}, "b.png": {{"caption": "b", "size": {number}}}}}', "meta_cap.json")
    assert [row[1] for row in read.rows] == ["", "b"]


def test_a_name_that_is_twice_in_json_is_said(save, tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "meta_cap.json").write_text('{"a": {"caption": "a castle"}, "a": {"caption": "a fort"}}')
    dataset = read_dataset(tmp_path)
    assert dataset.pictures[0].caption == "a castle"
    assert "1 caption for a picture that had one already; the first was taken" in findings(dataset)["caption_again"]


def test_a_name_of_many_folders_costs_nothing(table):
    read = table("file_name,text\n" + "x/" * 60_000 + "a.png,a castle\nb.png,a river\n")
    index = PictureIndex(Path("/"), [Path("/a.png"), Path("/b.png")])
    tracemalloc.start()
    assert index.find(read.rows[0][0], Path("/")) == ()
    assert index.likeness(read.rows[0][0]) == 0
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MEGABYTE


def test_text_files_and_tables_together_have_limits(save, tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("x" * 200_000)
    for place in range(5):
        (tmp_path / f"{place}.csv").touch()
        os.truncate(tmp_path / f"{place}.csv", 15_000_000)  # holes, which take no disk
    messages = [finding.message for finding in read_dataset(tmp_path).report.findings]
    assert "a.txt cannot be read: it has more than 100,000 bytes." in messages
    assert any("4.csv was not used: all tables of a data set together may" in message for message in messages)
    assert sum("bytes that no text has" in message for message in messages) == 4


def test_marks_that_open_and_close_over_each_other_are_refused_soon(table):
    with pytest.raises((TooLarge, NoTable), match="quotation marks that are never closed"):
        table("file_name,text\na.png,hello\n" + 'x","y\n' * 5000)
