"""Words of templates where a job is asked for once more."""

import pytest

from engine.errors import InvalidRequest
from engine.prompting.styles import Style, Styles
from engine.prompting.templates import resolve
from engine.prompting.wildcards import Wildcards

VALUES = {"num_inference_steps": 1, "width": 64, "height": 64, "seed": 5, "num_images": 2}
TYPED = "a {" + "|".join(f"thing{number}" for number in range(50)) + "}"


def test_new_seeds_draw_new_words_of_the_same_template(studio):
    Styles(studio.settings.home).save("ink", Style("ink"))
    typed = {"prompt": TYPED, "negative_prompt": r"\{plain\}", "styles": ("ink",)}
    first = studio.submit(studio.request("text_to_image", VALUES | typed))
    again = studio.again(first.id, new_seed=True).request

    assert (again.prompt_template, again.styles) == (TYPED, ("ink",))
    assert again.seed != first.request.seed
    seeds = (again.seed, again.seed + 1)
    assert again.prompts == tuple(resolve(f"{TYPED}, ink", seed, Wildcards(studio.settings.home)) for seed in seeds)
    assert again.prompt == again.prompts[0]
    assert (again.negative_prompt, again.negative_prompt_template) == ("{plain}", None)


def test_new_seeds_leave_words_without_a_template_as_they_are(studio):
    first = studio.submit(studio.request("text_to_image", VALUES | {"prompt": r"a \{cat\}", "negative_prompt": "dogs"}))
    again = studio.again(first.id, new_seed=True).request
    assert (again.prompt, again.negative_prompt, again.prompt_template) == ("a {cat}", "dogs", None)


def test_new_seeds_of_a_template_that_cannot_be_drawn_any_more_are_refused_in_words(studio):
    wildcard = studio.settings.home / "wildcards" / "place.txt"
    wildcard.parent.mkdir()
    wildcard.write_text("sea\nlake\n")
    first = studio.submit(studio.request("text_to_image", VALUES | {"prompt": "a __place__"}))
    wildcard.unlink()
    with pytest.raises(InvalidRequest, match="The wildcard __place__ needs a file"):
        studio.again(first.id, new_seed=True)
    assert studio.again(first.id).request == first.request


def test_a_grid_keeps_its_words_under_new_seeds_and_claims_no_template_for_them(studio):
    base = {name: value for name, value in VALUES.items() if name != "num_images"} | {"prompt": TYPED}
    values = {"base": base, "axes": [{"name": "guidance", "values": ["3", "5"]}]}
    first = studio.submit(studio.request("grid", values))
    again = studio.again(first.id, new_seed=True).request.base
    assert first.request.base.prompt_template == TYPED
    assert (again.prompt, again.prompt_template) == (first.request.base.prompt, None)
    assert again.seed != 5
