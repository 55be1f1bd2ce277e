"""With which values a model draws best: what it was made for, or what the artist saved for it. No torch.

The artist's own lie in `home/weights/defaults.json`, beside models.json:

    {"mini": {"num_inference_steps": 12, "guidance_scale": 5.0, "scheduler": "UniPC"}}
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from filelock import FileLock

from engine.diffusion.request import GUIDANCE_SCALE, SCHEDULERS, STEPS, LoraWeight, drawing_problems
from engine.errors import InvalidRequest, ModelBroken, Problem
from engine.files import read_json, write_json
from engine.settings import Settings
from engine.weights.catalogue.few_steps import LCM, SAMPLERS, TURBO
from engine.weights.loras import LoraInfo, list_loras
from engine.weights.models import ModelInfo

FILE = "defaults.json"
SAVED = "as you saved for this model"
# What a latent consistency model is told where its UNet takes the guidance scale; the number of its authors' examples.
TOLD_GUIDANCE = 8.0


@dataclass(frozen=True, slots=True)
class Defaults:
    """Values of a drawing that follow from its model; as text they are for people.

    Attributes:
        num_inference_steps, guidance_scale, scheduler: as in `TextToImage`.
        why: whose wish that is, as the end of a sentence.
    """

    num_inference_steps: int = STEPS.default
    guidance_scale: float = GUIDANCE_SCALE.default
    scheduler: str = SCHEDULERS[0]
    why: str = field(default="as this model wants", compare=False)

    def __str__(self) -> str:
        return in_words(self.values())

    def values(self) -> dict[str, Any]:
        """The values by the names of their fields."""
        return {name: value for name, value in asdict(self).items() if name != "why"}


FIELDS = tuple(Defaults().values())


def in_words(values: Mapping[str, Any]) -> str:
    """Some of the values, such as "Steps 1, guidance 0, Turbo"."""
    said = {"num_inference_steps": "steps {:g}", "guidance_scale": "guidance {:g}", "scheduler": "{}"}
    text = ", ".join(said[name].format(value) for name, value in values.items())
    return text[:1].upper() + text[1:]


def ordinary(model: ModelInfo | None) -> Defaults:
    """With what a model draws that nobody made for few steps: what it says itself, if it ships, else as usual."""
    return Defaults(**model.defaults) if model else Defaults()


def suggested(model: ModelInfo | None, loras: Iterable[LoraInfo] = (), own: Defaults | None = None) -> Defaults:
    """What a drawing takes where nobody says otherwise.

    Args:
        model: None for one that is not known.
        loras: that are applied.
        own: what the artist saved for the model. A LoRA for few steps goes before it, since without its own values
            nothing good comes of it.
    """
    kind = model.few_steps if model else ""
    quick = next((lora for lora in loras if lora.few_steps), None)
    if quick and not kind:
        return Defaults(4, 1.0, SAMPLERS[quick.few_steps], f"as LoRA {quick.name} wants")
    if own:
        return own
    if kind == TURBO:
        return Defaults(1, 0.0, "Turbo")
    if kind == LCM and model:
        return Defaults(4, TOLD_GUIDANCE if model.guidance_embedding else 1.0, "LCM")
    return ordinary(model)


def defaults_here(settings: Settings, model: ModelInfo | None, loras: Iterable[LoraWeight] = ()) -> Defaults:
    """As `suggested`, with the LoRAs and the artist's own defaults of this machine. Raises ModelBroken as `Own.of`."""
    names = {lora.name for lora in loras if lora.weight}
    known = [lora for lora in list_loras(settings.lora_folders) if lora.name in names] if names else []
    return suggested(model, known, Own(settings).of(model.name) if model else None)


class Own:
    """The artist's own defaults by model, read anew on each call."""

    def __init__(self, settings: Settings):
        self._folder = settings.home / "weights"
        self.file = self._folder / FILE

    def of(self, name: str) -> Defaults | None:
        """What is saved for a model. Raises ModelBroken where the file cannot be read, or its entry breaks a rule."""
        content = self._content()
        return self._read(name, content[name]) if name in content else None

    def save(self, name: str, values: Mapping[str, Any]) -> Defaults:
        """Remember these for a model, in place of earlier ones.

        Args:
            values: by `FIELDS`, all of them.

        Raises:
            InvalidRequest: a value breaks its rule.
            ModelBroken: the file cannot be read; it is left as it is.
        """
        if problems := drawing_problems(values):
            raise InvalidRequest(problems)
        saved = Defaults(**values, why=SAVED)
        self._change(lambda old: {**old, name: saved.values()})
        return saved

    def forget(self, name: str) -> None:
        """Go back to what the model was made for. Raises InvalidRequest where nothing is saved, ModelBroken as `of`."""
        if name not in self._content():
            text = f"No defaults are saved for {name!r}. It draws with what it was made for."
            raise InvalidRequest([Problem("model", text)])
        self._change(lambda old: {other: values for other, values in old.items() if other != name})

    def _change(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f".{FILE}.lock", timeout=10):
            write_json(self.file, change(self._content()))

    def _content(self) -> dict[str, Any]:
        try:
            return read_json(self.file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ModelBroken(
                f"{self.file} must be a JSON object that names models; got: {error}. Correct it, or rename it to "
                "begin a new one. It is left as it is."
            ) from None

    def _read(self, name: str, values: Any) -> Defaults:
        if not isinstance(values, dict) or values.keys() != set(FIELDS):
            wrong = f"It must have {', '.join(FIELDS)}; got {str(values)[:80]!r}."
        elif problems := drawing_problems(values):
            wrong = problems[0].message
        else:
            return Defaults(**{**values, "guidance_scale": float(values["guidance_scale"])}, why=SAVED)
        raise ModelBroken(f"{self.file}, entry {name[:80]!r}: {wrong} Correct it, or remove the entry.")
