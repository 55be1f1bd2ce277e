"""Trainings of networks to explore, from the page through the worker to Explore's list."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.jobs.schema import CANCELLED, SUCCEEDED
from engine.latent.catalogue import explorers, own_folder
from engine.latent.pictures import kept_pictures
from engine.latent.requests import TrainNetwork
from engine.latent.runs import runs_folder
from engine.studio import Studio
from tests.pages.helpers import button, texts
from tests.tiny_networks import save_pictures


def opened(open_page: Callable[..., AppTest], what: str, dataset: Path) -> AppTest:
    page = open_page("train")
    page.query_params["dataset"] = str(dataset)
    return page.segmented_control(key="what").set_value(what.lower()).run()


def test_a_gan_is_trained_from_the_page_and_stands_on_explore(
    open_page: Callable[..., AppTest], studio: Studio, work: Callable[[], None], tmp_path: Path
) -> None:
    page = opened(open_page, "GAN", save_pictures(tmp_path / "pictures"))
    page.segmented_control(key="preset_gan").set_value("cpu").run()
    page.number_input(key="steps_gan_cpu").set_value(2)
    page.number_input(key="batch_gan_cpu").set_value(2)
    page.segmented_control(key="scales_gan_cpu").set_value("progressive").run()
    assert "fade_pictures must be from 0 to 0, so that all has grown" in texts(page.error).replace("\\", "")
    page.segmented_control(key="scales_gan_cpu").set_value("multi")
    page.text_input(key="network_name_gan").set_value("../mine").run()
    button(page, "Train").click().run()
    assert "A name has 1 to 60 letters" in texts(page.error).replace("\\", "")
    assert not studio.jobs()
    page.text_input(key="network_name_gan").set_value("mine").run()
    button(page, "Train").click().run()
    (job,) = studio.jobs()
    work()
    assert studio.job(job.id).state == SUCCEEDED, studio.job(job.id).error
    (found,) = explorers(studio.settings)
    assert (found.name, found.problem) == ("mine", "")
    assert "judged at all sizes" in found.about.source
    page.run()
    assert not page.exception
    assert "Finished after 2 steps" in texts(page.caption)
    assert "Go on" not in [each.label for each in page.button]
    for path in own_folder(studio.settings).iterdir():
        path.unlink()
    page.run()
    assert "Finished" not in texts(page.caption)
    button(page, "Go on").click().run()
    work()
    assert [each.name for each in explorers(studio.settings)] == ["mine"]


def test_a_training_that_is_paused_can_go_on(
    open_page: Callable[..., AppTest], studio: Studio, tmp_path: Path, work: Callable[[], None]
) -> None:
    page = opened(open_page, "beta-VAE", save_pictures(tmp_path / "pictures", 8))
    page.segmented_control(key="preset_beta-vae").set_value("cpu").run()
    page.number_input(key="steps_beta-vae_cpu").set_value(1)
    page.number_input(key="batch_beta-vae_cpu").set_value(2).run()
    button(page, "Train").click().run()
    (job,) = studio.jobs()
    studio.cancel(job.id)  # it waits, so it is over at once
    assert studio.job(job.id).state == CANCELLED
    page.run()
    button(page, "Go on").click().run()
    work()
    assert [each.name for each in explorers(studio.settings)] == ["my-beta-vae"]
    assert kept_pictures(runs_folder(studio.settings) / job.request.run) is not None
    assert {each.state for each in studio.jobs(kind=TrainNetwork.kind)} == {CANCELLED, SUCCEEDED}


@pytest.mark.parametrize("what", ["beta-VAE", "GAN"])
def test_too_few_pictures_are_said_before_anything_begins(
    what: str, open_page: Callable[..., AppTest], tmp_path: Path
) -> None:
    page = opened(open_page, what, save_pictures(tmp_path / "pictures", 1))
    assert "pictures or more; pictures holds 1 picture" in texts(page.error).replace("\\", "")
    assert "Train" not in [each.label for each in page.button]
