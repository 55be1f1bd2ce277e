"""The arrows between the folders: the contracts of .importlinter, and what processes really load."""

import subprocess
import sys
from pathlib import Path

from engine.settings import PROJECT

DATASETS = (PROJECT / "engine" / "datasets").rglob("[!_]*.py")
RUNS = ("config", "memory", "plan", "progress")
WEIGHTS = ("models", "loras", "hub", "hashes")
HEAVY = {"torch", "diffusers", "transformers", "peft", "accelerate"}
LIGHT = {f"engine.weights.{name}": HEAVY | {"huggingface_hub"} for name in WEIGHTS} | dict.fromkeys(
    (
        "gallery.store",
        *(f"engine.lora.runs.{name}" for name in RUNS),
        "engine.translation.catalogue",
        *sorted(".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in DATASETS),
        "engine.studio",
        "engine.__main__",
        "app",
        "pages.kinds",
    ),
    HEAVY,
)


def test_the_contracts_hold():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_every_part_of_the_engine_stands_in_the_layers():
    contracts = (PROJECT / ".importlinter").read_text()
    layers = contracts.split("layers =")[1].split("[importlinter")[0].replace("|", " ").replace(":", " ").split()
    parts = {path.stem for path in (PROJECT / "engine").iterdir() if path.suffix == ".py" or path.is_dir()}

    assert {f"engine.{part}" for part in parts - {"__init__", "__pycache__"}} == set(layers) - {"pages", "gallery"}


def test_the_web_process_never_loads_torch():
    """One process, for each would import the same once more; the first that loads it is named."""
    code = "import sys\n" + "".join(
        f"import {module}\nprint({module!r}, sorted({heavy!r} & set(sys.modules)))\n" for module, heavy in LIGHT.items()
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=120)

    assert done.stdout.splitlines() == [f"{module} []" for module in LIGHT], done.stderr
