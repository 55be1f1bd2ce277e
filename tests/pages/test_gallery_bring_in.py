from engine.jobs.schema import FETCH
from engine.worker import Worker, fetch_work
from tests.engine.importing.test_importing import PARAMETERS, pixels, png
from tests.gallery.samples import picture, recipe
from tests.pages.helpers import button, jumps, texts


def test_a_folder_is_brought_in_from_the_gallery(open_page, studio, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.png").write_bytes(png(pixels(), PARAMETERS))
    (tmp_path / "in" / "bad_one.png").write_text("none")
    page = open_page("gallery")
    page.text_input(key="bring_in_folder").set_value(str(tmp_path / "gone")).run()
    button(page, "Bring in").click().run()
    assert "is none" in texts(page.error)
    assert jumps(page) == ["bring_in_f"]
    page.text_input(key="bring_in_folder").set_value(str(tmp_path / "in")).run()
    button(page, "Bring in").click().run()
    assert "Bringing in" in texts(page.markdown)

    worker = Worker(studio.settings, studio.database)
    worker.run_one(FETCH, fetch_work(studio.settings, worker.queue, studio.database))
    page.run()
    said = texts(page.markdown).replace("\\", "")
    assert "1 picture is new in the gallery; 1 of them say how they were made." in said
    assert "bad_one.png is not a PNG, JPEG or WebP picture" in said

    (record,) = studio.gallery.page().images
    page.button(key=f"open_{record.id}").click().run()
    assert "people" in texts(page.code)
    assert {"AUTOMATIC1111", "Euler a", "dreamy", "ink \\(0\\.8\\)", "one\\.png"} <= set(page.table[0].value.iloc[:, 0])


def test_a_dialog_stays_open_when_what_is_brought_in_is_there(open_page, studio, tmp_path):
    kept = studio.gallery.save(picture(1), recipe("a castle", seed=1)).id
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "one.png").write_bytes(png(pixels(), PARAMETERS))
    page = open_page("gallery")
    page.text_input(key="bring_in_folder").set_value(str(folder)).run()
    button(page, "Bring in").click().run()
    page.button(key="select").click().run()
    next(box for box in page.checkbox if box.key.endswith(kept)).check().run()
    page.button(key="mark_many").click().run()
    page.text_input(key="many_tags").set_value("evening").run()

    worker = Worker(studio.settings, studio.database)
    worker.run_one(FETCH, fetch_work(studio.settings, worker.queue, studio.database))
    page.run()  # as the watched job's end has it
    assert "1 picture is new" in texts(page.markdown)
    assert page.text_input(key="many_tags").value == "evening"
    button(page, "Add tags").click().run()
    assert not [field for field in page.text_input if field.key == "many_tags"]
    assert list(studio.gallery.get(kept).tags) == ["evening"]

    page.button(key="take_many").click().run()
    assert button(page, "None")
    page.query_params["image"] = kept  # the browser's Back
    page.run()
    button(page, "Back to the gallery").click().run()
    assert not [field for field in page.text_input if field.key == "zip_pattern"]
