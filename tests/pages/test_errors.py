"""Errors that no page foresaw."""

from streamlit import config, error_util
from streamlit.testing.v1 import AppTest

from gallery.errors import StorageFull
from pages.parts.common import show_unexpected_error
from tests.pages.helpers import texts


def open_it() -> None:
    from pages.parts.common import open_studio, show_unexpected_error

    try:
        open_studio()
    except OSError as error:
        show_unexpected_error(error)


def test_a_studio_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    home = tmp_path / "file" / "home_of_art"
    monkeypatch.setenv("STUDIO_HOME", str(home))
    page = AppTest.from_function(open_it).run(timeout=120)

    said = texts(page.error).replace("\\", "")
    assert str(home) in said
    assert "Not a directory" in said


def test_what_lasts_is_in_the_log_once_however_often_a_page_meets_it(caplog):
    import app  # noqa: F401  (its filter)

    for free in range(40):
        for error in (StorageFull(f"Disk full: {free} MB free."), ZeroDivisionError("unforeseen")):
            error_util.handle_user_script_exception(error, show_unexpected_error)
    said = [record for record in caplog.records if record.name != "streamlit.runtime.scriptrunner_utils"]
    said = [record.getMessage() for record in said if "ScriptRunContext" not in record.getMessage()]
    assert sum("Disk full" in text for text in said) == 1
    assert sum("page failed" in text for text in said) == 1
    assert not [text for text in said if "Uncaught" in text]
    assert not config.get_option("logger.enableRich")
