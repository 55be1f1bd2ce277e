from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from engine.settings import PROJECT
from engine.studio import Studio
from pages import common


@pytest.fixture
def open_page(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    """Opens a page of the whole app, run in this process on the temporary studio."""
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)
    common._studio.cache_clear()

    def open_page(name: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT / "pages" / "navigation.py"), default_timeout=30)
        app.query_params.update(query)
        app.run()
        if name != "generate":
            app.switch_page(f"{name}.py")
            app.run()
        assert not app.exception
        return app

    return open_page
