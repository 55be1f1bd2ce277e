"""The numbers of embeddings (textual inversion), put in the place of words' own. Imports torch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from safetensors import SafetensorError, safe_open
from torch import Tensor, isfinite
from torch.nn import Module
from transformers import CLIPTextModel

from engine.diffusion.loading import LoadedModel
from engine.diffusion.prompts.chunks import Chunk
from engine.diffusion.prompts.embeddings import NO_NAMES, Names, refusal
from engine.errors import EmbeddingRefused
from engine.weights.embeddings.listing import EmbeddingInfo


@dataclass(frozen=True)
class Vectors:
    """Embeddings that prompts may name.

    Attributes:
        names: finds them.
        tensors: (vectors, width) by the embedding's name.
    """

    names: Names = NO_NAMES
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    @contextmanager
    def in_place(self, encoder: CLIPTextModel, chunk: Chunk) -> Iterator[None]:
        """While the chunk is read, its embeddings' vectors stand where the encoder looked up a word's, as in
        AUTOMATIC1111 (`EmbeddingsWithFixes`); positions are added to them as to every word.
        """
        here = [(place, token) for place, token in enumerate(chunk.tokens, 1) if token.embedding]  # behind the start
        if not here:
            yield
            return

        def put(module: Module, given: tuple, looked_up: Tensor) -> Tensor:
            changed = looked_up.clone()
            for place, token in here:
                changed[:, place] = self.tensors[token.embedding][token.vector].to(looked_up)
            return changed

        hook = encoder.get_input_embeddings().register_forward_hook(put)
        try:
            yield
        finally:
            hook.remove()


NO_VECTORS = Vectors()


def read_vectors(loaded: LoadedModel, embeddings: Sequence[EmbeddingInfo]) -> Vectors:
    """Read embeddings for a model.

    Raises:
        EmbeddingRefused: one is damaged, or for a text encoder of another width or with more room.
    """
    return Vectors(Names(embeddings), {info.name: _read(loaded, info) for info in embeddings})


def _read(loaded: LoadedModel, info: EmbeddingInfo) -> Tensor:
    pipeline, title = loaded.pipeline, loaded.info.title
    if text := refusal(info, pipeline.text_encoder.config.hidden_size, title):
        raise EmbeddingRefused(text)
    room = pipeline.tokenizer.model_max_length - 2
    if info.vectors > room:
        raise EmbeddingRefused(
            f"An embedding is read at once, and {title} reads {room} tokens at once; {info.name} has {info.vectors} "
            "vectors. Take its name out of the prompt or choose another model."
        )
    try:
        with safe_open(info.path, "pt") as file:
            tensor = file.get_tensor(info.key).reshape(info.vectors, info.width)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise EmbeddingRefused(f"{info.name} cannot be read: {error}. Copy or download it again.") from error
    if not bool(isfinite(tensor).all()):
        raise EmbeddingRefused(f"{info.name}: every number must be finite; some are not. Get the file again.")
    return tensor
