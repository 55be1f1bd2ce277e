from collections.abc import Callable, Iterator

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from engine.settings import PROJECT
from engine.studio import Studio
from pages.parts import common


@pytest.fixture(scope="session", autouse=True)
def packages_are_scanned_once() -> Iterator[None]:
    """Every AppTest looks for components in all installed packages: most of a page's time, and always the same."""
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda: found)
        yield


@pytest.fixture
def open_page(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    """Opens a page of the whole app, run in this process on the temporary studio."""
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)
    common._studio.cache_clear()

    def open_page(name: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT / "pages" / "navigation.py"), default_timeout=120)
        app.query_params.update(query)
        app.run()
        if name != "generate":
            app.switch_page(f"{name}/page.py")
            app.run()
        assert not app.exception
        return app

    return open_page
