import json

import pytest

from tests.pages.helpers import button, press_generate, texts
from tests.tiny_lora import save_lora


@pytest.fixture
def ink(studio):
    """A LoRA with trigger words."""
    path = studio.settings.lora_dir / "Ink_v2.safetensors"
    save_lora(path)
    path.with_suffix(".json").write_text(json.dumps({"trigger_words": ["ink wash", "*sumi*"]}))


def labels(page):
    return [button.label.replace("\\", "") for button in page.button]


def test_a_tag_in_the_prompt_moves_to_the_picker_with_its_weight(open_page, studio, ink):
    page = open_page("generate", prompt="a castle, <lora:ink_v2:0.65>, night <lora:ink_v3:1>")
    said = texts(page.caption).replace("\\", "")
    assert "No LoRA here is called ink_v3. Nearly the same: Ink_v2." in said
    assert [label for label in labels(page) if label.startswith("Use LoRA")] == ["Use LoRA Ink_v2 at 0.65"]

    page.button(key="use_<lora:ink_v2:0.65>").click().run()
    assert page.text_area(key="prompt").value == "a castle, night <lora:ink_v3:1>"
    assert page.slider(key="weight_Ink_v2").value == 0.65
    assert not any(label.startswith("Use LoRA") for label in labels(page))

    page.text_area(key="prompt").set_value("a castle <lora:Ink_v2:-1>").run()
    button(page, r"Use LoRA Ink\_v2 at -1").click().run()
    press_generate(page)
    (job,) = studio.jobs()
    assert job.request.prompt == "a castle"
    assert [(lora.name, lora.weight) for lora in job.request.loras] == [("Ink_v2", -1)]


def test_a_tag_in_a_prompt_that_is_read_plainly_is_not_offered(open_page, ink):
    page = open_page("generate", prompt="a castle <lora:ink_v2:0.65>", prompt_syntax="plain")
    assert not any(label.startswith("Use LoRA") for label in labels(page))


def test_trigger_words_are_on_while_the_prompt_has_them(open_page, ink):
    page = open_page("generate", prompt="an INK WASH castle", loras="Ink_v2")
    (pills,) = [group for group in page.button_group if group.key == "triggers_Ink_v2"]
    assert pills.value == ["ink wash"]

    pills.set_value(["*sumi*"]).run()
    assert page.text_area(key="prompt").value == "an castle, *sumi*"
    page.text_area(key="prompt").set_value("a castle, ink wash").run()
    (pills,) = [group for group in page.button_group if group.key == "triggers_Ink_v2"]
    assert pills.value == ["ink wash"]
    pills.set_value([]).run()
    assert page.text_area(key="prompt").value == "a castle"
    assert not page.exception
