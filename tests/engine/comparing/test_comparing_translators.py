"""Comparisons of translators: figures beside the photos' own, kept, gone on with, and refused in words."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.comparing import cost, plan, report
from engine.comparing.measuring import picture_at
from engine.comparing.request import CompareTranslators
from engine.errors import Cancelled, InvalidRequest
from engine.images import from_pil
from engine.jobs.schema import SUCCEEDED
from engine.metrics.frechet import frechet_distance
from engine.metrics.translation_failures import day_night_kept
from engine.metrics.vgg19 import vgg19_features
from engine.opinions.pictures import match
from engine.opinions.studies import Studies
from engine.opinions.study import RATINGS
from engine.opinions.trials import trials_for
from engine.studio import Studio
from tests.engine.comparing.pictures import save_pairs, save_pictures


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    photos = save_pictures(tmp_path / "photos", range(2))
    save_pictures(photos, range(2, 3), light=60)
    styles = save_pictures(tmp_path / "styles", range(10, 13), size=(80, 90))
    return photos, styles, save_pairs(tmp_path / "pairs", range(20, 22))


def ask(studio: Studio, name: str, pictures: plan.Pictures, **values: object) -> CompareTranslators:
    plan.begin(studio.settings, name, pictures)
    request = CompareTranslators(
        comparison=name, translators=("painter", "classical"), side=64, **{"runs": 0, **values}
    )
    studio.submit(request)
    return request


def rated(studio: Studio, photos: Path, others: Path) -> str:
    """A study of Painter and another method, in which one person gave both pictures of Painter a 4."""
    others = save_pictures(others.parent / "another", range(2))
    studies = Studies(studio.settings.home)
    matched = match({"Painter": photos, "Somebody": others}, None, control=False)
    study = studies.create("Which?", RATINGS, matched, least_seconds=0)
    me = studies.join(study)
    for place, trial in enumerate(trials_for(study, me.id)):
        score = 4 if trial.shown == ("Painter",) else 2
        studies.answer(study, me.id, place, dict.fromkeys(study.questions, score), 1.0)
    return study.id


def test_a_comparison_is_made_kept_and_begun_where_it_stopped(
    studio: Studio, work: Callable[[], None], folders: tuple[Path, Path, Path]
) -> None:
    photos, styles, pairs = folders
    study = rated(studio, photos, styles)
    request = ask(studio, "one", plan.pictures_to_compare(photos, styles, pairs), study=study)
    folder = plan.folder_of(studio.settings, request)
    there = folder / "pictures" / "classical" / "photos" / "0.png"  # as if it had been stopped after this one
    there.parent.mkdir(parents=True)
    Image.new("RGB", (84, 64), "red").save(there)
    work()
    job = studio.jobs()[0]
    assert (job.state, job.error) == (SUCCEEDED, None)
    assert job.step == job.steps - 1  # every step was told

    (found,) = plan.comparisons(studio.settings)
    values = found.values
    names = [row["name"] for row in values["rows"]]
    assert names == ["photos", "painter", "classical"]
    assert (values["photos"]["count"], values["photos"]["dark"], values["styles"]["count"]) == (3, 1, 3)
    own, painter, classical = values["rows"]
    assert {row["n"] for row in values["rows"]} == {3}
    assert own["means"]["edges"] == pytest.approx(1)
    assert own["means"]["blob"] == pytest.approx(0, abs=1e-6)
    assert painter["means"]["edges"] < 1
    assert set(own["means"]) == {*report.FIGURES, *report.FAILURES}
    assert classical["each"]["0"]["blob"] > 0
    with Image.open(there) as image:
        assert image.getpixel((0, 0)) == (255, 0, 0)  # what was there was not made again
    if "VGG19" in values["network"]:  # Inception's distances have tests of their own
        sides = [[picture_at(path, 64) for path in plan.pictures_in(each)] for each in (styles, photos)]
        features = [torch.cat([vgg19_features()(from_pil(each)) for each in side]) for side in sides]
        expected = frechet_distance(*features)
        assert own["distances"]["Frechet distance in VGG19 features"] == pytest.approx(expected)
    # The pairs' truth is half as light as its photo; a picture is as near to itself as can be.
    assert 0 < own["pairs"]["mse"] < 0.25
    assert own["pairs"]["psnr"] == pytest.approx(-10 * math.log10(own["pairs"]["mse"]), abs=1)
    assert {"matrix-1.png", "quality.csv", "photos.csv"} <= {path.name for path in plan.files_of(found)}
    with (found.folder / "quality.csv").open() as file:
        table = list(csv.DictReader(file))
    assert float(table[1]["edges"]) == painter["means"]["edges"]
    text = report.markdown(report.quality_rows(values))
    assert text.splitlines()[2].startswith("| The photos themselves |")
    assert "MSE to its pair" in text
    assert report.cost_rows(values) == []
    (question,) = report.questions(values)[:1]
    assert (painter["opinions"][question]["mean"], painter["opinions"][question]["answers"]) == (4, 2)
    assert report.quality_rows(values)[1][question] == "4, N = 2"
    assert classical["opinions"] == {}  # of this one nobody was asked


def test_folders_that_do_not_fit_are_refused_in_words(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    photos, styles, pairs = folders
    one, empty = save_pictures(tmp_path / "one", range(1)), tmp_path / "empty"
    empty.mkdir()
    alone, other = save_pairs(tmp_path / "alone", range(2)), tmp_path / "other"
    (alone / "Y_p" / "1.png").unlink()
    save_pictures(other / "X_p", range(2))
    save_pictures(other / "Y_p", range(5, 8))
    for given, said in (
        ((one, styles, pairs), "one holds 1: a distance between two sets needs two"),
        ((photos, empty, pairs), "empty holds none"),
        ((photos, tmp_path / "nowhere", None), "nowhere is none"),
        ((photos, styles, alone), r"1 have none \(1\)"),
        ((photos, styles, other), "have none in common"),
        ((photos, styles, photos), "Pairs lie in X_p and Y_p"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            plan.pictures_to_compare(*given)
    with pytest.raises(InvalidRequest) as raised:
        plan.pictures_to_compare(one, empty)
    assert [problem.field for problem in raised.value.problems] == ["photos", "styles"]


def test_what_cannot_be_compared_is_refused_in_words(studio: Studio, folders: tuple[Path, Path, Path]) -> None:
    for values, said in (
        ({"translators": ("nobody",)}, "There is no translator named 'nobody'"),
        ({"translators": ("neural-style",)}, "takes its style from a picture"),
        ({"translators": ("painter", "painter")}, "painter stands there again"),
        ({"translators": ()}, "takes 1 to 12 translators; got 0"),
        ({"side": 63}, "Short side must be a whole number from 64 to 2048; got 63"),
        ({"runs": -1}, "Timed runs must be a whole number from 0 to 500"),
        ({"study": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "There is no study"),
        ({"comparison": "../x"}, "A report's name has"),
        ({"comparison": "not-prepared"}, "nothing is prepared under 'not-prepared'"),
    ):
        plan.begin(studio.settings, "three", plan.pictures_to_compare(*folders))
        with pytest.raises(InvalidRequest, match=said):
            studio.submit(CompareTranslators(**{"comparison": "three", "translators": ("painter",), **values}))
    assert not studio.jobs()


def test_cost_is_measured_in_a_process_that_ends_when_told(studio: Studio, folders: tuple[Path, Path, Path]) -> None:
    photo = folders[0] / "0.png"
    with pytest.raises(Cancelled):
        cost.measure(studio.settings, "classical", photo, 64, 500, should_stop=lambda: True)
    runs: list[int] = []
    found = cost.measure(studio.settings, "classical", photo, 64, 2, runs.append)
    assert found["seconds_few"] > 0
    assert found["seconds_many"] > 0
    assert found["peak_bytes"] >= found["before_bytes"] > 0
    assert (found["parameters"], found["evaluations"], found["runs"]) == (None, None, 2)
    assert runs == sorted(runs)
    (row,) = report.cost_rows({"costs": [found | {"title": "Classical"}]})
    assert row["Parameters, M"] == "none"


def test_day_and_night_are_told_by_lightness() -> None:
    night, day = np.full((8, 8, 3), 30, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    assert day_night_kept(night, night) == 1
    assert day_night_kept(night, day) == day_night_kept(day, night) == 0
    border = np.full((8, 8, 3), 88, np.uint8), np.full((8, 8, 3), 92, np.uint8)  # L of 37 and of 39
    assert day_night_kept(*border) == 1


def test_names_of_two_files_that_share_one_stay_apart() -> None:
    paths = [Path("a.png"), Path("a.jpg"), Path("b.png")]
    assert plan.names_of(paths) == ["a 1", "a 2", "b"]
