"""The command line, run as a user runs it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.jobs.schema import CANCELLED, DRAW, RUNNING, SUCCEEDED
from engine.jobs.status import READY, EngineStatus, worker_name, write_status
from engine.settings import PROJECT, Settings
from engine.studio import Studio
from engine.worker import Worker, device_work
from gallery.metadata import read_digital_source, read_recipe
from tests.tiny_lora import save_lora

COMMAND = (sys.executable, "-m", "engine")


@dataclass
class Said:
    """What a command said, and how it ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    def failed_in_one_line(self, *words: str) -> None:
        assert self.code == 1
        assert self.stdout == ""
        assert len(self.stderr.splitlines()) == 1, self.stderr
        for word in words:
            assert word in self.stderr


@pytest.fixture
def run(studio, monkeypatch, capsys) -> Callable[..., Said]:
    """Run a command in this process, on the test's studio."""
    for name, value in studio.settings.to_environment().items():
        if name.startswith("STUDIO_"):
            monkeypatch.setenv(name, value)

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(words)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, tiny_weights) -> Path:
    """The folder of a studio that has drawn three pictures: a castle twice, then a cat."""
    studio = Studio(Settings(home=tmp_path_factory.mktemp("drawn") / "home", weights_dir=tiny_weights, device="cpu"))
    worker = Worker(studio.settings, studio.database)
    _, handlers = device_work(studio.settings, worker.queue, studio.database)
    for prompt, count in (("=a castle, red", 2), ("a cat\non a mountain", 1)):
        values = {"prompt": prompt, "num_images": count, "num_inference_steps": 1, "seed": 7}
        studio.submit(studio.request("text_to_image", values))
        worker.run_one(DRAW, handlers)
    studio.database.dispose()
    return studio.settings.home


@pytest.fixture
def pictures(studio, drawn):
    """Its pictures, in the test's studio."""
    studio.database.dispose()
    shutil.copytree(drawn, studio.settings.home, dirs_exist_ok=True)
    return studio.gallery.page().images


@pytest.fixture
def started_in() -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a command that goes on by itself."""
    processes = []

    def start(studio: Studio, *words: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=PROJECT,
            env={**studio.settings.to_environment(), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_until(true: Callable[[], object], seconds: float = 150) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def running(studio: Studio) -> bool:
    return any(job.state == RUNNING and job.step for job in studio.jobs())


# -- lists


def test_models_and_loras_are_listed(run):
    assert "mini" in run("models").stdout
    names = {row["name"]: row for row in run("models", "--json").rows}
    assert (names["mini"]["available"], names["sd21"]["available"]) == (True, False)
    assert run("loras").code == run("loras", "--json").code == 0


def test_jobs_are_listed(run, pictures):
    rows = run("jobs", "--json").rows
    assert [(row["state"], row["request"]["prompt"]) for row in rows] == [
        (SUCCEEDED, "a cat\non a mountain"),
        (SUCCEEDED, "=a castle, red"),
    ]
    assert len(run("jobs").stdout.splitlines()) == 2


# -- errors


def test_wrong_values_are_all_named_in_one_line_and_nothing_is_queued(run, studio):
    for json_too in ([], ["--json"]):
        run("generate", " ", "--steps", "500", "--width", "9", *json_too).failed_in_one_line(
            "Prompt must not be empty", "got 500; ", "Width must be a multiple of 8; got 9"
        )
    assert studio.jobs() == []


def test_loras_are_given_by_name_and_weight(run):
    result = run("generate", "a castle", "--lora", "style:9", "--lora", "a:b", "--model", "none")
    result.failed_in_one_line("There is no model named 'none'", "named 'style'", "named 'a:b'", "got 9")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ("generate", "a", "--fit", "pad", "--feather", "4"),
            "--fit is about a picture to begin with, and none is named; got pad. Add --image FILE, or leave --fit out; "
            "--feather is about",
        ),
        (("generate", "a", "--mask", "m.png"), "--mask is about a picture to begin with"),
        (("generate", "a", "--image", "{png}", "--area", "part"), "Add --mask FILE or --extend, or leave it out."),
        (
            ("generate", "a", "--image", "{png}", "--extend", "8,0,0,0", "--fit", "pad"),
            "in the picture's own size; got",
        ),
        (("grid", "a", "--x", "seed=1,2", "--strength", "0.4"), "--strength is about a picture to begin with"),
        (("grid", "a", "--x", "seed=1,2", "--style", "none such", "--json"), "none such"),
        (("grid", "a", "--x", "seed=1,2", "--variation-strength", "7", "--variation-seed", "-1"), "got 7"),
        (("upscale", "{png}", "--prompt", "a lake"), "got 'a lake'. Add --redraw-strength 0.2 or more"),
        (("queue", "cancel-all", "--yes", "--kind", "drawing"), "got 'drawing'"),
    ],
)
def test_options_that_would_count_for_nothing_are_refused(run, tmp_path, words, reason):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    run(*(word.replace("{png}", str(tmp_path / "a.png")) for word in words)).failed_in_one_line(reason)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("generate", "a castle", "--steps", "many"), "Invalid value for '--steps'"),
        (("generate",), "Say what to draw, or name a --preset"),
        (("generat", "a castle"), "Did you mean 'generate'"),
        (("gallery", "list", "--limit", "0"), "greater than or equal to 1"),
        (("gallery", "export", "x", "--format", "gif"), "'gif'"),
    ],
)
def test_wrong_options_are_told_in_one_line(run, words, reason):
    result = run(*words)

    assert result.code == 2
    assert len(result.stderr.splitlines()) == 1
    assert reason in result.stderr


def test_an_unknown_job_cannot_be_cancelled(run):
    run("cancel", "nope").failed_in_one_line("no job with the id 'nope'")


def test_a_missing_folder_is_no_model(run):
    run("add-model", "/no/such/folder").failed_in_one_line("/no/such/folder")


def test_a_wrong_setting_is_explained(run, monkeypatch):
    monkeypatch.setenv("STUDIO_QUEUE_LIMIT", "many")
    run("jobs").failed_in_one_line("STUDIO_QUEUE_LIMIT must be a number; got 'many'")


def test_a_home_that_cannot_be_is_told(run, tmp_path):
    (tmp_path / "file").write_text("")
    run("models", "--home", str(tmp_path / "file")).failed_in_one_line(str(tmp_path / "file"))
    run("models", "--home", "/proc/nope").failed_in_one_line("/proc/nope")


def test_a_file_that_is_no_database_is_told(run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/studio.sqlite3").write_text("no database, " * 100)
    run("jobs", "--home", str(tmp_path / "other")).failed_in_one_line("file is not a database")


def test_a_worker_that_cannot_work_is_no_endless_wait(run, studio, monkeypatch):
    monkeypatch.setenv("STUDIO_DEVICE", "cuda:99")
    result = run("generate", "a castle", "--json")

    result.failed_in_one_line("cuda:99", "STUDIO_DEVICE")
    assert [job.state for job in studio.jobs()] == [CANCELLED]


# -- drawing


def test_generate_without_a_running_studio_prints_one_object_for_each_image(run, studio, tmp_path):
    # A status that somebody alive left behind: no reason to wait for a worker that is not there.
    write_status(studio.settings.home, EngineStatus(READY, worker=worker_name()))
    words = ("--steps", "2", "--count", "2", "--seed", str(2**64 - 1), "--negative", "red", "--scheduler", "Euler")
    save_lora(studio.settings.lora_dir / "My ink.safetensors")
    prompt = "a cute castle <lora:my ink:0.8>"
    result = run("generate", prompt, *words, "--out", str(tmp_path / "out"), "--json")

    tag, unknown, option = result.stderr.splitlines()  # before the drawing, and not again after it
    assert (result.code, unknown.partition(" does")[2]) == (0, " not know these words: cute.")
    assert "applies nothing" in tag
    assert option == "To apply <lora:my ink:0.8>, take it out and add --lora 'My ink:0.8'."
    assert [row["seed"] for row in result.rows] == [2**64 - 1, 0]
    for row in result.rows:
        assert set(row) == {"id", "path", "seed", "width", "height", "sha256", "file_sha256", "seconds", "embeddings"}
        path = Path(row["path"])
        assert path.parent == tmp_path / "out"
        assert row["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        pixels = np.asarray(Image.open(path).convert("RGB"))
        assert pixels.shape == (row["height"], row["width"], 3)
        assert row["sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()
        assert row["seconds"] > 0
        recipe = read_recipe(path)
        assert read_digital_source(path) == "trainedAlgorithmicMedia"
        assert (recipe.seed, recipe.negative_prompt, recipe.request["scheduler"]) == (row["seed"], "red", "Euler")
        assert studio.gallery.get(row["id"]).seed == row["seed"]


@pytest.mark.timeout(400)  # two workers and a command start, on a busy machine
def test_a_command_outlives_the_studio_beside_it_and_ctrl_c_cancels_its_job(settings, started_in):
    """The studio's worker draws while there is one; when the studio stops, the command's own goes on."""
    studio = Studio(replace(settings, drain_seconds=0.5))
    beside = studio.supervisor()
    beside.start()
    try:
        wait_until(lambda: studio.engine().state == READY)
        worker = studio.engine().worker
        process = started_in(studio, "generate", "a castle", "--steps", "150", "--count", "8", "--seed", "1")
        wait_until(lambda: running(studio))
        assert studio.engine().worker == worker
    finally:
        beside.stop()
    (job,) = studio.jobs()
    assert not job.ended
    drawn = len(studio.gallery.of_job(job.id))
    wait_until(lambda: len(studio.gallery.of_job(job.id)) > drawn)
    assert studio.engine().worker != worker
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "Traceback" not in errors
    assert studio.job(job.id).state == CANCELLED
    seeds = [image.seed for image in studio.gallery.of_job(job.id)]
    assert seeds == list(range(1, len(seeds) + 1))
    studio.database.dispose()


# -- gallery


def test_images_are_listed_newest_first(run, pictures):
    rows = run("gallery", "list", "--json").rows
    assert [row["id"] for row in rows] == [picture.id for picture in pictures]
    assert [row["prompt"][:6] for row in rows] == ["a cat\n", "=a cas", "=a cas"]
    assert all(Path(row["path"]).is_file() for row in rows)
    assert len(run("gallery", "list").stdout.splitlines()) == 3


def test_a_list_may_be_short_or_searched(run, pictures):
    assert [row["id"] for row in run("gallery", "list", "--json", "--limit", "2").rows] == [p.id for p in pictures[:2]]
    assert [row["id"] for row in run("gallery", "list", "--json", "--search", "castle").rows] == [
        picture.id for picture in pictures[1:]
    ]
    assert run("gallery", "list", "--search", "dragon").stdout == ""


def test_images_are_marked_and_listed_by_marks_and_filters(run, pictures):
    a, b, c = (picture.id for picture in pictures)
    said = run("gallery", "mark", a, b, "--favourite", "--rating", "4", "--tag", "Harbour", "--board", "Night").stdout
    assert said.splitlines() == [
        "favourite: 2 images changed.",
        "rating 4: 2 images changed.",
        "tagged: 2 images changed.",
        "on Night: 2 images changed.",
    ]
    assert run("gallery", "boards").stdout.split()[1:] == ["2", "images", "Night"]
    run("gallery", "mark", b, "--rating", "0", "--untag", "harbour", "--off-board", "Night", "--no-favourite")
    for asked in (["--favourite"], ["--rating", "3"], ["--tag", "harbour"], ["--board", "Night"]):
        assert [row["id"] for row in run("gallery", "list", "--json", *asked).rows] == [a], asked
    model = pictures[0].model
    listed = run("gallery", "list", "--json", "--model", model, "--sort", "oldest", "--since", "2026-01-01").rows
    assert [row["id"] for row in listed] == [c, b, a]
    assert run("gallery", "list", "--json", "--seed", "12345678901").rows == []
    assert run("gallery", "list", "--commercial-use").stdout == ""  # the tiny model's licence is not known
    colour = pictures[0].colours[0]
    listed = run("gallery", "list", "--json", "--colour", colour.upper(), "--sort", "oldest").rows
    assert [row["id"] for row in listed] == [each.id for each in reversed(pictures) if colour in each.colours]
    for words, told in (
        (("list", "--colour", "mauve"), "beige; got 'mauve'. Name one of these."),
        (("list", "--board", "Noon"), "No board is called 'Noon'. The boards are: 'Night'."),
        (("mark", a), "Name what to do"),
        (("mark", c, "--favourite", "--off-board", "Noon"), "No board is called 'Noon'"),
        (("list", "--until", "9999-12-31"), "A day is from 1970-01-01 to 9000-12-31"),
        (("mark", a, "--tag", "x" * 41), "A tag has 1 to 40 characters"),
        (("mark", "nonsense", "--favourite"), "No image has the id 'nonsense'"),
    ):
        refused = run("gallery", *words)
        assert (refused.code, told in refused.stderr) == (1, True), refused
    assert [row["id"] for row in run("gallery", "list", "--json", "--favourite").rows] == [a]


def test_long_lists_are_read_in_pages(run, pictures, monkeypatch):
    monkeypatch.setattr("engine.cli.gallery.PAGE", 2)
    assert [row["id"] for row in run("gallery", "list", "--json").rows] == [picture.id for picture in pictures]


def metadata(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]


def test_export_copies_the_pictures_with_their_recipes(run, studio, pictures, tmp_path):
    assert run("gallery", "export", str(tmp_path / "all")).stdout.startswith("3 images")
    for picture, row in zip(pictures, metadata(tmp_path / "all"), strict=True):
        assert (tmp_path / "all" / row["file_name"]).read_bytes() == studio.gallery.png(picture.id)
        assert row["recipe"]["request"]["prompt"] == row["prompt"] == picture.title
    names = {path.name for path in (tmp_path / "all").iterdir()}
    assert names == {f"{picture.id}.png" for picture in pictures} | {"metadata.jsonl"}


@pytest.mark.parametrize("form", ["jpg", "webp"])
def test_export_in_smaller_files_adds_to_what_is_there(run, pictures, tmp_path, form):
    for words in (("--search", "cat"), ("--search", "castle"), ("--search", "castle")):
        assert run("gallery", "export", str(tmp_path), "--format", form, "--quality", "60", *words).code == 0
    rows = metadata(tmp_path)
    assert {row["file_name"] for row in rows} == {f"{picture.id}.{form}" for picture in pictures}
    assert len(rows) == 3
    for row in rows:
        assert read_recipe(tmp_path / row["file_name"]).seed == row["seed"]


def test_export_writes_workflows_signatures_and_what_licences_allow(run, studio, pictures, tmp_path):
    pytest.importorskip("c2pa", reason="signing is optional")
    assert run("gallery", "export", str(tmp_path), "--comfyui", "--sign", "--search", "cat").code == 0
    (row,) = metadata(tmp_path)
    graph = json.loads((tmp_path / f"{row['id']}.comfyui.json").read_text())
    assert row["title"] in [node["inputs"].get("text") for node in graph.values()]
    assert any("not the same pixels" in note for note in row["comfyui"])
    assert (row["licence"], row["commercial_use"]) == (["unknown"], None)
    data = (tmp_path / row["file_name"]).read_bytes()
    assert b"c2pa" in data
    assert read_recipe(data).prompt == row["prompt"]


def test_chosen_pictures_are_exported_as_a_zip_and_a_contact_sheet(run, studio, pictures, tmp_path):
    chosen = [word for picture in pictures[:2] for word in ("--id", picture.id)]
    names = ("--pattern", "{title}_{seed}")
    said = run("gallery", "export", "--zip", str(tmp_path / "a.zip"), *chosen, *names, "--recipes", "json")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        rows = json.loads(archive.read("recipes.json"))
    assert said.stdout.startswith("2 images")
    assert [(row["file_name"], row["id"]) for row in rows] == [
        ("a-cat-on-a-mountain_7.png", pictures[0].id),
        ("a-castle-red_8.png", pictures[1].id),
    ]

    assert run("gallery", "export", str(tmp_path / "f"), *names, "--contact-sheet", str(tmp_path / "s.pdf")).code == 0
    assert {path.name for path in (tmp_path / "f").glob("*.png")} == {
        "a-cat-on-a-mountain_7.png",
        "a-castle-red_7.png",
        "a-castle-red_8.png",
    }
    assert (tmp_path / "s.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "Name a folder, or --zip FILE"),
        (("x", "--pattern", "{sead}"), "got {sead}"),
        (("x", "--id", "nope"), "No image has the id 'nope'"),
        (("x", "--id", "nope", "--search", "cat"), "Leave one out"),
        (("--contact-sheet", "x.gif"), ".pdf or .png"),
    ],
)
def test_an_export_that_cannot_be_is_told_in_one_line(run, tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    run("gallery", "export", *words).failed_in_one_line(reason)


def test_a_damaged_picture_is_named_and_the_others_are_exported(run, studio, pictures, tmp_path):
    studio.gallery.path(pictures[1].id).write_bytes(b"gone")
    result = run("gallery", "export", str(tmp_path))

    assert (result.code, result.stdout[:8]) == (1, "2 images")
    assert len(result.stderr.splitlines()) == 1
    assert pictures[1].id in result.stderr
    assert [row["id"] for row in metadata(tmp_path)] == [pictures[0].id, pictures[2].id]


def test_a_folder_with_other_metadata_is_left_as_it_is(run, pictures, tmp_path):
    (tmp_path / "metadata.jsonl").write_text("mine\n")
    run("gallery", "export", str(tmp_path)).failed_in_one_line("metadata.jsonl is not of an earlier export")
    assert (tmp_path / "metadata.jsonl").read_text() == "mine\n"


def test_the_gallery_is_checked(run, studio, pictures):
    assert run("gallery", "check").stdout == "3 images were compared with their files.\n"
    studio.gallery.path(pictures[0].id).unlink()
    assert f"1 image whose file is gone: {pictures[0].id}" in run("gallery", "check").stdout
    assert run("gallery", "check", "--rebuild").stdout.startswith("0 images were taken")


# -- scenes


def test_scenes_are_painted(run, tmp_path):
    words = ("scenes", "--count", "2", "--out", str(tmp_path), "--size", "64", "--seed", "3", "--look", "ink")
    assert run(*words).stdout.startswith("2 pictures were written")
    assert [row["file_name"] for row in metadata(tmp_path)] == ["000000.png", "000001.png"]
    assert "2 were in" in run(*words).stdout
    run(*words[:-1], "oil").failed_in_one_line("look must be one of")


def test_environment_is_not_needed_with_a_home(tmp_path):
    variables = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    command = [*COMMAND, "jobs", "--json", "--home", str(tmp_path / "home")]
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "home/studio.sqlite3").is_file()
