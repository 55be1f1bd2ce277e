"""Embeddings by name in prompts: where they are found, how they are read, counted and refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from engine.diffusion.prompts.chunks import chunks_of
from engine.diffusion.prompts.counting import Length, length_of
from engine.diffusion.prompts.embeddings import Named, Names, embedding_problems
from engine.diffusion.prompts.encoding import encode, unread
from engine.diffusion.prompts.vectors import read_vectors
from engine.errors import EmbeddingRefused
from engine.settings import PROJECT
from engine.weights.embeddings.listing import EmbeddingInfo, list_embeddings
from tests.tiny import REQUEST, tiny_info
from tests.tiny_embedding import save_embedding

INFOS = [EmbeddingInfo(name, Path(name), vectors=3) for name in ("ink", "Ink-Wash", "my  word", "five (2)")]
INFOS.append(EmbeddingInfo("toy", Path("toy"), vectors=1, token="<cat-toy>"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a castle, ink", ["ink"]),
        ("INK-wash, ink", ["Ink-Wash", "ink"]),  # the longest
        ("inks, drink, ink_, ink2", []),
        ("ink-washed", ["ink"]),
        ("ink.ink,(ink)", ["ink", "ink", "ink"]),
        ("a <Ink> and <cat-toy>, <toy>, cat-toy", ["ink", "toy", "toy", "toy"]),
        ("my\n word", ["my  word"]),
        ("a five (2)", ["five (2)"]),
        ("", []),
    ],
)
def test_names_are_words(text, found):
    parts = Names(INFOS).split(text)
    assert [part.info.name for part in parts if isinstance(part, Named)] == found
    assert "".join(part if isinstance(part, str) else part.text for part in parts) == text


def test_a_name_is_used_where_it_is_read_whole():
    names = Names(INFOS)
    assert [info.name for info in names.used(["(ink:1.2)", r"five \(2\)", "in(k)"], "a1111")] == ["ink", "five (2)"]
    assert names.used(["my (word:1.2)"], "a1111") == []
    assert [info.name for info in names.used(["five (2)"], "plain")] == ["five (2)"]


def words(text: str) -> list[tuple[int, str]]:
    return [(len(word), word) for word in text.replace(",", " , ").split()]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a " * 72 + "ink", [75]),
        ("a " * 73 + "ink", [73, 3]),  # its vectors stay together
        ("a " * 60 + ", " + "b " * 14 + "ink", [61, 17]),
        ("a " * 75 + "ink b", [75, 4]),
        ("ink " * 26, [75, 3]),
        ("ink BREAK ink", [3, 3]),
    ],
)
def test_vectors_are_never_cut_apart(prompt, expected):
    chunks = chunks_of(prompt, "a1111", words, 75, Names(INFOS))
    assert [len(chunk.tokens) for chunk in chunks] == expected
    for chunk in chunks:
        groups = [token.vector for token in chunk.tokens if token.embedding]
        assert groups == [0, 1, 2] * (len(groups) // 3)


def test_the_counter_counts_vectors():
    mini = tiny_info(PROJECT / "weights" / "mini")
    assert length_of("a (ink:1.3)", mini, "a1111", INFOS) == Length(75, (4,))
    assert length_of("a ink", mini, "plain", INFOS) == Length(75, (4,))
    assert length_of("a castle, ink BREAK snow", mini, "a1111", INFOS).ends == ("castle, ink",)
    broken = [replace(INFOS[0], problem="It is damaged.", vectors=0)]
    assert length_of("a castle", mini, "a1111", broken) == Length(75, (2,))


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> list[EmbeddingInfo]:
    folder = tmp_path_factory.mktemp("embeddings")
    save_embedding(folder / "ink.safetensors", 3)
    save_embedding(folder / "toy.safetensors", 1, key="<cat-toy>", seed=1)
    return list_embeddings([folder])


def embeds(model, infos, prompt: str, negative: str = "", syntax: str = "a1111"):
    request = replace(REQUEST, prompt=prompt, negative_prompt=negative, prompt_syntax=syntax)
    return encode(model.pipeline, request, True, read_vectors(model, infos))


@pytest.mark.parametrize("syntax", ["a1111", "plain"])
def test_numbers_are_those_of_diffusers(tiny, tiny_folder, here, syntax):
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_folder, local_files_only=True, safety_checker=None)
    for info in here:
        pipeline.load_textual_inversion(load_file(info.path), token=info.name)
    prompt = "a castle ink on a toy"
    theirs, negative = pipeline.encode_prompt(prompt, "cpu", 1, True, "toy")
    for typed in (prompt, "a castle <INK> on a <cat-toy>"):
        ours = embeds(tiny, here, typed, "toy", syntax)
        assert torch.allclose(ours[0], theirs, atol=1e-6)
        assert torch.allclose(ours[1], negative, atol=1e-6)


def test_prompts_without_a_name_stay_to_the_bit(tiny, here):
    for prompt in ("a castle", "a (castle:1.3)", "castle " * 80):
        for syntax in ("a1111", "plain"):
            for ours, bare in zip(
                embeds(tiny, here, prompt, syntax=syntax), embeds(tiny, [], prompt, syntax=syntax), strict=True
            ):
                assert torch.equal(ours, bare)


def test_weights_and_chunks_count_for_vectors(tiny, here):
    plain, heavy = embeds(tiny, here, "a ink red")[0], embeds(tiny, here, "a (ink:1.5) red")[0]
    ratio = (heavy / plain)[0].median(dim=1).values
    assert torch.allclose(ratio[2:5] / ratio[1], torch.tensor(1.5), rtol=1e-4)
    assert torch.allclose(ratio[5:], ratio[1], rtol=1e-4)
    both = embeds(tiny, here, "castle " * 74 + "ink")[0]
    assert torch.equal(both[:, 77:], embeds(tiny, here, "ink")[0])


def test_what_a_plain_prompt_leaves_unread(tiny, here):
    vectors = read_vectors(tiny, here)
    tokenizer = tiny.pipeline.tokenizer
    assert unread(tokenizer, "castle " * 72 + "ink", vectors) == ""
    assert unread(tokenizer, "ink " + "castle " * 72 + "Ink red", vectors) == "Ink red"
    cut, short = embeds(tiny, here, "castle " * 74 + "ink", syntax="plain"), embeds(tiny, here, "castle " * 74)
    assert torch.equal(cut[0], short[0])


def test_the_wrong_width_and_too_many_vectors_are_refused(tiny, here, tmp_path, tiny_folder, cpu):
    (wide,) = list_embeddings([save_embedding(tmp_path / "wide.safetensors", width=768).parent])
    with pytest.raises(EmbeddingRefused, match=r"wide has 768 numbers \(Stable Diffusion 1.x\), tiny reads 32"):
        read_vectors(tiny, [wide])
    with pytest.raises(EmbeddingRefused, match="tiny reads 75 tokens at once; ink has 76"):
        read_vectors(tiny, [replace(here[0], vectors=76)])


@pytest.mark.parametrize(
    ("prompt", "syntax", "said"),
    [
        ("a castle", "a1111", None),
        ("wide", "a1111", "wide has 768 numbers (Stable Diffusion 1.x), mini reads 32 (custom (width 32))."),
        ("<wide>", "plain", "wide has 768 numbers"),
        ("(broken:1.2)", "a1111", "The embedding broken cannot be used: It is damaged."),
        ("a <style>", "a1111", "<style> names an embedding that is not here; known are: ink, wide."),
        (r"a \<style>", "a1111", None),
        ("a <style>", "plain", None),
        ("a <b and c> <3 <lora:ink:1>", "a1111", None),
    ],
)
def test_admission_says_what_is_wrong(prompt, syntax, said):
    known = [
        EmbeddingInfo("ink", Path("ink"), 3, 32),
        EmbeddingInfo("wide", Path("wide"), 3, 768),
        EmbeddingInfo("broken", Path("broken"), problem="It is damaged."),
    ]
    problems = embedding_problems(known, "prompt", [prompt], syntax, tiny_info(Path("mini")))
    assert [said in problem.message for problem in problems] == ([True] if said else [])
