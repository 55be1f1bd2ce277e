"""The small model's tokenizer: CLIP's files, nothing unknown."""

import pytest
from transformers import CLIPTokenizer

from engine.mini.tokenizer import read_tokenizer, write_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(path)
    return path


@pytest.fixture(scope="module")
def words(folder) -> CLIPTokenizer:
    return read_tokenizer(folder)


def test_common_words_are_single_tokens(words):
    assert words.tokenize("A castle on a mountain at sunset, masterpiece") == [
        f"{word}</w>" for word in ("a", "castle", "on", "a", "mountain", "at", "sunset", ",", "masterpiece")
    ]


def test_start_and_end_are_the_last_two_and_end_fills_up(words):
    ids = words("a castle", padding="max_length", max_length=77).input_ids
    assert (words.bos_token_id, words.eos_token_id) == (len(words) - 2, len(words) - 1)
    assert ids[0] == words.bos_token_id
    assert ids[3:] == [words.eos_token_id] * 74


@pytest.mark.parametrize("text", ["zürich", "龍", "naïve 42%", "🐉"])
def test_any_writing_is_tokens_and_comes_back(words, text):
    ids = words(text, add_special_tokens=False).input_ids
    assert words.eos_token_id not in ids
    assert words.decode(ids).replace(" ", "") == text.replace(" ", "")


def test_a_tokenizer_that_is_there_is_kept(folder):
    before = (folder / "vocab.json").read_bytes()
    write_tokenizer(folder)
    assert (folder / "vocab.json").read_bytes() == before
