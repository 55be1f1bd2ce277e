"""Two folders: figures that are torch-fidelity's on the same features, and bad folders in words."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from typer.testing import CliRunner

import engine.measuring.folders
from engine.__main__ import cli
from engine.errors import Cancelled, InvalidRequest, NotFound, StudioError, UnsafeFile
from engine.images import from_pil
from engine.measuring.folders import FolderComparison, compare_folders
from engine.measuring.request import CompareFolders
from engine.metrics import clip, inception
from engine.metrics.features import Extractor
from engine.metrics.frechet import frechet_distance
from engine.metrics.mmd import mmd_squared, polynomial_kernel
from engine.metrics.networks import Networks

NUMBERS = 6


def colours(pixels):
    return torch.cat([pixels.mean((2, 3)) + 1, pixels.std((2, 3))], dim=1)


def network(name):
    return Extractor(name, NUMBERS, colours)


NETWORKS = Networks((network(clip.NAME), network(inception.NAME)), missing=("LPIPS is not here.",))


def save(folder, count, seed, size=(12, 10)):
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        shade = rng.integers(0, 120, 3)
        pixels = rng.integers(0, 136, (*size, 3)) + shade
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03}.png")
    return folder


def features(folder):
    return torch.cat([colours(from_pil(Image.open(path))).double() for path in sorted(folder.iterdir())])


def their_fid(one, other):
    """torch-fidelity's own FID of the same features."""
    statistics = map(fid_features_to_statistics, (one, other))
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


@pytest.fixture
def folders(tmp_path):
    return save(tmp_path / "one", 24, 0), save(tmp_path / "other", 24, 1)


def test_fid_and_kid_are_torch_fidelitys_on_the_same_features(folders):
    found = compare_folders(*folders, NETWORKS)
    values = {measure.name: measure.value for measure in found.measured}
    assert list(values) == ["CMMD", "Frechet distance in CLIP features", "KID", "FID"]
    one, other = map(features, folders)
    assert values["FID"] == pytest.approx(their_fid(one, other), rel=1e-3)
    whole = {"kid_subsets": 1, "kid_subset_size": 24, "verbose": False}
    theirs = kid_features_to_metric(one, other, **whole)
    assert values["KID"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)
    assert found.counts == (24, 24)
    assert found.missing == NETWORKS.missing


@pytest.mark.parametrize(("counts", "dimensions"), [((70, 50), 16), ((30, 40), 96)])
def test_frechet_and_kernel_distance_are_theirs_also_with_more_dimensions_than_pictures(counts, dimensions):
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.rand(count, dimensions, generator=generator).double() ** 2 for count in counts)
    assert frechet_distance(one, other + 0.1) == pytest.approx(their_fid(one, other + 0.1), rel=1e-3)
    least = min(counts)
    theirs = kid_features_to_metric(one[:least], other[:least], kid_subsets=2, kid_subset_size=least, verbose=False)
    ours = mmd_squared(one[:least], other[:least], polynomial_kernel).item()
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3)


def test_pictures_of_any_size_count_one_by_one(folders):
    before = {measure.name: measure.value for measure in compare_folders(*folders, NETWORKS).measured}
    save(folders[0], 3, 5, size=(40, 7))
    save(folders[1], 3, 6, size=(9, 31))
    found = compare_folders(*folders, NETWORKS)
    assert found.counts == (24, 24)
    one, other = map(features, folders)
    values = {measure.name: measure.value for measure in found.measured}
    assert values["FID"] == pytest.approx(their_fid(one, other), rel=1e-3)
    assert values["FID"] != before["FID"]


def test_the_order_of_the_folders_and_what_is_in_both_are_told(folders, tmp_path):
    one, other = folders
    there, back = compare_folders(one, other, NETWORKS), compare_folders(other, one, NETWORKS)
    for first, second in zip(there.measured, back.measured, strict=True):
        assert first.value == pytest.approx(second.value)
    assert there.notes == ()
    copy = tmp_path / "copy"
    shutil.copytree(one, copy)
    same = compare_folders(one, copy, NETWORKS)
    assert same.notes == (
        "24 of the pictures are in both folders, byte for byte, which brings them nearer to each other.",
    )
    assert same.measured[-1].value == pytest.approx(0, abs=1e-9)
    few = compare_folders(save(tmp_path / "few", 2, 3), other, NETWORKS)
    assert few.notes[0].startswith("Figures from 2 pictures are a hint at most.")
    assert "covariance of 2 pictures" in few.measured[-1].note
    json.dumps(few.to_dict())


def test_kernel_distances_have_an_interval_that_holds_them_and_frechet_distances_say_why_not(folders, tmp_path):
    found = {measure.name: measure for measure in compare_folders(*folders, NETWORKS).measured}
    few = compare_folders(save(tmp_path / "a", 6, 0), save(tmp_path / "b", 6, 1), NETWORKS).measured[0]
    for name in ("CMMD", "KID"):
        assert found[name].low < found[name].value < found[name].high
    assert few.high - few.low > found["CMMD"].high - found["CMMD"].low
    assert "No interval" in found["FID"].note
    assert FolderComparison((24, 24), (found["FID"],)).to_dict()["measured"][0]["low"] is None


def test_bad_folders_are_told_in_words(folders, tmp_path):
    one, other = folders
    (tmp_path / "empty").mkdir()
    for bad, error, words in (
        (tmp_path / "gone", NotFound, "read from a folder; .*gone is none"),
        (tmp_path / "empty", NotFound, "must hold .* files; .*empty holds none"),
        (save(tmp_path / "single", 1, 0), StudioError, r"2 pictures or more in each folder; .*single has 1"),
        (one, StudioError, "both are .*one, whose distance to itself is 0"),
        (tmp_path / "x" / ".." / "one", StudioError, "whose distance to itself is 0"),
    ):
        with pytest.raises(error, match=words):
            compare_folders(one, bad, NETWORKS)
    with pytest.raises(Cancelled):
        compare_folders(one, other, NETWORKS, should_stop=lambda: True)


def test_a_refusal_is_said_at_the_folder_that_it_is_about(folders, studio):
    one = folders[0]
    for values, field in (
        ((one, save(one / "within", 1, 0)), "other"),
        ((one / "within", one), "one"),
        ((one, one / "gone"), "other"),
    ):
        named = dict(zip(("one", "other"), map(str, values), strict=True))
        with pytest.raises(InvalidRequest) as caught:
            studio.submit(CompareFolders(comparison="0" * 26, **named))
        assert [problem.field for problem in caught.value.problems] == [field]


def test_broken_files_are_named_and_left_out_on_wish(folders):
    one, other = folders
    whole = compare_folders(one, other, NETWORKS)
    for number in range(4):
        (one / f"broken{number}.png").write_bytes(b"no picture")
    with pytest.raises(UnsafeFile, match=r"4 of 52 files .*broken0.png .* And 1 more\. Mend them, or leave out"):
        compare_folders(one, other, NETWORKS)
    found = compare_folders(one, other, NETWORKS, leave_out_broken=True)
    assert found.measured == whole.measured
    assert found.notes[-1].startswith("Left out: 4 of 52 files cannot be read.")
    for path in one.glob("0*.png"):
        path.unlink()
    with pytest.raises(StudioError, match="one has 0 that can be read"):
        compare_folders(one, other, NETWORKS, leave_out_broken=True)


def test_the_command_prints_stand_ins_under_their_own_names(tmp_path, settings, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    monkeypatch.setattr(engine.measuring.folders, "VGG_SIDE", 32)
    monkeypatch.setattr(engine.measuring.folders, "VGG_LONGEST", 64)
    folders = [str(save(tmp_path / name, 2, seed, (300, 20))) for seed, name in enumerate("ab")]
    result = CliRunner().invoke(cli, ["compare-folders", *folders, "--json", "--home", str(settings.home)])
    said = json.loads(result.stdout)
    names = [measure["name"] for measure in said["measured"]]
    assert names == ["MMD in VGG19 features", "Frechet distance in VGG19 features"]
    assert said["counts"] == [2, 2]
    assert any("FID and KID (Inception v3) needs a network that is not here" in text for text in said["missing"])
