"""What other tools' signs of weight in a prompt mean here, as sentences for the artist."""

import re

_COMFY_LIKE = ("ComfyUI", "SwarmUI", "Fooocus", "StabilityMatrix", "Stability Matrix")
_WEIGHT = re.compile(r"\([^()]{1,2000}:\s*-?[.\d]{1,10}\s*\)")
_PLUS = re.compile(r"(?<=[\w)\"'])(?:\+{1,9}|-{2,9})(?=$|[\s,.;)])|\)-?[0-9]*\.?[0-9]+(?=$|[\s,.;)])")
_BRACES = re.compile(r"\{[^{}|]{1,2000}\}|-?[0-9.]{1,6}::[^:]{1,2000}::")


def notes_on_weights(tool: str, prompt: str) -> list[str]:
    """Sentences about signs that weigh words in that tool and are read in another way here; none where all is alike."""
    notes = []
    if comfy_like(tool) and _WEIGHT.search(prompt):
        notes.append(f"{tool} applies weights such as (word:1.2) in another way, so they may count more or less here.")
    if _is(tool, "InvokeAI", "Invoke") and (found := _PLUS.search(prompt)):
        sign = found[0][:6]
        notes.append(f"InvokeAI's weights such as {sign!r} are not supported and stand as characters: use (word:1.2).")
    if _is(tool, "NovelAI") and _BRACES.search(prompt):
        notes.append("NovelAI's {braces} and 1.2::words:: are not supported and stand as characters: use (word:1.2).")
    return notes


def comfy_like(tool: str) -> bool:
    """Whether its prompts are read by ComfyUI, or as there."""
    return _is(tool, *_COMFY_LIKE)


def _is(tool: str, *names: str) -> bool:
    return any(tool.casefold().startswith(name.casefold()) for name in names)
