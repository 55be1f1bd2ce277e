"""Words to tokens: byte-pair encoding in CLIP's files, learnt from the captions and the words that artists use."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from engine.diffusion.tokens import TOKENS
from engine.scenes.captions import captions
from engine.scenes.scene import random_scene

VOCABULARY = 2000
START, END = "<|startoftext|>", "<|endoftext|>"
SCENES, CAPTIONS_EACH, REPEATS = 3000, 3, 30

# What people type beside the captions' own words: without these, each would fall into single letters.
PROMPT_WORDS = """
a an the and or with without of in on at by near under over above below behind between through into from to
painting drawing illustration picture image scene landscape view background concept art artwork fantasy anime game
oil watercolor digital matte painted painterly sketch ink detailed highly intricate beautiful stunning epic cinematic
dramatic dreamy magical mystical enchanted ethereal peaceful calm quiet serene lonely ancient old ruined abandoned
masterpiece best quality worst low high resolution sharp focus blurry blurred soft bad ugly deformed watermark text
signature frame people person man woman child crowd animal bird horse dragon wizard knight fairy ghost
colorful vivid bright dark light pale deep warm cold golden silver red orange yellow green blue purple pink white
black grey brown turquoise sky cloud clouds sun moon star stars rainbow lightning mist fog rain snow ice wind storm
mountain mountains hill hills peak valley canyon cliff cliffs rock rocks stone cave desert dune dunes sand volcano
lava forest woods jungle tree trees pine palm oak cherry blossom flower flowers meadow grass field garden path road
river stream lake pond sea ocean wave waves waterfall island islands floating beach shore coast bay harbor bridge
castle palace fortress tower temple shrine pagoda village town city house houses cottage cabin hut mill windmill
lighthouse ship boat sail ruins wall gate statue crystal crystals mushroom mushrooms portal lantern fire smoke
spring summer autumn fall winter morning noon afternoon evening night midnight dawn sunrise dusk twilight sunset
day reflection shadow shadows glow glowing glittering distant far close wide huge giant tall small tiny lost hidden
"""


def write_tokenizer(folder: Path) -> None:
    """Write vocab.json, merges.txt and the tokenizer's configuration, if they are not there yet.

    The library breaks ties between equally frequent pairs by chance, so a tokenizer made anew would not fit a
    text encoder that has learnt the old one.
    """
    if (folder / "tokenizer_config.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=5,
        end_of_word_suffix="</w>",
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner = _learner()
    learner.train_from_iterator(_corpus(), trainer)
    learnt = json.loads(learner.to_str())["model"]
    vocabulary = _complete(learnt["vocab"])
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in learnt["merges"]]
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    files = {"vocab": str(folder / "vocab.json"), "merges": str(folder / "merges.txt")}
    CLIPTokenizer(**files, model_max_length=TOKENS).save_pretrained(folder)


def read_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer that `write_tokenizer` wrote."""
    return CLIPTokenizer.from_pretrained(folder)


def _learner() -> Tokenizer:
    """Splits text as CLIP does (openai/CLIP simple_tokenizer.py)."""
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    split = pre_tokenizers.Split(words, behavior="removed", invert=True)
    learner.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return learner


def _corpus() -> Iterator[str]:
    rng = np.random.default_rng(0)
    for seed in range(SCENES):
        yield from captions(random_scene(seed), rng, CAPTIONS_EACH)
    for _ in range(REPEATS):
        yield PROMPT_WORDS


def _complete(learnt: dict[str, int]) -> dict[str, int]:
    """Every letter also as the end of a word, so that nothing is unknown; start and end as the last two."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [token for token, _ in sorted(learnt.items(), key=lambda item: item[1])]
    known = set(tokens)
    tokens += [token for letter in letters for token in (letter, f"{letter}</w>") if token not in known]
    return {token: number for number, token in enumerate([*tokens, START, END])}
