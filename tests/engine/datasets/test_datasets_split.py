"""What is held out: always the same, never a copy of what is trained on."""

import json

import pytest
from PIL import Image

from engine.datasets.pictures import CaptionedPicture
from engine.datasets.split import Split, read_split, sides, split_from, split_pictures, write_split
from engine.errors import InvalidRequest, NotFound


def test_a_split_is_decided_by_its_seed_alone(captioned, tmp_path):
    pictures = captioned(20)
    split = split_pictures(tmp_path, pictures, seed=7)
    assert (len(split.train), len(split.test)) == (16, 4)
    assert set(split.train) | set(split.test) == {f"{number:02d}.png" for number in range(20)}
    assert split_pictures(tmp_path, pictures[::-1], seed=7) == split
    assert len({split_pictures(tmp_path, pictures, seed=seed).test for seed in range(5)}) == 5


@pytest.mark.parametrize(
    ("count", "share", "held_out"), [(4, 0.5, 0), (5, 0.2, 1), (5, 0.01, 1), (6, 0.5, 3), (9, 0.2, 2), (5, 0, 0)]
)
def test_sizes(captioned, tmp_path, count, share, held_out):
    assert len(split_pictures(tmp_path, captioned(count), 0, share).test) == held_out


def test_copies_stay_on_one_side(captioned, tmp_path):
    pictures = captioned(10, size=(160, 120))
    for number in (1, 2, 3):
        Image.open(pictures[number].path).save(tmp_path / f"{number:02d}.jpg", quality=70)
        pictures.append(CaptionedPicture(tmp_path / f"{number:02d}.jpg", "a copy"))
    sizes = set()
    for seed in range(30):
        split = split_pictures(tmp_path, pictures, seed, 0.3)
        sizes.add(len(split.test))
        for number in (1, 2, 3):
            assert len({f"{number:02d}.{kind}" in split.test for kind in ("png", "jpg")}) == 1
    assert sizes == {4}


def test_where_no_group_fits_the_smallest_is_held_out(captioned, tmp_path):
    pictures = []
    for picture in captioned(2, size=(160, 120)):
        for quality in (60, 70, 80)[: 2 if pictures else 3]:
            path = picture.path.with_name(f"{picture.path.stem}-{quality}.jpg")
            Image.open(picture.path).save(path, quality=quality)
            pictures.append(CaptionedPicture(path, "a copy"))
    assert split_pictures(tmp_path, pictures, 0).test == ("01-60.jpg", "01-70.jpg")


def test_where_all_look_alike_none_is_held_out(captioned, tmp_path):
    (picture,) = captioned(1, size=(160, 120))
    for quality in (50, 60, 70, 80, 90):
        Image.open(picture.path).save(tmp_path / f"{quality}.jpg", quality=quality)
    pictures = [CaptionedPicture(path, "a copy") for path in tmp_path.glob("*.jpg")]
    split = split_pictures(tmp_path, pictures, 0)
    assert (len(split.train), len(split.test)) == (5, 0)


def test_a_split_is_kept_and_leads_back_to_its_pictures(captioned, tmp_path):
    pictures = captioned(10)
    split = split_pictures(tmp_path, pictures[:9], seed=3)
    write_split(tmp_path / "runs" / "split.json", split)
    again = read_split(tmp_path / "runs" / "split.json")
    assert again == split
    train, test = sides(again, tmp_path, pictures)
    assert sorted([*train, *test], key=lambda picture: picture.path) == pictures[:9]
    assert tuple(picture.path.name for picture in test) == split.test


def test_a_picture_that_is_gone_is_told(captioned, tmp_path):
    pictures = captioned(6)
    split = split_pictures(tmp_path, pictures, seed=0)
    with pytest.raises(NotFound, match=r"2 pictures gone or unreadable: 0\d\.png, 0\d\.png"):
        sides(split, tmp_path, pictures[2:])


WRONG = [
    "[]",
    "{}",
    json.dumps({"train": ["a"], "test": ["b"], "seed": "0", "share": 0.2}),
    json.dumps({"train": ["a"], "test": ["a"], "seed": 0, "share": 0.2}),
]


@pytest.mark.parametrize("content", WRONG)
def test_what_is_no_split_is_refused(tmp_path, content):
    (tmp_path / "split.json").write_text(content)
    with pytest.raises(InvalidRequest, match="must be a split that the studio wrote"):
        read_split(tmp_path / "split.json")


def test_a_missing_split_is_told(tmp_path):
    with pytest.raises(NotFound, match="There is no split at"):
        read_split(tmp_path / "split.json")


def test_a_split_survives_json():
    split = Split(("a.png",), ("ü/b.png",), 5, 0.25)
    assert split_from(json.loads(json.dumps(split.to_dict()))) == split


def test_wrong_settings_are_told_together(tmp_path):
    with pytest.raises(InvalidRequest) as refused:
        split_pictures(tmp_path, [], seed=-1, share=0.7)
    assert [problem.field for problem in refused.value.problems] == ["seed", "share"]
