"""What speaks against drawing with a model and LoRAs on this machine."""

from collections.abc import Iterable, Mapping, Sequence

from engine.errors import ModelUnavailable, NotFound, Problem
from engine.settings import EMBEDDED_MODEL, LARGE_MODEL, Settings
from engine.weights.loras import LoraInfo, list_loras
from engine.weights.models import ModelInfo, named, require_available


def default_model(models: Iterable[ModelInfo], accelerated: bool) -> ModelInfo:
    """The large model where it is here and a GPU draws it, else the embedded one, else any that is here.

    When none is here it is one that says why.
    """
    known = {info.name: info for info in models}
    here = {name: info for name, info in known.items() if info.available}
    if LARGE_MODEL in here and accelerated:
        return here[LARGE_MODEL]
    return here.get(EMBEDDED_MODEL) or next(iter(here.values()), None) or next(iter(known.values()))


def model_problems(name: str, models: Sequence[ModelInfo]) -> list[Problem]:
    """Why nothing can be drawn with the model of that name."""
    try:
        require_available(named(name, models))
    except (NotFound, ModelUnavailable) as error:
        return [Problem("model", str(error))]
    return []


def lora_problems(settings: Settings, names: Sequence[str], model: ModelInfo | None) -> list[Problem]:
    """Why these LoRAs cannot be used, with the model where it is known."""
    known = {lora.name: lora for lora in list_loras(settings.lora_folders)} if names else {}
    texts = (_lora_problem(name, known, model) for name in names)
    return [Problem("loras", text) for text in texts if text]


def _lora_problem(name: str, known: Mapping[str, LoraInfo], model: ModelInfo | None) -> str:
    lora = known.get(name)
    if lora is None:
        return f"There is no LoRA named {name!r}; known are: {', '.join(known) or 'none'}."
    if lora.problem:
        return f"LoRA {name!r} cannot be used: {lora.problem}"
    if model and lora.cross_attention_dim and lora.cross_attention_dim != model.cross_attention_dim:
        return (
            f"A LoRA works with the base that it was made for; {name!r} is for {lora.base}, "
            f"but {model.title} is {model.base}. Choose another LoRA or another model."
        )
    return ""
