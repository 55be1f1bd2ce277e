"""The evaluation of beta-VAEs: what is measured of disentanglement, and that PSNR does not wrap round."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.betavae.disentanglement import factor_scores, known_factors, mutual_information
from engine.metrics.image_quality import psnr
from tests.tiny_networks import BETA_VAE, GAN, VAE, save_pictures, trained_network


def test_a_latent_that_is_a_factor_has_its_whole_information_and_noise_has_none() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 2000)
    latents = np.stack([rng.standard_normal(2000), labels + 0.01 * rng.standard_normal(2000)], axis=1)
    told = mutual_information(latents, labels)
    entropy = -sum(share * np.log(share) for share in np.bincount(labels) / 2000)
    assert told[1] == pytest.approx(entropy, rel=0.1)  # a bin may hold two of the values
    assert told[0] < 0.03
    score = factor_scores(latents[:1500], latents[1500:], {"kind": [str(label) for label in labels]})["kind"]
    assert score.latent == 1
    assert score.gap > 0.9
    # A line through four values on one axis names the outer two; noise alone would stay at a quarter.
    assert score.accuracy > 0.45
    assert 0.2 < score.commonest < 0.35


def test_two_latents_that_say_the_same_leave_no_gap() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 500)
    noisy = np.repeat(labels[:, None], 2, axis=1) + 0.01 * rng.standard_normal((500, 2))
    score = factor_scores(noisy[:400], noisy[400:], {"kind": [str(label) for label in labels], "one": ["a"] * 500})
    assert set(score) == {"kind"}
    assert score["kind"].gap < 0.05
    assert score["kind"].accuracy == 1


def test_psnr_of_unrelated_pictures_is_not_that_of_differences_that_wrap_round() -> None:
    pair = torch.rand(2, 8, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = psnr(pair[0], pair[1]).mean
    wrapped = ((pair[0] - pair[1]) * 127.5).round().to(torch.uint8).float().square().mean()
    assert found == pytest.approx(10 * np.log10(6), abs=0.3)  # E(x - y)^2 = 1/6 of uniform numbers
    assert found < 12
    assert wrapped > 0


def test_the_report_names_what_it_measured(tmp_path: Path) -> None:
    pictures = save_pictures(tmp_path / "pictures")
    rows = [
        {"file_name": f"{n:02d}.png", "time": "day" if n % 2 else "night", "weather": "clear", "land": "hills"}
        | {"water": "sea" if n % 3 else "lake", "plants": "none", "landmark": "none", "mood": "calm"}
        for n in range(20)
    ]
    (pictures / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert known_factors(pictures, ["01.png"])["time"] == ["day"]
    assert known_factors(pictures, ["elsewhere.png"]) == {}
    trained_network(BETA_VAE, pictures, tmp_path / "run", tmp_path / "out")
    said = CliRunner().invoke(
        cli,
        ["evaluate-vae", str(tmp_path / "run"), str(tmp_path / "run"), "--out", str(tmp_path / "e"), "--samples", "0"],
        catch_exceptions=False,
    )
    assert f"run: effective beta {VAE.effective_beta:.4g}" in said.stdout
    report = json.loads((tmp_path / "e" / "report.json").read_text())
    (one, two) = report["runs"]
    assert one == two
    assert one["living_latents"] + one["dead_latents"] == len(one["kl"]) == asdict(VAE)["latents"]
    assert set(one["factors"]) == {"time", "water"}
    assert one["held_out"]["pictures"] == 5
    assert 10 * np.log10(1 / one["held_out"]["mse"]) == pytest.approx(one["held_out"]["psnr"], abs=2)
    assert {path.name for path in (tmp_path / "e").glob("*.png")} == {"sheet.png", "traversal-1.png", "traversal-2.png"}
    trained_network(GAN, pictures, tmp_path / "gan", tmp_path / "out")
    wrong = CliRunner().invoke(cli, ["evaluate-vae", str(tmp_path / "gan")])
    assert "another family" in str(wrong.exception)
