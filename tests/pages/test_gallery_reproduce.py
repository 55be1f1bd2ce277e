from tests.pages.helpers import button, texts


def test_a_picture_is_made_again_and_compared(open_page, studio, work):
    studio.submit(studio.request("text_to_image", {"prompt": "a castle", "seed": 5, "num_inference_steps": 1}))
    work()
    record = studio.gallery.page().images[0]
    page = open_page("gallery", image=record.id)
    button(page, "Reproduce").click().run()
    assert "Again, to compare: a castle" in texts(page.markdown).replace("\\", "")

    work()
    page.run()
    assert "Identical" in texts(page.success)
    assert studio.gallery.count() == 1

    studio.gallery.path(record.id).unlink()
    page = open_page("gallery", image=record.id)  # another visit: here, a press so soon is a double click
    button(page, "Reproduce").click().run()
    assert "is not in" in texts(page.error)
