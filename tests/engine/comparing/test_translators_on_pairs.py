"""The testing module: three named columns, for a translator, a training and a file of weights."""

import csv
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.comparing import plan, report
from engine.comparing.request import TestOnPairs
from engine.comparing.testing import COLUMNS, Test, subject
from engine.device import choose
from engine.errors import Cancelled, InvalidRequest, ModelBroken, NotFound
from engine.images import from_pil
from engine.settings import Settings
from engine.studio import Studio
from engine.training.loop import CHECKPOINT, average_of
from engine.translation.networks.generator import Architecture, Generator
from engine.translation.networks.ode import Solver
from tests.engine.comparing.pictures import save_pairs, save_pictures

CPU = choose("cpu")


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(Architecture(width=4, blocks=2), Solver("euler")).eval()


@pytest.fixture
def training(tmp_path: Path, generator: Generator) -> Path:
    """A checkpoint as a training of NijiGAN writes it."""
    folder = tmp_path / "run"
    folder.mkdir()
    settings = {"architecture": {"bottleneck": "ode", "blocks": 2, "width": 4}, "solvers": [{"method": "euler"}]}
    torch.save({"settings": settings, "average": average_of(generator, 0.9).state_dict()}, folder / CHECKPOINT)
    return folder


def report_of(settings: Settings, tmp_path: Path, name: str) -> dict:
    """The report of a test of this subject, made as the job makes it."""
    pictures = plan.pictures_to_test(save_pairs(tmp_path / "pairs", range(2)), save_pictures(tmp_path / "x", range(1)))
    plan.begin(settings, "test", pictures)
    folder = settings.evaluations_dir / "test"
    plan.prepared(settings.home, folder).rename(_parent(folder))
    return Test(folder, TestOnPairs(test="test", subject=name, side=64), settings, CPU, lambda *told: None).run()


def _parent(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_training_is_tested_in_three_columns(
    settings: Settings, tmp_path: Path, training: Path, generator: Generator
) -> None:
    values = report_of(settings, tmp_path, str(training))
    folder = settings.evaluations_dir / "test"

    def pixels(name: str) -> torch.Tensor:
        return from_pil(Image.open(folder / "pictures" / f"test_0001_{name}.png").convert("RGB"))

    first = values["pairs"][0]
    for column, (one, other) in {
        "truth": ("translation", "truth"),
        "photo": ("translation", "photo"),
        "identity": ("identity", "truth"),
    }.items():
        error = ((pixels(one) - pixels(other)) / 2).square().mean().item()
        assert first[column]["mse"] == pytest.approx(error, rel=1e-4)
        assert first[column]["psnr"] == pytest.approx(-10 * torch.tensor(error).log10().item(), abs=1e-3)
        mean = sum(row[column]["psnr"] for row in values["pairs"]) / 2  # over pictures, not of the mean error
        assert values["means"][column]["psnr"] == pytest.approx(mean)
    with torch.inference_mode():
        expected = generator(pixels("photo")).clamp(-1, 1)
    torch.testing.assert_close(pixels("translation"), expected, atol=1 / 127, rtol=0)
    assert (folder / "pictures" / "photo_0.png").is_file()
    with (folder / "test.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["picture"] for row in rows] == ["0", "1", "mean"]
    assert float(rows[0]["truth mse"]) == first["truth"]["mse"]
    assert [row["Picture"] for row in report.pair_rows(values)] == ["Mean", "0", "1"]
    assert set(values["columns"]) == set(COLUMNS)
    (found,) = plan.tests_on_pairs(settings)
    assert found.values == values


def test_a_file_of_weights_and_a_translator_are_tested_too(
    settings: Settings, tmp_path: Path, generator: Generator
) -> None:
    parts = {"generator_state_dict": generator.state_dict(), "feature_extractor_state_dict": {"mean": torch.ones(3)}}
    torch.save(parts, tmp_path / "published.pth")
    photo = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        # What a file does not tell, the solver, is the published one.
        generator.set_solver(Solver())
        expected = generator(photo)
    torch.testing.assert_close(subject(str(tmp_path / "published.pth"), settings, CPU)(photo), expected)
    assert subject("classical", settings, CPU)(photo).shape == photo.shape


def test_the_command_says_a_line_a_pair_and_copies_all(studio: Studio, tmp_path: Path, worker_beside: None) -> None:
    pairs, out = save_pairs(tmp_path / "pairs", range(2)), tmp_path / "out"
    words = ["test-translator", "classical", pairs, "--side", 64, "--out", out, "--home", studio.settings.home]
    said = CliRunner().invoke(cli, [*map(str, words)], catch_exceptions=False).stdout.splitlines()
    assert said[0].startswith("Test batch [1/2] 0 MSE: 0.")
    assert [line.split(":")[0] for line in said[2:5]] == list(COLUMNS.values())
    assert {path.name for path in out.iterdir()} == {"test.json", "test.csv", "pictures"}


def test_what_cannot_be_tested_is_refused_in_words(studio: Studio, tmp_path: Path) -> None:
    settings = studio.settings
    with pytest.raises(NotFound, match=r"A training to test has a checkpoint\.pt"):
        subject(str(tmp_path), settings, CPU)
    torch.save({"settings": {"crop": 64}}, tmp_path / CHECKPOINT)
    with pytest.raises(ModelBroken, match="is no training of NijiGAN's generator"):
        subject(str(tmp_path), settings, CPU)
    plan.begin(settings, "one", plan.pictures_to_test(save_pairs(tmp_path / "pairs", range(2))))
    with pytest.raises(InvalidRequest, match="There is no translator 'nobody' and no training"):
        studio.submit(TestOnPairs(test="one", subject="nobody"))
    plan.begin(settings, "one", plan.pictures_to_test(tmp_path / "pairs"))
    with pytest.raises(InvalidRequest, match="There is no translator 'xxx"):
        studio.submit(TestOnPairs(test="one", subject="x" * 5000))
    with pytest.raises(InvalidRequest, match="Short side must be a whole number"):
        TestOnPairs(test="one", subject="painter", side=-1)
    plan.begin(settings, "two", plan.pictures_to_test(tmp_path / "pairs"))
    folder = _parent(settings.evaluations_dir / "two")
    plan.prepared(settings.home, folder).rename(folder)
    stopped = Test(
        folder, TestOnPairs(test="two", subject="classical"), settings, CPU, lambda *told: None, lambda: True
    )
    with pytest.raises(Cancelled):
        stopped.run()
