"""What the page counts is what the text encoder is given."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from engine.diffusion.prompts.counting import OF_SINGLE_FILES, Length, _tokenizer, length_of
from engine.settings import PROJECT
from tests.tiny import tiny_info

MINI = PROJECT / "weights" / "mini"
SD21 = CLIPTokenizer.from_pretrained(OF_SINGLE_FILES / "tokenizer")
OURS = _tokenizer(OF_SINGLE_FILES / "tokenizer")
PARTS = ["castle", "it's", ", ", "  ", "城", "🏰", "1999", "é", "<|endoftext|>", "!"]
TEXTS = st.text() | st.lists(st.sampled_from(PARTS)).map("".join)


@settings(max_examples=60)
@given(TEXTS)
def test_tokens_are_those_of_the_library(text):
    assert OURS.encode(text, add_special_tokens=False).ids == SD21(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize(
    ("prompt", "syntax", "length"),
    [
        ("a (castle:1.3)", "a1111", Length(75, (2,))),
        ("a castle BREAK a lake, snow", "a1111", Length(75, (2, 4), ("a castle",))),
        ("castle " * 76, "a1111", Length(75, (75, 1), ("castle castle castle",))),
        ("castle " * 76, "plain", Length(75, (76,), unread=True)),
        ("", "a1111", Length(75, (0,))),
    ],
)
def test_chunks_and_where_they_end(prompt, syntax, length):
    assert length_of(prompt, tiny_info(MINI), syntax) == length


def test_a_model_without_its_files_has_no_count(tmp_path):
    assert length_of("a", tiny_info(tmp_path), "a1111") is None
    assert length_of("a", tiny_info(Path("none-such")), "a1111") is None
