"""Prompts of any length as chunks of what the text encoder reads at once, as AUTOMATIC1111 cuts them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.diffusion.prompts.grammar import Piece

COMMA = ","
BACKTRACK = 20  # tokens that may be moved to the next chunk so that it begins behind a comma

Encode = Callable[[str], list[tuple[int, str]]]
"""Token ids of a text without start and end, each with the part of the text that it stands for."""


@dataclass(frozen=True, slots=True)
class Token:
    """One place in a chunk.

    Attributes:
        id: in the tokenizer's vocabulary.
        text: as it stands in the prompt.
        weight: of its piece.
    """

    id: int
    text: str
    weight: float = 1.0


@dataclass(slots=True)
class Chunk:
    """What is read at once, without start, end and padding."""

    tokens: list[Token] = field(default_factory=list)

    def comma(self) -> int:
        """The place behind the last comma; 0 where none is."""
        commas = (index for index in range(len(self.tokens) - 1, -1, -1) if self.tokens[index].text == COMMA)
        return next(commas, -1) + 1


def chunked(pieces: Sequence[Piece], encode: Encode, room: int) -> list[Chunk]:
    """Cut a prompt into chunks, at least one.

    Args:
        pieces: of the prompt (`engine.diffusion.prompts.grammar.parse`).
        encode: the model's tokenizer.
        room: tokens of each chunk, 75 for CLIP.
    """
    chunks = [Chunk()]
    for piece in pieces:
        if piece.breaks:
            chunks.append(Chunk())
        for number, text in encode(piece.text):
            _add(chunks, Token(number, text, piece.weight), room)
    if len(chunks) > 1 and not chunks[-1].tokens:  # a BREAK at the end
        chunks.pop()
    return chunks


def _add(chunks: list[Chunk], token: Token, room: int) -> None:
    full = chunks[-1]
    if len(full.tokens) >= room:
        after = full.comma()
        moved = full.tokens[after:] if after and token.text != COMMA and room - after < BACKTRACK else []
        full.tokens = full.tokens[: len(full.tokens) - len(moved)]
        chunks.append(Chunk(moved))
    chunks[-1].tokens.append(token)


def is_simple(chunks: Sequence[Chunk]) -> bool:
    """Whether a prompt is read at once, every word at weight 1."""
    return len(chunks) == 1 and all(token.weight == 1 for token in chunks[0].tokens)
