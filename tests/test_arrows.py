"""The arrows between the folders, read from the source: who may import whom."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.settings import PROJECT

HEAVY = {"torch", "diffusers", "transformers", "peft", "accelerate"}

# What may be imported from: a folder or file of the project -> modules that it must not import.
FORBIDDEN = {
    "app.py": HEAVY | {"engine.worker", "engine.device", "engine.images"},
    "pages": HEAVY | {"engine.worker", "engine.device", "engine.images"},
    "gallery": HEAVY | {"streamlit", "engine", "pages"},
    "engine": {"streamlit", "pages", "app"},
    "engine/weights": HEAVY | {"gallery", "engine.diffusion", "engine.jobs"},
    "engine/diffusion": {"gallery", "engine.jobs", "engine.studio"},
    "engine/lora": {"gallery", "engine.jobs", "engine.studio"},
    "engine/mini": {"gallery", "engine.jobs", "engine.studio"},
    "engine/nijigan": {"gallery", "engine.jobs", "engine.studio"},
    "engine/metrics": {"gallery", "engine.jobs", "engine.studio", "engine.training"},
    "engine/training": {"gallery", "engine.jobs", "engine.studio"},
    "engine/scenes": HEAVY | {"gallery", "engine.jobs", "engine.studio", "engine.training"},
    "engine/datasets": {"gallery", "engine.jobs", "engine.studio", "engine.training"},
    "engine/safety": HEAVY | {"gallery", "engine.jobs", "engine.studio"},
    "engine/translation": {"gallery", "engine.jobs", "engine.studio", "engine.training"},
    "engine/translation/catalogue.py": HEAVY,
    "engine/translation/request.py": HEAVY | {"gallery"},
    "engine/diffusion/request.py": HEAVY | {"gallery"},
    "engine/errors.py": HEAVY | {"gallery"},
    "engine/studio.py": HEAVY | {"engine.worker"},
}
GALLERY_USERS = (
    "engine/studio.py",
    "engine/worker.py",
    "engine/__main__.py",
    "engine/in_words.py",
    "engine/jobs/",
    "engine/cli/",
)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(place: str) -> list[Path]:
    path = PROJECT / place
    """Without the jobs of the features: they alone meet queue and gallery."""
    return [path] if path.is_file() else sorted(file for file in path.rglob("*.py") if file.name != "job.py")


@pytest.mark.parametrize("place", FORBIDDEN)
def test_no_arrow_points_the_wrong_way(place):
    assert sources(place)
    wrong = [
        (str(path.relative_to(PROJECT)), name)
        for path in sources(place)
        for name in imports(path)
        if any(name == banned or name.startswith(f"{banned}.") for banned in FORBIDDEN[place])
    ]
    assert wrong == []


def test_only_the_studio_and_the_jobs_use_the_gallery():
    users = {
        path.relative_to(PROJECT).as_posix()
        for path in sources("engine")
        if any(name.split(".")[0] == "gallery" for name in imports(path))
    }
    assert users
    assert {user for user in users if not user.startswith(GALLERY_USERS)} == set()


@pytest.mark.parametrize("module", ["gallery.store", "engine.studio", "engine.__main__", "app"])
def test_the_web_process_never_loads_torch(module):
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "[]", done.stderr
