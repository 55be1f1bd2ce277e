"""Shared fixtures: a studio in a temporary folder, with a tiny model loaded through the real loader."""

import gc
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach for the model hub
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes that share the cores; before torch is imported

from engine.settings import TORCH, Settings
from engine.studio import Studio
from gallery import Database

# The same examples in every run; `HYPOTHESIS_PROFILE=default` looks for others.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With `-n`, whole files go to the processes, in their order; tests/e2e shares one studio and stays together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.split("::")[0]
            return "tests/e2e" if path.startswith("tests/e2e/") else path

    config.option.loadscopereorder = False  # it would put the long files, which have few tests, at the end
    return ByFile(config, log)


def pytest_collection_finish() -> None:
    """Take what all tests import out of the search for garbage.

    Streamlit searches everything after each run of a page; with the libraries of all tests imported that takes
    longer than the page itself.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a tiny Stable Diffusion model and a tiny upscaler in the place of the shipped ones."""
    from tests.tiny import save_tiny_pipeline
    from tests.tiny_upscaler import save_compact

    folder = tmp_path_factory.mktemp("weights")
    save_tiny_pipeline(folder / "mini")
    save_compact(folder / "upscalers" / "realesr-animevideov3.safetensors")
    (folder / "loras").mkdir()
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Path:
    """A studio's folder with a finished training of a LoRA named castles; `copy_training` copies it."""
    from tests.captioned import save_captioned, trained_home

    folder = tmp_path_factory.mktemp("trained")
    return trained_home(folder / "home", tiny_weights, save_captioned(folder / "pictures"))


@pytest.fixture
def settings(tmp_path: Path, tiny_weights: Path) -> Settings:
    """Settings of an empty studio folder; PyTorch computes, or what STUDIO_TEST_BACKEND says."""
    backend = os.environ.get("STUDIO_TEST_BACKEND", TORCH)
    return Settings(home=tmp_path / "home", weights_dir=tiny_weights, device="cpu", backend=backend)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file of this version without rows. To copy it costs a fraction of what its migrations cost."""
    file = tmp_path_factory.mktemp("database") / "studio.sqlite3"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    database.dispose()
    return file


@pytest.fixture
def studio(settings: Settings, empty_database: Path) -> Iterator[Studio]:
    """An empty studio without a worker."""
    settings.home.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_database, settings.home)
    studio = Studio(settings)
    yield studio
    studio.database.dispose()


@pytest.fixture
def work(studio: Studio) -> Iterator[Callable[[], None]]:
    """Call it to work off the waiting jobs of the device, in this process, with the real worker code."""
    from engine.jobs.schema import DEVICE_LANES
    from engine.worker import Worker, device_work

    worker = Worker(studio.settings, studio.database)
    _, handlers = device_work(studio.settings, worker.queue, studio.database)

    def work() -> None:
        while any(worker.run_one(lane, handlers) for lane in DEVICE_LANES):
            pass

    yield work
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


@pytest.fixture
def worker_beside(studio: Studio) -> Iterator[None]:
    """A worker at work in this process: a command that waits for its job needs no process of its own.

    Each of those would import everything once more; that they are started is tested where it is the subject.
    """
    from filelock import FileLock

    from engine.jobs.schema import DEVICE_LANES
    from engine.jobs.status import READY, EngineStatus, write_status
    from engine.worker import Worker, device_work

    worker = Worker(studio.settings, studio.database)
    device, handlers = device_work(studio.settings, worker.queue, studio.database)
    write_status(studio.settings.home, EngineStatus(READY, device.name, worker=worker.name))
    thread = threading.Thread(target=worker.serve, args=(DEVICE_LANES, handlers))
    with FileLock(studio.settings.home / "worker.lock"):
        thread.start()
        yield
        worker._stopping.set()  # not `stop`: its last word would end the process of the tests
        thread.join()
