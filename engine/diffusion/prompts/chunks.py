"""Prompts of any length as chunks of what the text encoder reads at once, as AUTOMATIC1111 cuts them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.diffusion.prompts.embeddings import NO_NAMES, Named, Names
from engine.diffusion.prompts.grammar import PLAIN, Piece, parse

COMMA = ","
BACKTRACK = 20  # tokens that may be moved to the next chunk so that it begins behind a comma

Encode = Callable[[str], list[tuple[int, str]]]
"""Token ids of a text without start and end, each with the part of the text that it stands for."""


@dataclass(frozen=True, slots=True)
class Token:
    """One place in a chunk.

    Attributes:
        id: in the tokenizer's vocabulary; 0 in the place of an embedding's vector.
        text: as it stands in the prompt.
        weight: of its piece.
        embedding: the name of the embedding of which a vector stands here; empty for none.
        vector: which of its vectors.
    """

    id: int
    text: str
    weight: float = 1.0
    embedding: str = ""
    vector: int = 0


@dataclass(slots=True)
class Chunk:
    """What is read at once, without start, end and padding."""

    tokens: list[Token] = field(default_factory=list)

    def comma(self) -> int:
        """The place behind the last comma; 0 where none is."""
        commas = (index for index in range(len(self.tokens) - 1, -1, -1) if self.tokens[index].text == COMMA)
        return next(commas, -1) + 1


def chunks_of(prompt: str, syntax: str, encode: Encode, room: int, names: Names = NO_NAMES) -> list[Chunk]:
    """What is read of a prompt: all of it in chunks, or of a plain one the first, as far as it goes.

    Args:
        prompt: as typed.
        syntax: how it is read, one of `engine.diffusion.prompts.grammar.SYNTAXES`.
        encode: the model's tokenizer.
        room: tokens of each chunk, 75 for CLIP.
        names: of the embeddings that may stand in it.
    """
    if syntax != PLAIN:
        return chunked(parse(prompt), encode, room, names)
    read = Chunk()
    for group in groups(Piece(prompt), encode, names):
        if len(read.tokens) + len(group) > room:
            break
        read.tokens += group
    return [read]


def chunked(pieces: Sequence[Piece], encode: Encode, room: int, names: Names = NO_NAMES) -> list[Chunk]:
    """Cut a prompt into chunks, at least one.

    Args:
        pieces: of the prompt (`engine.diffusion.prompts.grammar.parse`).
        encode: the model's tokenizer.
        room: tokens of each chunk, 75 for CLIP.
        names: of the embeddings that may stand in it.
    """
    chunks = [Chunk()]
    for piece in pieces:
        if piece.breaks:
            chunks.append(Chunk())
        for group in groups(piece, encode, names):
            _add(chunks, group, room)
    if len(chunks) > 1 and not chunks[-1].tokens:  # a BREAK at the end
        chunks.pop()
    return chunks


def groups(piece: Piece, encode: Encode, names: Names = NO_NAMES) -> Iterator[list[Token]]:
    """The tokens of a piece one by one, those of an embedding together."""
    for part in names.split(piece.text):
        if isinstance(part, Named):
            info = part.info
            yield [Token(0, part.text, piece.weight, info.name, index) for index in range(info.vectors)]
        else:
            yield from ([Token(number, text, piece.weight)] for number, text in encode(part))


def _add(chunks: list[Chunk], group: list[Token], room: int) -> None:
    full = chunks[-1]
    if len(full.tokens) >= room:
        after = full.comma()
        moved = full.tokens[after:] if after and group[0].text != COMMA and room - after < BACKTRACK else []
        full.tokens = full.tokens[: len(full.tokens) - len(moved)]
        chunks.append(Chunk(moved))
    if chunks[-1].tokens and len(chunks[-1].tokens) + len(group) > room:
        chunks.append(Chunk())
    chunks[-1].tokens += group


def is_simple(chunks: Sequence[Chunk]) -> bool:
    """Whether a prompt is read at once, every word at weight 1."""
    return len(chunks) == 1 and all(token.weight == 1 for token in chunks[0].tokens)
