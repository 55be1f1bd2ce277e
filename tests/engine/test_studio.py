"""From the door to the gallery: requests through the queue, the real worker code and the tiny model."""

import hashlib
import json
from dataclasses import replace

import pytest
from PIL import Image

from engine.diffusion import request as request_module
from engine.errors import InvalidRequest, ModelBroken, ModelUnavailable, NotFound
from engine.jobs.schema import CANCELLED, FAILED, QUEUED, SUCCEEDED, JobRow
from engine.jobs.status import ABSENT, READY, EngineStatus, worker_name, write_status
from engine.settings import OPENVINO, TORCH
from engine.studio import Studio
from engine.weights.licensing.acceptance import accept
from engine.weights.licensing.licences import RAIL_PLUS_PLUS
from engine.weights.models import Catalogue
from engine.weights.request import FetchModel
from gallery.metadata import read_recipe
from tests.tiny import save_tiny_pipeline
from tests.tiny_lora import lora_layers, save_lora

ASKED = {"prompt": "a castle", "seed": 11, "num_inference_steps": 2, "width": 64, "height": 64}


def problems_of(studio, **values) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        studio.submit(studio.request("text_to_image", {**ASKED, **values}))
    return {problem.field: problem.message for problem in caught.value.problems}


def drawn(studio, work, **values) -> list[bytes]:
    job = studio.submit(studio.request("text_to_image", {**ASKED, **values}))
    work()
    ended = studio.job(job.id)
    assert ended.state == SUCCEEDED, ended.error
    return [Image.open(studio.gallery.path(image.id)).tobytes() for image in studio.gallery.of_job(job.id)]


def test_what_is_left_out_takes_the_models_own_size(studio):
    request = studio.request("text_to_image", {"prompt": "a castle"})
    native = studio.model("mini").native_size

    assert (request.model, request.width, request.height) == ("mini", native, native)


def test_every_problem_of_every_field_is_reported_at_once(studio):
    wrong = problems_of(studio, prompt="", width=4096, num_inference_steps=0, loras=[("none-such", 1.0)])

    assert set(wrong) == {"prompt", "width", "num_inference_steps", "loras"}
    assert "4096" in wrong["width"]
    assert "There is no LoRA named 'none-such'" in wrong["loras"]


def test_one_press_checks_the_rules_once_and_scans_the_models_once(studio, monkeypatch):
    asked = {"rules": 0, "models": 0}

    def counting(what, function):
        def counted(*arguments):
            asked[what] += 1
            return function(*arguments)

        return counted

    rules, scan = request_module.text_to_image_problems, Catalogue.all
    monkeypatch.setattr(request_module, "text_to_image_problems", counting("rules", rules))
    monkeypatch.setattr(Catalogue, "all", counting("models", scan))
    whole = {**ASKED, "seed": None, "model": "mini", "backend": TORCH, **studio.defaults(studio.model("mini")).values()}
    asked["models"] = 0
    studio.submit(studio.request("text_to_image", whole))

    assert asked == {"rules": 1, "models": 1}


def test_an_unknown_model_is_refused_with_the_known_ones(studio):
    assert "known are: mini" in problems_of(studio, model="dreams")["model"]


def test_a_model_without_weights_is_refused(studio):
    assert "Stable Diffusion 2.1" in problems_of(studio, model="sd21", width=768, height=768)["model"]


def test_a_seed_is_drawn_once_and_recorded(studio, work):
    job = studio.submit(studio.request("text_to_image", {**ASKED, "seed": None}))
    work()

    (image,) = studio.gallery.of_job(job.id)
    assert image.seed == job.request.seed == image.recipe.request["seed"]


def test_the_same_request_gives_the_same_pixels_alone_and_among_others(studio, work):
    batch = drawn(studio, work, num_images=3)
    alone = [drawn(studio, work, seed=11 + index)[0] for index in (2, 0, 1)]

    assert [alone[1], alone[2], alone[0]] == batch
    assert len(set(batch)) == 3


def test_a_picture_is_made_again_from_its_own_file(studio, work):
    before = drawn(studio, work, num_images=2, scheduler="Euler a", negative_prompt="fog")
    record = studio.gallery.page().images[0]
    recipe = read_recipe(studio.gallery.path(record.id))

    request = studio.request("text_to_image", {**recipe.request, "seed": recipe.seed, "num_images": 1})
    job = studio.submit(request)
    work()
    (again,) = studio.gallery.of_job(job.id)
    assert Image.open(studio.gallery.path(again.id)).tobytes() == before[recipe.image_index]


def test_the_recipe_says_what_really_ran(studio, work):
    drawn(studio, work)
    recipe = studio.gallery.page().images[0].recipe

    assert recipe.model["name"] == "mini"
    weights = studio.settings.weights_dir / "mini" / "unet" / "diffusion_pytorch_model.safetensors"
    assert recipe.model["weights"]["unet"] == [hashlib.sha256(weights.read_bytes()).hexdigest()]
    own = {"openvino"} if recipe.request.get("backend") == OPENVINO else set()
    assert set(recipe.software) == own | {"studio", "torch", "diffusers", "transformers", "peft"}
    assert (recipe.device, recipe.dtype) == ("the CPU", "float32")


def test_a_lora_acts_on_its_own_request_only(studio, work):
    save_lora(studio.settings.lora_dir / "ink.safetensors")
    save_lora(studio.settings.lora_dir / "snow.safetensors", layers=lora_layers(seed=1))
    base = drawn(studio, work)
    ink = drawn(studio, work, loras=[("ink", 1.0)])
    both = drawn(studio, work, loras=[("ink", 1.0), ("snow", 0.5)])

    assert len({base[0], ink[0], both[0]}) == 3
    assert drawn(studio, work) == base
    assert drawn(studio, work, loras=[("ink", 1.0)]) == ink
    assert drawn(studio, work, loras=[("ink", 0.0)]) == base
    loras = studio.gallery.page().images[0].recipe.loras
    assert [(lora["name"], lora["weight"], lora["rank"]) for lora in loras] == [("ink", 0.0, 4)]


def test_a_lora_for_another_base_is_refused_with_both_names(studio):
    save_lora(studio.settings.lora_dir / "wide.safetensors", layers=lora_layers(cross_attention_dim=1024))
    wrong = problems_of(studio, loras=[("wide", 1.0)])["loras"]

    assert "Stable Diffusion 2.x" in wrong
    assert studio.model("mini").base in wrong


def test_a_lora_that_vanishes_before_its_turn_fails_the_job_with_its_name(studio, work):
    lora = save_lora(studio.settings.lora_dir / "ink.safetensors")
    job = studio.submit(studio.request("text_to_image", {**ASKED, "loras": [("ink", 1.0)]}))
    lora.path.unlink()
    work()

    ended = studio.job(job.id)
    assert ended.state == FAILED
    assert "ink" in ended.error


def test_an_artists_own_folder_becomes_a_model(studio, work, tmp_path):
    save_tiny_pipeline(tmp_path / "my model", seed=5)
    info = studio.add_model(f"'{tmp_path / 'my model'}'", "mine")

    assert info.available
    assert drawn(studio, work, model="mine") != drawn(studio, work, model="mini")


def test_a_broken_model_fails_its_job_in_words_and_the_next_job_works(studio, work, tmp_path):
    save_tiny_pipeline(tmp_path / "broken")
    unet = tmp_path / "broken" / "unet" / "diffusion_pytorch_model.safetensors"
    studio.add_model(str(tmp_path / "broken"))
    job = studio.submit(studio.request("text_to_image", {**ASKED, "model": "broken"}))
    unet.write_bytes(unet.read_bytes()[:1000])
    work()

    ended = studio.job(job.id)
    assert ended.state == FAILED
    assert "diffusion_pytorch_model.safetensors" in ended.error
    assert "Traceback" not in ended.error
    assert drawn(studio, work)


def test_a_long_prompt_is_drawn_with_a_note_on_what_was_not_read(studio, work):
    values = {**ASKED, "prompt": "castle " * 100 + "tower", "prompt_syntax": "plain"}
    job = studio.submit(studio.request("text_to_image", values))
    work()

    assert any("tower" in note for note in studio.job(job.id).notes)


def test_a_job_cancelled_while_it_waits_is_never_drawn(studio, work):
    job = studio.submit(studio.request("text_to_image", ASKED))
    studio.cancel(job.id)
    work()

    assert studio.job(job.id).state == CANCELLED
    assert studio.gallery.of_job(job.id) == ()


def test_images_kept_from_an_earlier_attempt_are_not_drawn_again(studio, work):
    request = studio.request("text_to_image", {**ASKED, "num_images": 2})
    job = studio.submit(request)
    work()
    first, second = studio.gallery.of_job(job.id)
    with studio.database.write() as session:
        session.get(JobRow, job.id).state = QUEUED
    studio.gallery.delete([second.id])
    work()

    assert studio.job(job.id).state == SUCCEEDED
    assert studio.gallery.of_job(job.id) == (first,)


def test_only_a_model_on_the_hub_can_be_fetched(studio):
    with pytest.raises(ModelUnavailable, match="no address on the model hub"):
        studio.submit(FetchModel(model="mini"))
    with pytest.raises(NotFound):
        studio.submit(FetchModel(model="dreams"))


def test_a_download_that_is_under_way_is_not_started_twice(studio):
    accept(studio.settings.home, RAIL_PLUS_PLUS)
    assert studio.submit(FetchModel(model="sd21")).id == studio.submit(FetchModel(model="sd21")).id


def test_the_large_model_is_the_default_only_where_a_gpu_draws_it(studio, tmp_path):
    save_tiny_pipeline(tmp_path / "sd21", cross_attention_dim=1024)
    studio.add_model(str(tmp_path / "sd21"), "sd21")
    assert studio.default_model().name == "mini"

    write_status(studio.settings.home, EngineStatus(READY, "a GPU", True, worker_name()))
    assert studio.default_model().name == "sd21"


def test_the_status_of_a_dead_worker_is_absent(studio):
    write_status(studio.settings.home, EngineStatus(READY, worker=worker_name(2**22 + 1)))
    assert studio.engine().state == ABSENT

    (studio.settings.home / "worker.json").write_text(json.dumps(["nonsense"]))
    assert studio.engine().state == ABSENT


def test_a_studio_whose_only_model_is_damaged_says_so(studio):
    weights = studio.settings.weights_dir
    studio = Studio(replace(studio.settings, weights_dir=weights.parent / "nothing here"))

    assert not studio.default_model().available
    request = studio.request("text_to_image", {"prompt": "a castle"})
    with pytest.raises(InvalidRequest):
        studio.submit(request)


def test_another_base_is_not_taken_for_stable_diffusion_2(studio, tmp_path):
    save_tiny_pipeline(tmp_path / "other")
    with pytest.raises(ModelBroken, match="name of its own"):
        studio.add_model(str(tmp_path / "other"), "sd21")


def test_an_added_model_can_be_removed_again(studio, tmp_path):
    save_tiny_pipeline(tmp_path / "other")
    studio.add_model(str(tmp_path / "other"))
    studio.remove_model("other")

    assert "other" not in {info.name for info in studio.models()}
    assert (tmp_path / "other" / "model_index.json").exists()
    with pytest.raises(InvalidRequest):
        studio.remove_model("mini")
