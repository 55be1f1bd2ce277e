"""Templates on their way through the queue: each picture keeps its own words and the template."""

import pytest
from PIL import Image

from engine.diffusion.request import TextToImage
from engine.errors import InvalidRequest
from gallery.metadata import read_recipe

VALUES = {"num_inference_steps": 1, "width": 64, "height": 64, "seed": 5}


def drawn(studio, work, **values):
    job = studio.submit(studio.request("text_to_image", {**VALUES, **values}))
    work()
    return job, [record.recipe.request for record in studio.gallery.of_job(job.id)]


def test_each_picture_has_the_words_of_its_own_seed_and_is_the_same_alone(studio, work):
    wildcard = studio.settings.home / "wildcards" / "place.txt"
    wildcard.parent.mkdir()
    wildcard.write_text("sea\nlake\nriver\nwood\n")
    typed = {"prompt": "a {red|blue|green|white} __place__", "negative_prompt": "{dark|grey|brown}"}
    job, recipes = drawn(studio, work, num_images=4, **typed)

    prompts = [recipe["prompt"] for recipe in recipes]
    assert len(set(prompts)) > 1
    assert prompts == list(job.request.prompts)
    assert studio.title(job) == typed["prompt"]
    for recipe in recipes:
        assert recipe["prompt_template"] == typed["prompt"]
        assert recipe["negative_prompt_template"] == typed["negative_prompt"]
        assert "prompts" not in recipe
    image = studio.gallery.of_job(job.id)[2]
    assert image.title == prompts[2]
    assert read_recipe(studio.gallery.png(image.id)).request == recipes[2]

    _, (alone,) = drawn(studio, work, **typed | {"seed": 7})
    assert (alone["prompt"], alone["negative_prompt"]) == (prompts[2], recipes[2]["negative_prompt"])

    wildcard.unlink()  # a file that changes later changes nothing that was queued or drawn
    again = studio.submit(studio.request("text_to_image", {**image.recipe.request, "num_images": 3}))
    work()
    assert studio.gallery.of_job(again.id)[2].recipe.prompt == prompts[2]


def test_the_picture_is_that_of_its_words_bit_for_bit(studio, work):
    def pictures(job):
        return [Image.open(studio.gallery.path(record.id)).tobytes() for record in studio.gallery.of_job(job.id)]

    job, recipes = drawn(studio, work, prompt="{a castle|a cat|two dogs}", num_images=3)
    assert len({recipe["prompt"] for recipe in recipes}) > 1
    for index, recipe in enumerate(recipes):
        plain, _ = drawn(studio, work, prompt=recipe["prompt"], seed=5 + index)
        assert pictures(plain) == [pictures(job)[index]]


def test_words_that_were_queued_before_stay_as_they_are_also_with_signs_in_them(studio, work):
    before = TextToImage(
        prompt="a {red|blue} __sea__", width=64, height=64, model="mini", num_inference_steps=1, seed=1
    )
    job = studio.submit(before)
    work()
    (record,) = studio.gallery.of_job(job.id)
    assert record.recipe.prompt == "a {red|blue} __sea__"
    assert studio.kinds.read("text_to_image", {**record.recipe.request}) == before


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": "a {b"}, {"prompt": "Prompt: Each { needs its }"}),
        (
            {"prompt": "a", "negative_prompt": "__no__"},
            {"negative_prompt": "Negative prompt: The wildcard __no__ needs"},
        ),
        ({"prompt": "{a", "model": "none"}, {"prompt": "Each { needs", "model": "none"}),
        ({"prompt": "{a", "seed": -1}, {"seed": "Seed must be"}),
        ({"prompt": "{", "num_inference_steps": 0}, {"prompt": "Each { needs", "num_inference_steps": "Steps"}),
        ({"prompt": "{ | }"}, {"prompt": "must not be empty"}),
        ({"prompt": "{" * 10_000}, {"prompt": "may have 4000 characters; got 10000"}),
    ],
)
def test_what_is_wrong_with_a_template_is_said_beside_all_else(studio, values, said):
    with pytest.raises(InvalidRequest) as caught:
        studio.submit(studio.request("text_to_image", {**VALUES, **values}))
    found = {problem.field: problem.message for problem in caught.value.problems}
    assert found.keys() == said.keys()
    for field, words in said.items():
        assert words in found[field]
    assert studio.jobs() == []
