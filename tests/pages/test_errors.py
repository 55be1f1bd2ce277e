"""Errors that no page foresaw."""

from streamlit.testing.v1 import AppTest

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
    page = AppTest.from_function(open_it).run(timeout=30)

    said = texts(page.error).replace("\\", "")
    assert str(home) in said
    assert "Not a directory" in said
