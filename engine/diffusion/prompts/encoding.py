"""Prompts as the numbers that the UNet reads. Imports torch."""

from collections.abc import Sequence

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from transformers import CLIPTokenizer

from engine.diffusion.prompts.chunks import Chunk, Encode, chunks_of, groups, is_simple
from engine.diffusion.prompts.grammar import PLAIN, Piece, words_of
from engine.diffusion.prompts.vectors import NO_VECTORS, Vectors
from engine.diffusion.request import TextToImage

NO_MEAN = 1e-3  # of the root mean square: less is what float16 rounds


@torch.no_grad()
def encode(
    pipeline: StableDiffusionPipeline, request: TextToImage, guided: bool, vectors: Vectors = NO_VECTORS
) -> tuple[Tensor, Tensor | None]:
    """Embeddings of the prompt and, where it is `guided`, of the negative prompt: (1, tokens, width), equally long.

    Where both are read at once, every word weighs 1 and none is an embedding's name, they are the pipeline's own, bit
    for bit.

    Args:
        pipeline: whose tokenizer and text encoder read.
        request: with the prompts.
        guided: whether the negative prompt is read too.
        vectors: of the embeddings that the prompts may name.
    """
    syntax = request.prompt_syntax
    texts = [request.prompt, request.negative_prompt] if guided else [request.prompt]
    named = bool(vectors.names.used(texts, syntax))
    read = [] if syntax == PLAIN and not named else [_chunks(pipeline, text, syntax, vectors) for text in texts]
    if not named and all(map(is_simple, read)):
        words = [words_of(text, syntax) for text in (request.prompt, request.negative_prompt)]
        return pipeline.encode_prompt(words[0], pipeline._execution_device, 1, guided, words[1])
    longest = max(map(len, read))
    embeds = [_embeds(pipeline, [*chunks, *[Chunk()] * (longest - len(chunks))], vectors) for chunks in read]
    return embeds[0], embeds[1] if guided else None


def unread(tokenizer: CLIPTokenizer, text: str, vectors: Vectors = NO_VECTORS) -> str:
    """The part of a plain prompt that the text encoder does not read, in the artist's own letters."""
    room = tokenizer.model_max_length - 2  # start and end take one each
    if not vectors.names:
        spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False).offset_mapping
        return text[spans[room][0] :].strip() if len(spans) > room else ""
    (read,) = chunks_of(text, PLAIN, _reader(tokenizer), room, vectors.names)
    every = list(groups(Piece(text), _reader(tokenizer), vectors.names))
    held = sum(1 for token in read.tokens if not token.vector)  # of an embedding's tokens one alone
    return " ".join(group[0].text for group in every[held:])


def _chunks(pipeline: StableDiffusionPipeline, prompt: str, syntax: str, vectors: Vectors) -> list[Chunk]:
    tokenizer = pipeline.tokenizer
    return chunks_of(prompt, syntax, _reader(tokenizer), tokenizer.model_max_length - 2, vectors.names)


def _reader(tokenizer: CLIPTokenizer) -> Encode:
    def encode_text(text: str) -> list[tuple[int, str]]:
        read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [
            (number, text[first:last])
            for number, (first, last) in zip(read.input_ids, read.offset_mapping, strict=True)
        ]

    return encode_text


def _embeds(pipeline: StableDiffusionPipeline, chunks: Sequence[Chunk], vectors: Vectors) -> Tensor:
    return torch.cat([_of_chunk(pipeline, chunk, vectors) for chunk in chunks], dim=1)


def _of_chunk(pipeline: StableDiffusionPipeline, chunk: Chunk, vectors: Vectors) -> Tensor:
    """(1, model_max_length, width): the encoder's last states times the weights, brought back to their mean."""
    encoder, device = pipeline.text_encoder, pipeline._execution_device
    ids, weights = _padded(pipeline.tokenizer, chunk)
    mask = None
    if getattr(encoder.config, "use_attention_mask", False):
        mask = (torch.arange(len(ids), device=device) < len(chunk.tokens) + 2).long()[None]
    with vectors.in_place(encoder, chunk):
        states = encoder(torch.tensor([ids], device=device), attention_mask=mask)[0].to(encoder.dtype)
    if all(weight == 1 for weight in weights):
        return states
    whole = states.float()
    weighed = whole * torch.tensor(weights, device=device)[None, :, None]
    return (weighed * _scale(whole, weighed)).to(states.dtype)


def _scale(before: Tensor, after: Tensor) -> Tensor:
    """What brings the mean back, as AUTOMATIC1111 does; 1 where a mean is no more than rounding."""
    least = NO_MEAN * before.square().mean().sqrt()
    means = before.mean(), after.mean()
    return means[0] / means[1] if bool(min(map(torch.abs, means)) > least) else torch.ones_like(least)


def _padded(tokenizer: CLIPTokenizer, chunk: Chunk) -> tuple[list[int], list[float]]:
    """Token ids and weights with start, end and padding, as the tokenizer itself pads."""
    ids = [tokenizer.bos_token_id, *(token.id for token in chunk.tokens), tokenizer.eos_token_id]
    weights = [1.0, *(token.weight for token in chunk.tokens), 1.0]
    rest = tokenizer.model_max_length - len(ids)
    return ids + [tokenizer.pad_token_id] * rest, weights + [1.0] * rest
