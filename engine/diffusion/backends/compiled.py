"""Models compiled by OpenVINO for the processor, with the weights that PyTorch has, in float32.

The UNet and the decoder are converted once (`converting`), and compiled for each size that is asked for: about half the
time of PyTorch's, and with LoRAs in the weights as quick as without.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

import openvino
import torch
from openvino import opset13
from torch import Tensor, nn

from engine.computing.graphs import Run, core, explaining
from engine.computing.graphs import compiled as compiled_graph
from engine.computing.names import CannotCompute
from engine.device import TILING_PIXELS
from engine.diffusion.backends.seam import is_float32_on_cpu
from engine.diffusion.loading import LoadedModel
from engine.diffusion.lora import Worn
from engine.diffusion.request import NO_GUIDANCE, TextToImage
from engine.settings import OPENVINO

KEPT_BYTES = 2e9  # of compiled weights for each model; at least one of the UNet and of the decoder is kept
MOST_KEPT = 6
PARTS = ("unet", "decoder")
BESIDE = "one of these LoRAs cannot be added to the weights."
ELSEWHERE = "it computes on the processor in float32, and this model is elsewhere or in another format."
BARE = Worn([])


class Compiled:
    """One converted model, compiled for the sizes and LoRAs that were asked for last. Threads may share it."""

    def __init__(self, place: Path):
        self._graphs = {part: core().read_model(place / f"{part}.xml") for part in PARTS}
        self._kept: OrderedDict[tuple[Any, ...], Future[Run]] = OrderedDict()
        self._lock = RLock()
        self._bytes = {part: (place / f"{part}.bin").stat().st_size for part in PARTS}

    @property
    def size_bytes(self) -> int:
        """Of the weights that are kept compiled, about."""
        with self._lock:
            return sum(self._bytes[key[0]] for key in self._kept)

    def run(self, part: str, shapes: tuple[tuple[int, ...], ...], module: nn.Module, worn: Worn) -> Run:
        """What computes a part for inputs of these shapes; -1 is any length.

        Args:
            module: PyTorch's, whose weights count where LoRAs have changed them.
        """
        layers = [name for name in worn.layers if name.startswith("unet.")] if part == "unet" else []
        key = (part, shapes, worn.tag if layers else ())
        with self._lock:
            fresh = None if key in self._kept else Future[Run]()
            if fresh:
                self._make_room(self._bytes[part])
                self._kept[key] = fresh
            self._kept.move_to_end(key)
            run = self._kept[key]
        if fresh:  # outside of the lock: another size shall not wait for this one
            self._fill(fresh, key, lambda: self._compile(part, shapes, module, layers))
        return run.result()

    def _fill(self, fresh: Future[Run], key: tuple[Any, ...], compile: Callable[[], Run]) -> None:
        try:
            fresh.set_result(compile())
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            fresh.set_exception(error)

    def _make_room(self, size_bytes: int) -> None:
        while self._kept and (len(self._kept) >= MOST_KEPT or self.size_bytes + size_bytes > KEPT_BYTES):
            self._kept.popitem(last=False)

    def _compile(self, part: str, shapes: tuple[tuple[int, ...], ...], module: nn.Module, layers: list[str]) -> Run:
        graph = self._graphs[part].clone()
        if layers:
            _take_weights(graph, module, layers)
        return compiled_graph(graph, shapes)


def _take_weights(graph: openvino.Model, module: nn.Module, layers: list[str]) -> None:
    """Put the module's weights of some layers into a graph, whose constants have the names of its parameters."""
    constants = {node.get_friendly_name(): node for node in graph.get_ops() if node.get_type_name() == "Constant"}
    parameters = {f"self.unet.{name}": tensor for name, tensor in module.named_parameters()}
    for layer in layers:
        name = f"self.{layer}.weight"
        if name not in constants:
            raise CannotCompute(f"the converted model has no weight of its own for {layer}.")
        fresh = opset13.constant(parameters[name].detach().numpy())
        constants[name].output(0).replace(fresh.output(0))


class OpenVino:
    """Computes the UNet and the decoder of models that were converted.

    Args:
        place: finds or makes the folder of a model's converted networks; raises CannotCompute where there is none.
    """

    name = OPENVINO

    def __init__(self, place: Callable[[LoadedModel], Path]):
        self._place = place

    @contextmanager
    def engaged(self, model: LoadedModel, request: TextToImage, worn: Worn) -> Iterator[None]:
        """The sizes of the request are compiled before anything is drawn, so that what is wrong shows at once."""
        if not is_float32_on_cpu(model):
            raise CannotCompute(ELSEWHERE)
        if worn.beside:
            raise CannotCompute(BESIDE)
        pipeline = model.pipeline
        compiled = self.compile(model, request, worn)
        pipeline.unet.forward = _unet_forward(compiled, pipeline.unet, worn)
        if request.width * request.height <= TILING_PIXELS:  # tiles are of many sizes
            pipeline.vae.decoder.forward = _decoder_forward(compiled, pipeline.vae.decoder, worn)
        try:
            yield
        finally:
            for part in (pipeline.unet, pipeline.vae.decoder):
                part.__dict__.pop("forward", None)

    def compile(self, model: LoadedModel, request: TextToImage, worn: Worn = BARE) -> Compiled:
        """Compile a model for the sizes of a request, as far as that was not done yet."""
        with explaining():
            compiled = self.compiled(model)
            _ready(model, compiled, request, worn)
        return compiled

    def compiled(self, model: LoadedModel) -> Compiled:
        """What is kept compiled of a model, as long as the model itself is kept."""
        found = model.compiled.get(self.name)
        if found is None:  # `setdefault`, since another thread may ask too
            found = model.compiled.setdefault(self.name, Compiled(self._place(model)))
        assert isinstance(found, Compiled)
        return found


def _ready(model: LoadedModel, compiled: Compiled, request: TextToImage, worn: Worn) -> None:
    pipeline = model.pipeline
    height, width = (side // pipeline.vae_scale_factor for side in (request.height, request.width))
    told = pipeline.unet.config.time_cond_proj_dim
    batch = 2 if request.guidance_scale > NO_GUIDANCE and told is None else 1
    latents = (batch, pipeline.unet.config.in_channels, height, width)
    compiled.run("unet", _unet_shapes(pipeline.unet, latents), pipeline.unet, worn)
    if request.width * request.height <= TILING_PIXELS:
        decoded = (1, pipeline.vae.config.latent_channels, height, width)
        compiled.run("decoder", (decoded,), pipeline.vae.decoder, worn)


def _unet_shapes(unet: nn.Module, latents: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Of latents, timestep, text of any length, and the embedding of the guidance scale where the model is told it."""
    told = unet.config.time_cond_proj_dim
    text = (latents[0], -1, unet.config.cross_attention_dim)
    return latents, (), text, *([(latents[0], told)] if told else [])


def _unet_forward(compiled: Compiled, unet: nn.Module, worn: Worn) -> Callable[..., Any]:
    def forward(
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        timestep_cond: Tensor | None = None,
        return_dict: bool = False,
        **rest: Any,
    ) -> tuple[Tensor]:
        with explaining():
            run = compiled.run("unet", _unet_shapes(unet, tuple(sample.shape)), unet, worn)
            told = [] if timestep_cond is None else [timestep_cond]
            # A number of float32, since some samplers visit fractions of a timestep.
            when = torch.as_tensor(timestep, dtype=torch.float32).reshape(())
            return (run(sample, when, encoder_hidden_states, *told),)

    return forward


def _decoder_forward(compiled: Compiled, decoder: nn.Module, worn: Worn) -> Callable[..., Tensor]:
    def forward(sample: Tensor, latent_embeds: Tensor | None = None) -> Tensor:
        with explaining():
            return compiled.run("decoder", (tuple(sample.shape),), decoder, worn)(sample)

    return forward
