"""Which backend draws a request here, and making models ready for it while nobody waits."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.computing.names import NOT_INSTALLED, NOT_ON_A_GPU, CannotCompute, openvino_version
from engine.diffusion.backends.readying import Readying, say_unready
from engine.diffusion.backends.seam import Backend, Torch, is_float32_on_cpu
from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora import Worn
from engine.diffusion.request import GUIDANCE_SCALE, TextToImage
from engine.errors import StudioError
from engine.settings import OPENVINO, TORCH, Settings

if TYPE_CHECKING:
    from engine.diffusion.backends.compiled import OpenVino

Say = Callable[[str], None]


class Backends:
    """Of one worker."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._asked: dict[str, TextToImage] = {}  # last, by the model's name
        self._readying = Readying(settings, self._compile)

    def of(self, request: TextToImage, say: Say = lambda words: None) -> Backend:
        """What is to draw a request; where it cannot, `seam.engaged` goes on with PyTorch.

        Args:
            say: told in words when a model has to be converted first.
        """
        self._asked[request.model] = request
        if request.backend == TORCH:
            return Torch()
        if not openvino_version():
            return _Missing()

        def begin(model: LoadedModel) -> None:
            self._readying.stop()  # what it converts is needed now, and converted once
            say(f"Making {model.info.title} ready for OpenVINO, once")

        try:
            return self._openvino(begin)
        except ImportError as error:
            return _Missing(_broken(error))

    def make_ready(self, model: LoadedModel) -> bool:
        """Have a model converted and compiled for the size in use, if that was not done yet, beside everything else;
        returns at once, and whether it is to be called again.
        """
        if self._settings.backend == TORCH or not openvino_version() or not is_float32_on_cpu(model):
            return False
        return self._readying.go_on(model)

    def make_room(self) -> None:
        """Give back the memory that making models ready takes."""
        self._readying.stop()

    def _openvino(self, begin: Callable[[LoadedModel], None]) -> "OpenVino":
        from engine.diffusion.backends.compiled import OpenVino  # optional, and not light
        from engine.diffusion.backends.converting import converted_place

        return OpenVino(lambda model: converted_place(model, self._settings.home, begin))

    def _compile(self, model: LoadedModel) -> None:
        try:
            self._openvino(_gone).compile(model, self._likely(model))
        except (StudioError, OSError, ImportError, MemoryError) as error:
            say_unready(model.info, error)

    def _likely(self, model: LoadedModel) -> TextToImage:
        """What is likely asked of a model next: what was asked last, else its own size."""
        side, name = model.info.native_size, model.info.name
        own = TextToImage(prompt="-", width=side, height=side, guidance_scale=GUIDANCE_SCALE.default, model=name)
        return self._asked.get(name, own)


class _Missing:
    """OpenVINO where it is not installed, as when a recipe of another machine is run again."""

    name = OPENVINO

    def __init__(self, why: str = NOT_INSTALLED):
        self._why = why

    def engaged(self, model: LoadedModel, request: TextToImage, worn: Worn):
        """Raises CannotCompute."""
        raise CannotCompute(NOT_ON_A_GPU if model.device.is_cuda else self._why)


def _broken(error: ImportError) -> str:
    return f"it is installed but does not start ({error}). Install it again with `pip install --no-deps openvino`."


def _gone(model: LoadedModel) -> None:
    raise CannotCompute("what was converted is gone.")
