from tests.pages.helpers import button, press_generate, texts
from tests.tiny_embedding import save_embedding


def test_an_embedding_goes_into_the_prompts_is_counted_and_is_missed_on_restore(open_page, studio, work):
    file = save_embedding(studio.settings.embedding_dir / "ink (2).safetensors", 4)
    save_embedding(studio.settings.embedding_dir / "wide.safetensors", width=768)
    (studio.settings.embedding_dir / "old.pt").write_bytes(b"PK\x03\x04" + bytes(20))
    page = open_page("generate", prompt="a castle", num_inference_steps="1", seed="1")
    assert any("old.pt: " in text.value for text in page.text)
    page.selectbox(key="embedding").set_value("wide").run()
    assert "It is made for Stable Diffusion" in texts(page.warning)
    page.selectbox(key="embedding").set_value("ink (2)").run()
    button(page, "Into the prompt").click().run()
    assert page.text_area(key="prompt").value == r"a castle, ink \(2\)"
    assert "7 of 75 tokens" in texts(page.caption)
    button(page, "Into the negative prompt").click().run()
    assert page.text_input(key="negative_prompt").value == r"ink \(2\)"
    press_generate(page)
    work()
    (record,) = studio.gallery.page().images
    assert [each["name"] for each in record.recipe.embeddings] == ["ink (2)"]
    file.unlink()
    page = open_page("generate", recipe=record.id)
    assert "embedding ink (2) (its name is read as a word)" in texts(page.warning).replace("\\", "")
    save_embedding(studio.settings.embedding_dir / "castle.safetensors", 1)
    page = open_page("generate", recipe=record.id)
    assert "castle as a word (an embedding has its name now)" in texts(page.warning).replace("\\", "")
