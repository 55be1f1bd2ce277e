import json
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.diffusion.request import TextToImage
from engine.jobs.schema import QUEUED, SUCCEEDED
from engine.weights.licensing.acceptance import accept, is_open
from engine.weights.licensing.licences import RAIL_PLUS_PLUS
from engine.weights.request import FetchModel
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, press_generate, texts
from tests.tiny import save_tiny_pipeline
from tests.tiny_lora import kohya, lora_layers

LONGER_THAN_A_DOUBLE_CLICK = 1.1  # seconds


def test_an_empty_studio_says_what_to_do_and_offers_examples(open_page):
    page = open_page("generate")

    assert "Type what you want to see" in texts(page.markdown)
    example = next(button for button in page.button if button.label.startswith("a castle"))
    example.click().run()
    assert page.text_area(key="prompt").value == "a castle on a mountain at sunset"


def test_from_prompt_to_picture(open_page, studio, work):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    page.number_input(key="num_inference_steps").set_value(2)
    page.number_input(key="num_images").set_value(2)
    press_generate(page)

    (job,) = studio.jobs()
    assert job.state == QUEUED
    assert job.request.prompt == "a castle"
    assert job.request.seed is not None
    assert "next in line" in texts(page.text)

    work()
    page.run()
    assert studio.job(job.id).state == SUCCEEDED
    assert f"Seed {job.request.seed}" in texts(page.caption)
    assert f"Seed {job.request.seed + 1}" in texts(page.caption)


def test_pressing_generate_again_queues_another_job(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)
    time.sleep(LONGER_THAN_A_DOUBLE_CLICK)
    press_generate(page)

    first, second = studio.jobs()
    assert first.request.seed != second.request.seed
    assert "1 ahead of you" in texts(page.text)


def test_a_double_click_is_one_press_and_a_changed_form_another(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)
    values, _ = page.session_state.generate_accepted
    page.session_state.generate_accepted = values, time.monotonic() + 60  # as if no time had passed, on any machine
    press_generate(page)
    assert len(studio.jobs()) == 1

    page.text_area(key="prompt").set_value("a tower")
    press_generate(page)
    assert len(studio.jobs()) == 2


def seed_of(page):
    """The field's text, and whether the switch says that a seed is kept: never one without the other."""
    kept, text = page.toggle(key="keep_seed").value, page.text_input(key="seed").value
    assert kept == bool(text)
    return text


@pytest.mark.parametrize("seed", [7, 2**53 + 1, 2**64 - 1])
def test_a_kept_seed_is_used_again(open_page, studio, seed):
    page = open_page("generate", seed=str(seed), keep_seed="true")
    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)
    time.sleep(LONGER_THAN_A_DOUBLE_CLICK)
    press_generate(page)

    assert [job.request.seed for job in studio.jobs()] == [seed, seed]
    assert seed_of(page) == str(seed)
    assert page.query_params["seed"] == str(seed)


def test_without_a_kept_seed_the_field_is_empty_and_says_so(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)

    assert seed_of(page) == ""
    assert "new" in page.text_input(key="seed").placeholder
    (job,) = studio.jobs()
    page.toggle(key="keep_seed").set_value(True).run()
    assert seed_of(page) == str(job.request.seed)  # the picture just asked for
    page.toggle(key="keep_seed").set_value(False).run()
    assert seed_of(page) == ""
    assert "seed" not in page.query_params


def test_a_typed_seed_is_kept(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    page.text_input(key="seed").set_value(" 12 ")
    press_generate(page)

    assert page.toggle(key="keep_seed").value is True
    assert studio.jobs()[0].request.seed == 12


@pytest.mark.parametrize("text", ["forty", "1.5", "-1", "12a", str(2**64), "9" * 60])
def test_a_text_that_is_no_seed_is_said_at_once_and_refused(open_page, studio, text):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    page.text_input(key="seed").set_value(text).run()

    def said():
        texts = [error.value.replace("\\", "") for error in page.error]
        return [text for text in texts if not text.startswith("To be corrected")]

    (before,) = said()
    assert before.startswith("Seed must be a whole number from 0 to 18446744073709551615; got")
    assert text in before
    press_generate(page)
    assert said() == [before]
    assert studio.jobs() == []

    page.text_input(key="seed").set_value("5")
    press_generate(page)
    assert said() == []
    assert studio.jobs()[0].request.seed == 5


def test_the_dice_draws_a_seed_and_keeps_it(open_page):
    page = open_page("generate")
    page.button(key="dice").click().run()

    assert 0 <= int(seed_of(page)) < 2**32
    assert page.query_params["seed"] == seed_of(page)


def test_all_wrong_values_are_refused_together_and_nothing_is_queued(open_page, studio):
    page = open_page("generate")
    page.segmented_control(key="size").set_value("Custom").run()
    page.number_input(key="width").set_value(20)
    press_generate(page)

    said = texts(page.error)
    assert "Prompt must not be empty" in said
    assert "Width must be a multiple of 8; got 20" in said
    assert studio.jobs() == []

    page.text_area(key="prompt").set_value("a castle")
    page.number_input(key="width").set_value(64)
    press_generate(page)
    assert not page.error
    assert len(studio.jobs()) == 1


def test_a_waiting_job_can_be_cancelled(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)
    (job,) = studio.jobs()
    page.button(key=f"cancel_{job.id}").click().run()

    assert studio.job(job.id).state == "cancelled"
    assert "Cancelled" in texts(page.info)


def test_a_prompt_is_shown_as_text_not_as_markup(open_page, studio, work):
    prompt = "**bold** <script src=x>alert(1)</script > :material/home: [x](http://x)"
    studio.submit(studio.request("text_to_image", {"prompt": prompt, "num_inference_steps": 1}))
    work()
    page = open_page("generate")

    assert prompt in texts(page.text)
    assert prompt not in texts(page.markdown)


def test_a_model_that_is_not_here_is_described_and_refused(open_page, studio):
    page = open_page("generate")
    page.selectbox(key="model").set_value("sd21").run()
    assert "is not on this machine" in texts(page.markdown)
    assert any("2.6 GB" in caption.value for caption in page.caption)

    page.text_area(key="prompt").set_value("a castle")
    press_generate(page)
    assert "Stable Diffusion 2" in texts(page.error)
    assert studio.jobs() == []


def test_a_wrong_path_for_an_own_copy_is_explained(open_page):
    page = open_page("generate")
    page.selectbox(key="model").set_value("sd21").run()
    page.text_input(key="source_sd21").set_value("/no/such/folder")
    page.button(key="use_sd21").click().run()

    assert "such" in texts(page.error)


def test_a_second_click_on_the_old_button_makes_no_second_job(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("a castle")
    old = next(button for button in page.button if button.label == "Generate")
    old.click().run()
    old.click().run()

    assert len(studio.jobs()) == 1


# -- what the model cannot use


def test_words_that_the_model_cannot_use_are_said_before_and_after(open_page, studio, work):
    page = open_page("generate", prompt="portrait of a cute cat <lora:x:0.8>", negative_prompt="[blurry:fog:0.5]")

    def said():
        return texts([*page.caption, *page.warning]).replace("\\", "")

    told = (
        "no word of this prompt: portrait, cute, cat.",
        "<lora:x:0.8> applies nothing",
        "plain words: [blurry:fog:0.5]",
    )
    assert all(text in said() for text in told)
    assert not page.warning
    press_generate(page)
    work()
    page.text_area(key="prompt").set_value("")
    page.text_input(key="negative_prompt").set_value("").run()
    assert all(text in texts(page.warning).replace("\\", "") for text in told)
    (image,) = studio.gallery.page().images
    assert image.title == "portrait of a cute cat <lora:x:0.8>"
    assert all(any(text in note for note in image.recipe.notes) for text in told)


def test_a_size_far_from_the_models_own_is_said_below_it(open_page):
    page = open_page("generate", size="Custom", width="128", height="64", prompt="a castle")
    assert "at 128x64 parts of the scene will repeat" in texts(page.caption)
    page.number_input(key="width").set_value(64).run()
    assert "will repeat" not in texts(page.caption)


# -- models


def test_a_model_known_by_its_hub_id_alone_keeps_the_form_usable(open_page, studio):
    studio.add_model("someone/unknown-model", "unknown")
    page = open_page("generate", model="unknown")

    assert "512 × 512 pixels" in texts(page.caption)
    page.segmented_control(key="size").set_value("Custom").run()
    assert not page.exception
    assert page.number_input(key="width").value == 512


def test_the_address_may_name_a_model_by_its_name_or_its_title(open_page):
    for model in ("sd21", "Stable Diffusion 2.1 (768 px)"):
        page = open_page("generate", model=model)
        assert page.selectbox(key="model").value == "sd21"


def test_the_titles_of_models_do_not_tell_whether_they_are_here(open_page):
    page = open_page("generate")

    assert "Stable Diffusion 2.1 (768 px)" in page.selectbox(key="model").options


def test_the_large_model_is_downloaded_after_its_licence_was_ticked_once(open_page, studio):
    page = open_page("generate", model="sd21")
    assert next(button for button in page.button if button.label == "Download").disabled
    assert "defame, disparage or otherwise harass others" in texts(page.markdown)
    page.checkbox(key="accept_sd21").check().run()
    next(button for button in page.button if button.label == "Download").click().run()

    assert [job.request for job in studio.jobs()] == [FetchModel(model="sd21")]
    assert not is_open(studio.settings.home, RAIL_PLUS_PLUS)


def test_fifty_later_drawings_do_not_hide_a_download(open_page, studio):
    accept(studio.settings.home, RAIL_PLUS_PLUS)
    studio.submit(FetchModel(model="sd21"))
    for number in range(51):
        studio.submit(studio.request("text_to_image", {"prompt": f"castle {number}"}))
    page = open_page("generate", model="sd21")

    assert any(button.label == "Stop the download" for button in page.button)
    assert not any(button.label == "Download" for button in page.button)


# -- LoRAs


@pytest.fixture
def add_lora(studio):
    """Puts a tiny LoRA into the artist's folder."""

    def add_lora(name: str, cross_attention_dim: int = 32) -> str:
        tensors = kohya(lora_layers(cross_attention_dim), alpha=4)
        arrays = {key: tensor.numpy() for key, tensor in tensors.items()}
        save_file(arrays, studio.settings.lora_dir / f"{name}.safetensors")
        return name

    return add_lora


ODD_NAME = "tést & co #1=2 + (v2) 100%"


def test_loras_and_their_weights_are_taken_from_the_address(open_page, add_lora, studio):
    add_lora(ODD_NAME)
    page = open_page("generate", **{"loras": ODD_NAME, f"weight_{ODD_NAME}": "0.4", "prompt": "a castle"})
    press_generate(page)

    (job,) = studio.jobs()
    assert [(lora.name, lora.weight) for lora in job.request.loras] == [(ODD_NAME, 0.4)]


def test_a_lora_for_another_base_keeps_its_name_and_says_so_below(open_page, add_lora):
    add_lora("other", cross_attention_dim=768)
    page = open_page("generate", loras="other")

    assert page.multiselect(key="loras").options == ["other"]
    assert "made for" in texts(page.warning)


def test_loras_that_cannot_be_used_are_listed_with_the_reason(open_page, studio):
    (studio.settings.lora_dir / "broken_one.safetensors").write_bytes(b"not a LoRA")
    page = open_page("generate")

    assert "1 LoRA file cannot be used" in [expander.label for expander in page.expander]
    assert "broken" in texts(page.text)
    assert "none yet" in texts(page.caption)


def test_what_a_lora_leaves_out_is_said_below_it(open_page, studio):
    arrays = {key: tensor.numpy() for key, tensor in kohya(lora_layers(), alpha=4).items()}
    embedding = {"bundle_emb.my word.clip_l": np.ones((2, 32), np.float32)}
    save_file(arrays | embedding, studio.settings.lora_dir / "both.safetensors")
    notes = studio.settings.lora_dir / "both.json"
    notes.write_text('{"preferred_weight": 1%s}' % ("0" * 400))  # too large for any float
    page = open_page("generate", loras="both")

    assert not page.exception
    assert r"Left out\: the embedding my word" in texts(page.caption)
    assert page.slider(key="weight_both").value == 1.0


# -- what runs, waits and ended


def test_a_long_queue_shows_its_beginning_and_counts_the_rest(open_page, studio, work):
    first = studio.submit(studio.request("text_to_image", {"prompt": "the finished one", "num_inference_steps": 1}))
    work()
    for number in range(60):
        studio.submit(studio.request("text_to_image", {"prompt": f"castle {number}"}))
    page = open_page("generate")

    shown = texts(page.text)
    assert "castle 0\n" in shown
    assert "castle 9\n" in shown
    assert "castle 10\n" not in shown
    assert "and 50 more waiting" in texts(page.caption)
    assert "the finished one" in shown
    assert f"Seed {first.request.seed}" in texts(page.caption)


def test_the_result_that_ended_last_is_shown_although_a_later_job_was_cancelled(open_page, studio, work):
    studio.submit(studio.request("text_to_image", {"prompt": "finished last", "num_inference_steps": 1}))
    cancelled = studio.submit(studio.request("text_to_image", {"prompt": "cancelled before"}))
    studio.cancel(cancelled.id)
    work()
    page = open_page("generate")

    assert "finished last" in texts(page.text)
    assert "cancelled before" not in texts(page.text)


def test_a_damaged_picture_of_the_latest_job_does_not_end_the_page(open_page, studio, work):
    studio.submit(studio.request("text_to_image", {"prompt": "two castles", "num_inference_steps": 1, "num_images": 2}))
    work()
    newest, oldest = studio.gallery.page().images
    studio.gallery.path(newest.id).write_bytes(b"not a picture")
    page = open_page("generate")

    assert "has changed since it was saved" in texts(page.error)
    assert f"Seed {oldest.seed}" in texts(page.caption)
    assert [button.key for button in page.download_button] == [
        f"zip_feed_{oldest.id}",
        f"png_feed_{oldest.id}",
        f"jpg_feed_{oldest.id}",
        f"webp_feed_{oldest.id}",
    ]


def test_a_job_of_another_version_is_shown_without_its_prompt(open_page, studio, work):
    job = studio.submit(studio.request("text_to_image", {"prompt": "a castle"}))
    with studio.database.write() as session:
        session.connection().exec_driver_sql(
            "update jobs set request = ? where id = ?", (json.dumps({"future": 1}), job.id)
        )
    page = open_page("generate")
    assert "another version" in texts(page.text)

    work()
    page.run()
    assert not page.exception
    assert page.error


# -- settings of an earlier picture


@pytest.fixture
def restored(open_page, studio):
    """Opens Generate with the settings of a picture that was made by this request."""

    def restored(request):
        made = recipe(request=request, seed=request.get("seed"))
        record = studio.gallery.save(picture(), made)
        page = open_page("generate", recipe=record.id, prompt="what was there", num_inference_steps="7")
        page.run()
        assert not page.exception
        assert "recipe" not in page.query_params
        return page

    return restored


def test_a_recipe_with_few_fields_fills_those_and_leaves_the_rest_at_the_defaults(restored):
    page = restored({"prompt": "a castle", "seed": 3})

    assert page.text_area(key="prompt").value == "a castle"
    assert page.text_input(key="seed").value == "3"
    assert page.number_input(key="num_inference_steps").value == 25
    assert page.selectbox(key="scheduler").value == "DDIM"


def test_a_recipe_with_values_of_another_version_takes_those_that_fit(restored, add_lora):
    add_lora("mine")
    request = {
        "prompt": "a castle",
        "negative_prompt": 5,
        "num_inference_steps": 9000,
        "guidance_scale": 3,
        "scheduler": "of tomorrow",
        "width": "wide",
        "height": 64,
        "loras": [{"name": "mine", "weight": "much"}, {"file": "x"}, "gone"],
        "model": "gone-model",
    }
    page = restored(request)

    assert page.text_input(key="negative_prompt").value == ""
    assert page.number_input(key="num_inference_steps").value == 25
    assert page.number_input(key="guidance_scale").value == 3.0
    assert page.selectbox(key="scheduler").value == "DDIM"
    assert page.multiselect(key="loras").value == ["mine"]
    assert page.slider(key="weight_mine").value == 1.0
    assert "gone\\-model" in texts(page.warning)


@pytest.mark.parametrize("odd", [["x"], {"a": 1}, 5, True, "x" * 5000, 10**400])
def test_a_recipe_of_wrong_types_fills_what_it_can(restored, odd):
    page = restored({"prompt": "a castle", "model": odd, "loras": odd, "width": odd, "height": odd})
    assert page.text_area(key="prompt").value == "a castle"


def test_a_complete_recipe_is_asked_for_again_as_it_was(restored, studio, add_lora):
    add_lora("mine")
    loras = [("mine", -0.5)]
    asked = studio.request(
        TextToImage.kind,
        {"prompt": "a castle", "negative_prompt": "people", "seed": 2**63 + 11, "num_inference_steps": 3,
         "guidance_scale": 4, "width": 72, "height": 64, "scheduler": "Heun", "loras": loras}
    )  # fmt: skip
    press_generate(restored(asked.to_dict()))

    (job,) = studio.jobs(kind=TextToImage.kind)
    assert job.request == asked


def test_the_small_model_draws_enlarged_unless_told_otherwise(open_page, studio, restored):
    page = open_page("generate", prompt="a castle")
    native = next(info.native_size for info in studio.models() if info.name == "mini")
    assert f"{2 * native} × {2 * native} pixels, drawn at {native} × {native} and enlarged" in texts(page.caption)
    press_generate(page)
    (job,) = studio.jobs(kind=TextToImage.kind)
    assert (job.request.width, job.request.enlarged) == (native, 2)

    page.segmented_control(key="size").set_value("Square").run()
    assert f"{native} × {native} pixels" in texts(page.caption)

    page = restored({**job.request.to_dict(), "width": 72, "height": 64, "enlarged": 4, "seed": 1})
    press_generate(page)
    asked = studio.jobs(kind=TextToImage.kind)[0].request
    assert (asked.width, asked.height, asked.enlarged) == (72, 64, 4)


def test_an_error_about_a_size_leaves_when_another_size_is_chosen(open_page):
    page = open_page("generate", prompt="a castle", size="Custom", width="70", height="64")
    press_generate(page)
    assert "70" in texts(page.error)

    page.segmented_control(key="size").set_value("Square").run()
    assert not page.error


def test_an_error_about_a_lora_leaves_when_another_model_is_chosen(open_page, studio, add_lora, tmp_path):
    save_tiny_pipeline(tmp_path / "wide", cross_attention_dim=64)
    studio.add_model(str(tmp_path / "wide"), "wide")
    add_lora("mine")
    page = open_page("generate", prompt="a castle", model="wide", loras="mine")
    press_generate(page)
    assert "mine" in texts(page.error)

    page.selectbox(key="model").set_value("mini").run()
    assert not page.error


def test_refused_fields_are_named_by_the_button_with_a_way_to_each(open_page):
    page = open_page("generate", prompt="a castle", num_images="99", num_inference_steps="9000")
    press_generate(page)

    assert "[Steps](#field-num_inference_steps), [Images](#field-num_images)" in texts(page.error)


def test_earlier_pictures_stay_with_their_recipes_and_a_seed_is_taken_again(open_page, studio, work):
    for prompt, seed in (("a castle", 5), ("a lake", 6)):
        studio.submit(studio.request("text_to_image", {"prompt": prompt, "seed": seed, "num_inference_steps": 1}))
    work()
    earlier = studio.gallery.page().images[1]
    page = open_page("generate", prompt="a harbour")
    assert "a castle" in texts(page.text)  # of the earlier picture; the feed shows the lake

    page.button(key=f"seed_earlier_{earlier.id}").click().run()
    assert page.text_input(key="seed").value == "5"
    assert page.text_area(key="prompt").value == "a harbour"

    page.button(key=f"reuse_earlier_{earlier.id}").click().run()
    assert page.text_area(key="prompt").value == "a castle"


def test_the_examples_are_found_again_after_the_first_picture(open_page, studio, work):
    studio.submit(studio.request("text_to_image", {"prompt": "a castle", "num_inference_steps": 1}))
    work()
    page = open_page("generate")
    page.button(key="example_a volcano by the sea at night").click().run()
    assert page.text_area(key="prompt").value == "a volcano by the sea at night"


def test_a_recipe_of_before_is_read_as_before_until_weights_are_asked_for(restored, studio):
    page = restored({"prompt": "a (castle:1.3)", "width": 64, "height": 64})
    assert "read as by earlier versions" in texts(page.caption)
    press_generate(page)
    button(page, "Read weights").click().run()
    assert "read as by earlier versions" not in texts(page.caption)
    time.sleep(LONGER_THAN_A_DOUBLE_CLICK)
    press_generate(page)

    later, earlier = studio.jobs()
    assert [job.request.prompt for job in (earlier, later)] == ["a (castle:1.3)"] * 2
    assert [job.request.prompt_syntax for job in (earlier, later)] == ["plain", "a1111"]


def test_weights_beyond_the_range_are_refused_on_the_page(open_page, studio):
    page = open_page("generate")
    page.text_area(key="prompt").set_value("(" * 3000 + "castle")
    press_generate(page)
    assert "words may weigh" in texts(page.error)
    assert studio.jobs() == []


def test_the_tokens_of_the_prompt_are_counted_and_chunks_named(open_page):
    page = open_page("generate", prompt="a (castle:1.3)")
    assert "2 of 75 tokens" in texts(page.caption)
    page.text_area(key="prompt").set_value("a castle BREAK a cat").run()
    assert "2 chunks of 75: 4 tokens; the first ends after “…a castle”" in texts(page.caption).replace("\\", "")
