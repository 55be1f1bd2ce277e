"""Models that were made for inpainting, as folders and as single files: known, loaded, and kept from other work."""

import io

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import save_file

from engine.diffusion.loading import load
from engine.diffusion.starting import Start
from engine.diffusion.text_to_image import generate
from engine.errors import InvalidRequest
from engine.weights.facts import folder_facts
from tests.ldm import ldm_checkpoint
from tests.tiny import REQUEST, build_tiny_pipeline, tiny_info


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A tiny pipeline whose UNet takes mask and picture beside the latents."""
    pipeline = build_tiny_pipeline(tmp_path_factory.mktemp("parts"), "epsilon", 32, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        pipeline.unet = UNet2DConditionModel.from_config({**pipeline.unet.config, "in_channels": 9})
    return pipeline


@pytest.fixture(scope="module")
def folder(pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inpainting") / "model"
    pipeline.save_pretrained(folder)
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("StableDiffusionPipeline", "StableDiffusionInpaintPipeline"))
    return folder


def drawn(model) -> np.ndarray:
    picture = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 32, 64))
    return np.asarray(next(generate(model, REQUEST, start=Start(picture, 1.0, mask))).image)


def test_a_folder_is_known_and_draws_and_so_does_its_single_file(folder, pipeline, cpu, tiny_folder, tmp_path):
    assert folder_facts(folder)["inpainting"] is True
    assert folder_facts(tiny_folder)["inpainting"] is False
    file = tmp_path / "inpainting.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in ldm_checkpoint(pipeline).items()}, file)
    pictures = [
        drawn(load(tiny_info(folder, prediction_type="epsilon", inpainting=True), cpu)),
        drawn(load(tiny_info(file, prediction_type="epsilon", inpainting=True), cpu, single_file_config=tiny_folder)),
    ]
    assert np.array_equal(*pictures)
    assert pictures[0].std() > 1


def test_it_redraws_parts_and_nothing_else(studio, folder):
    studio.add_model(str(folder), "inside")
    info = studio.model("inside")
    assert (info.available, info.inpainting) == (True, True)
    assert "redraws parts of pictures" in info.about
    values = {"prompt": "a castle", "model": "inside"}
    with pytest.raises(InvalidRequest, match="was made for redrawing parts of pictures"):
        studio.submit(studio.request("text_to_image", values))
    photo = studio.add_photo(_png(), "start.png")
    job = studio.submit(studio.request("inpaint", {**values, "image": photo, "extend": [8, 0, 0, 0]}))
    assert job.request.model == "inside"


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (9, 90, 200)).save(file, "PNG")
    return file.getvalue()
