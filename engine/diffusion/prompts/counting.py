"""How many tokens a prompt has and where its chunks end, from a model's small files alone: no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from engine.diffusion.prompts.chunks import Token, chunks_of, groups
from engine.diffusion.prompts.embeddings import Names
from engine.diffusion.prompts.grammar import PLAIN, Piece
from engine.files import read_json
from engine.settings import PROJECT
from engine.weights.embeddings.listing import EmbeddingInfo
from engine.weights.models import ModelInfo

OF_SINGLE_FILES = PROJECT / "weights" / "sd21"
SPECIAL = ("<|startoftext|>", "<|endoftext|>")
# As `transformers.CLIPTokenizer` splits words; a test compares the two.
_WORD = Regex(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")


@dataclass(frozen=True, slots=True)
class Length:
    """How long a prompt is for a model.

    Attributes:
        room: tokens that one chunk has.
        chunks: tokens in each chunk.
        ends: the last words of each chunk but the last.
        unread: whether what is behind the first chunk is not read.
    """

    room: int
    chunks: tuple[int, ...]
    ends: tuple[str, ...] = ()
    unread: bool = False


def length_of(prompt: str, model: ModelInfo, syntax: str, embeddings: Sequence[EmbeddingInfo] = ()) -> Length | None:
    """None where the model's files do not tell. An embedding that the prompt names counts by its vectors."""
    folder = OF_SINGLE_FILES if model.single_file else model.path
    try:
        times = tuple((folder / name).stat().st_mtime_ns for name in ("tokenizer", "text_encoder"))
        tokenizer, room = _read(folder, times)
    except Exception:  # a library's error of any kind: what is wrong with a model's files is said beside the model
        return None
    return _length(tokenizer, room, prompt, syntax, Names(info for info in embeddings if not info.problem))


def _length(tokenizer: Tokenizer, room: int, prompt: str, syntax: str, names: Names) -> Length:
    def encode(text: str) -> list[tuple[int, str]]:
        read = tokenizer.encode(text, add_special_tokens=False)
        return [(number, text[first:last]) for number, (first, last) in zip(read.ids, read.offsets, strict=True)]

    if syntax == PLAIN:
        tokens = sum(map(len, groups(Piece(prompt), encode, names)))
        return Length(room, (tokens,), unread=tokens > room)
    chunks = [chunk.tokens for chunk in chunks_of(prompt, syntax, encode, room, names)]
    return Length(room, tuple(map(len, chunks)), tuple(map(_end, chunks[:-1])))


def _end(tokens: Sequence[Token]) -> str:
    """Its last words; an embedding is one."""
    words = [token.text for token in tokens if not token.vector]
    return " ".join(words[-3:]).replace(" ,", ",")


@lru_cache(maxsize=8)
def _read(folder: Path, times: tuple[int, ...]) -> tuple[Tokenizer, int]:
    """Once per state of the folder: the tokenizer without start and end, and the room of a chunk."""
    settings = folder / "tokenizer/tokenizer_config.json"
    limits = [read_json(folder / "text_encoder/config.json")["max_position_embeddings"]]
    if settings.is_file():
        limits.append(read_json(settings).get("model_max_length") or limits[0])
    return _tokenizer(folder / "tokenizer"), int(min(limits)) - len(SPECIAL)


def _tokenizer(folder: Path) -> Tokenizer:
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    if not (vocabulary.is_file() and merges.is_file()):
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    words = models.BPE.from_file(str(vocabulary), str(merges), unk_token=SPECIAL[1], end_of_word_suffix="</w>")
    tokenizer = Tokenizer(words)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_WORD, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.add_special_tokens([*SPECIAL, *_padding(folder)])
    return tokenizer


def _padding(folder: Path) -> list[str]:
    """What fills a chunk is a token of its own wherever it stands: "!" in Stable Diffusion 2."""
    named = [name for name in ("special_tokens_map.json", "tokenizer_config.json") if (folder / name).is_file()]
    found = [read_json(folder / name).get("pad_token") for name in named]
    texts = [value.get("content") if isinstance(value, dict) else value for value in found]
    return [text for text in texts if isinstance(text, str)]
