"""Which models and LoRAs were distilled to draw in few steps: told by their files, then by names, else by the artist.

Turbo is how SD-Turbo was trained (adversarial diffusion distillation, Sauer et al. 2023): 1 to 4 steps, no guidance.
LCM is a latent consistency model (Luo et al. 2023): 4 to 8 steps; where its UNet has an input for the guidance scale,
that is told the number and each step asks it once.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ModelBroken
from engine.weights.catalogue.prediction import word_in

TURBO, LCM, ORDINARY = "turbo", "lcm", "none"
SAYABLE = (TURBO, LCM, ORDINARY)
IN_WORDS = {TURBO: "in 1 to 4 steps without guidance (Turbo)", LCM: "in 4 to 8 steps (LCM)"}
SAMPLERS = {TURBO: "Turbo", LCM: "LCM"}  # the schedulers that they are made for
MARK = "niji_few_steps"  # in the metadata of a LoRA
YOU = "you said so"

_TURBO = re.compile(r"(?:sd(?:xl)?[-_ ]?)?turbo(?:[-_ ]?v?\d+)?")
_LCM = re.compile(r"lcm(?:[-_ ]?v?\d+)?|latent[-_ ]?consistency")
_NAMES = ((_LCM, LCM), (_TURBO, TURBO))
# Where a folder came from may be any path of somebody's machine, and a LoRA may show turbos, so the whole name of the
# model must stand there.
_ORIGINS = ((_LCM, LCM), (re.compile(r"sd(?:xl)?[-_ ]?turbo"), TURBO))
_METADATA = ("modelspec.title", "modelspec.architecture", "ss_base_model_version", "ss_output_name")


@dataclass(frozen=True, slots=True)
class FewSteps:
    """How few steps a model was made for.

    Attributes:
        kind: `TURBO`, `LCM`, or empty for an ordinary model.
        clue: what decided, as the end of a sentence; empty when nothing speaks for few steps.
    """

    kind: str = ""
    clue: str = ""

    @property
    def note(self) -> str:
        """A sentence for people; empty for an ordinary model that nobody spoke of."""
        if self.kind:
            return f"It draws {IN_WORDS[self.kind]}: {self.clue}."
        return f"It is an ordinary model, not one for few steps: {self.clue}." if self.clue else ""


def of_folder(configs: Mapping[str, Mapping[str, Any]], names: Iterable[str], said: str | None = None) -> FewSteps:
    """Of a folder in diffusers layout.

    Args:
        configs: what model_index.json ("index"), unet/config.json ("unet") and scheduler_config.json ("scheduler") say.
        names: of the model, its folder, its repository.
        said: one of `SAYABLE` where the artist said it; that goes before all clues.
    """
    unet, scheduler = configs["unet"], configs["scheduler"]
    if unet.get("time_cond_proj_dim") is not None:
        # Also where it is said to be another: the input is there, and the sampler that it is made for is LCM.
        return _said(said) or FewSteps(LCM, "its UNet is told the guidance scale (time_cond_proj_dim)")
    if scheduler.get("_class_name") == "LCMScheduler":
        return _said(said) or FewSteps(LCM, "its scheduler_config.json names LCMScheduler")
    origins = (str(config.get("_name_or_path") or "") for config in (unet, configs["index"]))
    return _said(said) or _named(names, _NAMES) or _named(origins, _ORIGINS) or FewSteps()


def of_file(metadata: Mapping[str, str], name: str, said: str | None = None) -> FewSteps:
    """Of a single file, or of a hub id without metadata; `said` as in `of_folder`."""
    return _said(said) or _spoken(metadata, _NAMES) or _named([name], _NAMES) or FewSteps()


def of_lora(metadata: Mapping[str, str], name: str) -> FewSteps:
    """Of a LoRA that makes an ordinary model one for few steps; those of this project say it themselves (`MARK`).

    Others are not guessed at: some of Hyper-SD's want guidance, and turbos and lightning are motifs too.
    """
    said = metadata.get(MARK)
    if said in IN_WORDS:
        return FewSteps(said, f"its metadata say so ({MARK}: {said})")
    return _spoken(metadata, _ORIGINS) or _named([name], _ORIGINS) or FewSteps()


def valid_few_steps(where: object, value: Any) -> str | None:
    """What models.json says. Raises ModelBroken where that is none of `SAYABLE`."""
    if value is None or value in SAYABLE:
        return value
    raise ModelBroken(
        f"{where}: few_steps must be one of {', '.join(SAYABLE)}; got {str(value)[:80]!r}. Correct it in models.json."
    )


def _said(said: str | None) -> FewSteps | None:
    return FewSteps("" if said == ORDINARY else said, YOU) if said else None


def _spoken(metadata: Mapping[str, str], words: Iterable[tuple[re.Pattern[str], str]]) -> FewSteps | None:
    for pattern, kind in words:
        for key in _METADATA:
            if word_in(metadata.get(key, ""), pattern):
                return FewSteps(kind, f"its metadata say so ({key}: {metadata[key].strip()[:40]})")
    return None


def _named(names: Iterable[str], words: Iterable[tuple[re.Pattern[str], str]]) -> FewSteps | None:
    places = [*names]
    for pattern, kind in words:
        for name in places:
            if word := word_in(name, pattern):
                return FewSteps(kind, f"its name says {word!r}")
    return None
