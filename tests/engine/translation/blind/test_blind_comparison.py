"""Blind comparisons: nothing that is shown says who is who, and answers are counted as they were meant."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import InvalidRequest, NotFound, UnsafeFile
from engine.files import write_json
from engine.images import from_pil
from engine.translation.blind.answers import AnswersRefused, read_answers, template
from engine.translation.blind.key import PHOTO, Key, read_key, shuffled
from engine.translation.blind.making import keep_key, make
from engine.translation.blind.sheet import crop_boxes
from engine.translation.blind.wins import counted_wins, table

NAMES = ["dark", "small"]


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"view {seed}.png")
    return sorted(folder.iterdir())


def small(photo: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(photo, 2)


def told(key: Key, text: str, path: Path) -> Path:
    """Answers in which names stand for the letters of photo 1, 2 ..."""
    lines = [line for line in text.splitlines() if line]
    for place, line in enumerate(lines[1:], 1):
        number = int(line.split(",")[0]) if line.split(",")[0].isdigit() else 0
        for name, letter in key.photos[number - 1].letter_of.items() if number else ():
            lines[place] = lines[place].replace(name, letter)
    path.write_text("\n".join(lines))
    return path


def test_what_is_shown_names_nobody(photos: list[Path], tmp_path: Path) -> None:
    key = shuffled(photos, NAMES, 5, {"long_side": 64})
    path, out, told_lines = tmp_path / "key.json", tmp_path / "out", []
    keep_key(key, path, out)
    files = {photo.name: photo for photo in photos}
    make(key, files, {"dark": lambda photo: photo - 1, "small": small}, out, 64, told_lines.append)

    assert read_key(path) == key
    assert {judged.file for judged in key.photos} == set(files)
    for judged in key.photos:
        opened = {letter: Image.open(out / judged.folder / f"{letter}.png") for letter in judged.letters}
        assert {picture.size for picture in opened.values()} == {(64, 48)}  # also of the one that makes them smaller
        assert all(not picture.info for picture in opened.values())
        photo = opened[judged.letter_of[PHOTO]]
        assert photo.tobytes() == Image.open(files[judged.file]).tobytes()
        dark = from_pil(opened[judged.letter_of["dark"]])
        assert dark.max() <= 0.01
    shown = [str(item.relative_to(out)) for item in out.rglob("*")] + [(out / "answers.csv").read_text()]
    assert not any(word in text for text in (*shown, *told_lines) for word in (*NAMES, "view"))
    assert (out / "sheet.jpg").exists()

    (out / key.photos[1].folder / "A.png").unlink()  # goes on: what is there is not made anew
    (out / "answers.csv").write_text("mine")
    with pytest.raises(NotFound):
        make(key, files, {}, out, 64)
    assert (out / "answers.csv").read_text() == "mine"


def test_orders_are_drawn_for_each_photo_from_the_seed_alone(photos: list[Path]) -> None:
    many = [photos[number % 3] for number in range(60)]
    names = ["a", "b", "c"]
    key = shuffled(many, names, 1, {})
    assert shuffled(many, names[::-1], 1, {}) == key
    assert shuffled(many, names, 2, {}) != key
    for name in (PHOTO, *names):  # everybody stands everywhere about equally often
        places = [judged.letter_of[name] for judged in key.photos]
        assert all(5 <= places.count(letter) <= 27 for letter in "ABCD")
    assert key.names == ("a", "b", "c")


def test_a_key_belongs_to_its_folder(photos: list[Path], tmp_path: Path) -> None:
    out, path = tmp_path / "out", tmp_path / "key.json"
    key = shuffled(photos, NAMES, 5, {})
    with pytest.raises(InvalidRequest, match="outside"):
        keep_key(key, out / "inside" / "key.json", out)
    keep_key(key, path, out)
    keep_key(key, path, out)
    with pytest.raises(InvalidRequest, match="another comparison"):
        keep_key(shuffled(photos, NAMES, 6, {}), path, out)
    out.mkdir()
    (out / "mine.txt").touch()
    with pytest.raises(InvalidRequest, match="empty or new"):
        keep_key(key, tmp_path / "other.json", out)
    for few, names in ((photos, ["a"]), (photos, ["a", "a"]), ([], NAMES), (photos, list("abcdefghi"))):
        with pytest.raises(InvalidRequest):
            shuffled(few, names, 1, {})


def test_wins_are_counted(photos: list[Path], tmp_path: Path) -> None:
    key = shuffled(photos, ["dark", "small", "third"], 3, {})
    answers = told(
        key,
        "photo,ranking,faults,reason\n"
        "1,photo > dark > small=third,small: halo; third: blob,the sky is calm\n"
        "2,small,,\n"
        "3, DARK = small > third > photo,dark: halo;small: halo,both|fine\n".replace("DARK", "dark"),
        tmp_path / "answers.csv",
    )
    wins = counted_wins(key, read_answers(answers, key))
    assert (wins.judged, wins.photos, wins.photo_best) == (3, 3, 1)
    assert wins.first == {"dark": 1, "small": 1, "third": 0}
    assert wins.shared == {"dark": 1, "small": 1, "third": 0}
    over = {pair: (found.won, found.tied, found.lost) for pair, found in wins.against.items()}
    assert over["dark", "small"] == (1, 1, 1)
    assert over["dark", "third"] == (2, 0, 0)  # on the second photo neither was ranked
    assert over["third", "small"] == (0, 1, 2)
    assert wins.faults["small"] == {"halo": [1, 3]}
    assert wins.faults["third"] == {"blob": [1]}
    said = table(wins)
    assert "| dark | 1 | 1 |  | 1 of 3, 1 equal | 2 of 2 | halo 1 |" in said
    assert "both/fine" in said
    assert json.loads(json.dumps(wins.to_dict()))["answers"][0]["reason"] == "the sky is calm"


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (["9,A,,"], "1 to 3"),
        (["1,A > A,,"], "at most once"),
        (["1,A > Z,,"], "at most once"),
        (["1,A >,,"], "at most once"),
        (["1,A,A: ugly,"], "kinds"),
        (["1,A,halo,"], "kinds"),
        (["1,A,,", "1,B,,"], "two lines"),
        (["1,,A: halo,"], "no ranking"),
        (["1,A,A: halo, blob,it is, well"], "columns"),
        (["1,,,"], "all lines are empty"),
    ],
)
def test_wrong_answers_are_named(photos: list[Path], tmp_path: Path, lines: list[str], match: str) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("\n".join(["photo,ranking,faults,reason", *lines]))
    with pytest.raises(AnswersRefused, match=match):
        read_answers(path, shuffled(photos, NAMES, 1, {}))


def test_answers_of_spreadsheets_and_other_files(photos: list[Path], tmp_path: Path) -> None:
    key, path = shuffled(photos, NAMES, 1, {}), tmp_path / "answers.csv"
    path.write_bytes(
        b'\xef\xbb\xbf"# a note";;;\r\nPhoto;Ranking;Faults;Reason\r\n2;b>a;"A: halo; B: blur";"so; so"\r\n'
    )
    (answer,) = read_answers(path, key)
    assert answer.judged.number == 2
    assert answer.faults == {key.photos[1].letters["A"]: ("halo",), key.photos[1].letters["B"]: ("blur",)}
    assert answer.reason == "so; so"
    path.write_text(template(key))
    with pytest.raises(AnswersRefused, match="all lines are empty"):
        read_answers(path, key)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(AnswersRefused, match="UTF-8"):
        read_answers(path, key)
    with pytest.raises(NotFound):
        read_answers(tmp_path / "none.csv", key)


def test_other_files_are_no_keys(photos: list[Path], tmp_path: Path) -> None:
    values, path = shuffled(photos, NAMES, 1, {}).to_dict(), tmp_path / "key.json"
    photo = values["photos"][0]
    wrong = [
        {},
        values | {"photos": []},
        values | {"photos": [photo | {"number": 2}]},
        values | {"photos": [photo | {"letters": {"A": PHOTO, "C": "dark"}}]},
        values | {"photos": [photo, {**photo, "number": 2, "letters": {"A": PHOTO, "B": "dark", "C": "dark"}}]},
        values | {"photos": 5},
    ]
    for each in wrong:
        write_json(path, each)
        with pytest.raises(UnsafeFile, match=r"must be the key"):
            read_key(path)
    with pytest.raises(NotFound):
        read_key(tmp_path / "none.json")


def test_crops_lie_where_the_photo_has_most_and_least() -> None:
    pixels = np.full((700, 900, 3), 128, np.uint8)
    pixels[350:, 560:] = np.random.default_rng(0).integers(0, 256, (350, 340, 3), dtype=np.uint8)
    most, _, least = crop_boxes(Image.fromarray(pixels))
    assert most[0] >= 540
    assert most[1] >= 330
    assert least[2] <= 560 or least[3] <= 350
    assert crop_boxes(Image.new("RGB", (40, 30))) == [(0, 0, 30, 30)]
    assert crop_boxes(Image.new("RGB", (1, 1))) == [(0, 0, 1, 1)]
