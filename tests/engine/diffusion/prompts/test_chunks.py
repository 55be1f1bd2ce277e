"""Where chunks end, counted in words of one token each."""

import pytest

from engine.diffusion.prompts.chunks import chunked, is_simple
from engine.diffusion.prompts.grammar import parse


def encode(text: str) -> list[tuple[int, str]]:
    return [(len(word), word) for word in text.replace(",", " , ").split()]


def lengths(prompt: str, room: int = 75) -> list[int]:
    return [len(chunk.tokens) for chunk in chunked(parse(prompt), encode, room)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", [0]),
        ("a " * 75, [75]),
        ("a " * 76, [75, 1]),
        ("(a:1.3) " * 76, [75, 1]),
        ("a " * 60 + ", " + "b " * 15, [61, 15]),  # the comma's words go with it
        ("a " * 54 + ", " + "b " * 21, [75, 1]),  # it is more than 20 tokens back
        ("a " * 55 + ", " + "b " * 20, [56, 20]),
        ("a " * 74 + ", b", [75, 1]),
        ("a " * 75 + ", b", [75, 2]),
        ("a " * 60 + ", " + "b " * 14 + ", c", [75, 2]),  # a comma itself moves nothing
        ("a BREAK b", [1, 1]),
    ],
)
def test_chunks_end_behind_a_comma_that_is_near(prompt, expected):
    assert lengths(prompt) == expected


@pytest.mark.parametrize("room", [1, 2, 5])
def test_no_token_is_lost_in_small_chunks(room):
    prompt = "a, b c, (d e:1.2) BREAK f, g h i j k, l"
    chunks = chunked(parse(prompt), encode, room)
    assert all(0 < len(chunk.tokens) <= room for chunk in chunks)
    words = [token.text for chunk in chunks for token in chunk.tokens]
    assert " ".join(words) == "a , b c , d e f , g h i j k , l"


def test_a_simple_prompt_is_one_chunk_at_weight_1():
    assert is_simple(chunked(parse("a (b:1)"), encode, 75))
    assert not is_simple(chunked(parse("a (b)"), encode, 75))
    assert not is_simple(chunked(parse("a BREAK b"), encode, 75))
