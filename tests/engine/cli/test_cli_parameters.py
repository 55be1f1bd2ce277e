"""The command that counts parameters: the studies' own figures, from the real classes."""

import json

import pytest
from typer.testing import CliRunner

from engine.__main__ import cli
from engine.architectures import ARCHITECTURES
from engine.errors import NotFound

TOTALS = {
    ("style-encoder", "published"): 6_901_632,
    ("content-encoder", "published"): 101_217_024,
    ("adain-decoder", "published"): 226_993_283,
    ("vqi2i", "published"): 569_531_910,
    ("vqi2i", "test"): 2_372_454,
    ("vgg19", "published"): 143_667_240,
    ("beta-vae", "published"): 3_937_635,
    ("beta-vae-grey", "published"): 3_349_345,
    ("dcgan", "published"): 3_576_704 + 2_765_568,
    ("gan-linear", "published"): 3_584_899 + 2_765_633,
    ("cyclegan", "published"): 28_285_832,
    ("nijigan", "published"): 5_477_379,
    ("cut", "published"): 11_378_179,
}


def said(*words: str) -> str:
    return CliRunner().invoke(cli, ["parameters", *words], catch_exceptions=False).stdout


def test_every_quick_architecture_is_counted_by_part():
    facts = [json.loads(line) for line in said("--json").splitlines()]
    found = {(fact["name"], fact["size"]): fact for fact in facts}
    assert {key: found[key]["total"] for key in TOTALS} == TOTALS
    assert {name for name, _ in found} == {each.name for each in ARCHITECTURES.values() if not each.slow}
    assert all(sum(fact["parts"].values()) == fact["total"] > 0 for fact in facts)
    assert found["cyclegan", "published"]["parts"] == {
        "generator X to Y": 11_378_179,
        "generator Y to X": 11_378_179,
        "discriminator X": 2_764_737,
        "discriminator Y": 2_764_737,
    }
    assert found["beta-vae", "published"]["parts"] == {
        "encoder": 1_570_560,
        "fc_mu": 262_272,
        "fc_var": 262_272,
        "decoder_input": 264_192,
        "decoder": 1_578_339,
    }
    assert found["dcgan", "published"]["parts"] == {"generator": 3_576_704, "discriminator": 2_765_568}
    assert found["style-encoder", "published"]["parts"]["layers.9"] == 65_664
    assert found["vqi2i", "published"]["float32_bytes"] == 2_278_127_640


def test_one_architecture_is_counted_in_words():
    lines = said("vqi2i").splitlines()
    assert " ".join(lines[0].split()) == "vqi2i published 569,531,910 VQ-I2I with AdaIN (2,278.1 MB in float32)"
    assert lines[1].split() == ["style_enc_a", "6,901,632"]
    assert len(lines) == 2 * (1 + 8)


def test_another_name_is_refused():
    with pytest.raises(NotFound, match=r"named 'vqgan'; known are: nijigan, cut, "):
        said("vqgan")
