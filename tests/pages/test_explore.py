"""The Explore page: sliders that redraw, what is kept and comes back, walks, and what is said where nothing works."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.errors import InvalidRequest
from engine.latent.catalogue import explorer, explorers, own_folder
from engine.latent.exploring import LIMIT, animation, load_space, mixed, strip, walk
from engine.latent.requests import STRIP, Explored, explored
from engine.studio import Studio
from tests.pages.helpers import button, texts
from tests.tiny_networks import BETA_VAE, GAN, save_pictures, trained_network

VAE_NAME, GAN_NAME = f"tiny-{BETA_VAE}", f"tiny-{GAN}"


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny network of each family."""
    folder = tmp_path_factory.mktemp("explore")
    pictures = save_pictures(folder / "pictures")
    for family in (BETA_VAE, GAN):
        trained_network(family, pictures, folder / family, folder / "out")
    return folder / "out"


@pytest.fixture
def known(studio: Studio, networks: Path) -> Studio:
    """A studio with both."""
    shutil.copytree(networks, own_folder(studio.settings))
    return studio


@pytest.fixture
def keep(studio: Studio) -> Callable[[], None]:
    """Works off what was asked to be kept, by the real handler."""
    from engine.worker import Worker, fetch_work

    worker = Worker(studio.settings, studio.database)
    handlers = fetch_work(studio.settings, worker.queue, studio.database)

    def run() -> None:
        while worker.run_one("fetch", handlers):
            pass

    return run


def test_a_picture_is_noised_and_denoised(open_page: Callable[..., AppTest], studio: Studio, work) -> None:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 140, 200)).save(file, "PNG")
    photo = studio.add_photo(file.getvalue(), "sky.png")
    page = open_page("explore", look="Noise and denoise")
    assert "Choose a picture, then press Noise and denoise" in texts(page.markdown)
    page.text_area(key="noise_prompt").set_value("the sky").run()
    button(page, "Noise and denoise").click().run()
    assert not page.warning
    assert "There must be a picture" in texts(page.error)
    assert not studio.jobs()
    page.query_params["start"] = photo.id[:16]
    page.multiselect(key="noise_levels").set_value([0.0]).run()
    button(page, "Noise and denoise").click().run()
    (job,) = studio.jobs()
    assert (job.request.levels, job.request.image.id) == ((0.0,), photo.id)
    work()
    page.run()
    assert not page.exception
    assert "Noise and denoise: sky.png" in texts(page.caption).replace("\\", "")


def test_an_empty_page_leads_to_train(open_page: Callable[..., AppTest]) -> None:
    assert "Nothing to explore yet" in texts(open_page("explore").markdown)


def test_another_network_puts_the_sliders_back(open_page: Callable[..., AppTest], known: Studio) -> None:
    page = open_page("explore", network=VAE_NAME, moved="0:2")
    assert page.query_params["moved"] == "0:2"
    page.selectbox(key="network").set_value(GAN_NAME).run()
    assert not page.exception
    assert "moved" not in page.query_params


def test_a_slider_redraws_and_what_is_kept_comes_back(
    open_page: Callable[..., AppTest], known: Studio, keep: Callable[[], None]
) -> None:
    page = open_page("explore", network=VAE_NAME, **{"from": "seed-5"})
    page.slider[0].set_value(2.0).run()
    assert page.query_params["moved"] == "0:2"
    button(page, "Keep it").click().run()
    (job,) = known.jobs()
    space = load_space(explorer(known.settings, VAE_NAME))
    expected = space.sample(5)
    expected[int(np.argmax(space.axes[0].direction))] = 2.0
    np.testing.assert_allclose(job.request.begin, expected, atol=1e-6)
    keep()
    (image,) = known.gallery.of_job(job.id)
    shown = np.asarray(Image.open(io.BytesIO(known.gallery.png(image.id))))
    assert np.array_equal(shown, np.asarray(space.picture(expected)))
    page.run()
    assert "tiny" in texts(page.caption)
    assert not page.exception

    again = open_page("explore")
    again.query_params["recipe"] = image.id
    again.run()
    assert again.selectbox(key="network").value == VAE_NAME
    assert again.query_params["from"] == f"kept-{image.id}"
    assert again.slider[0].value == pytest.approx(2.0)
    other = open_page("explore", network=GAN_NAME, **{"from": f"kept-{image.id}"})
    assert "found in another network" in texts(other.warning)


def test_a_walk_has_ends_a_strip_and_a_mix(
    open_page: Callable[..., AppTest], known: Studio, keep: Callable[[], None]
) -> None:
    page = open_page("explore", network=GAN_NAME, **{"from": "seed-1"})
    button(page, "This place is A").click().run()
    button(page, "Middle").click().run()
    button(page, "Random").click().run()
    button(page, "This place is B").click().run()
    assert not page.exception
    button(page, "Keep the strip").click().run()
    (job,) = known.jobs()
    assert (job.request.form, job.request.frames) == (STRIP, 8)
    keep()
    (image,) = known.gallery.of_job(job.id)
    assert (image.width, image.height) == (8 * 16, 16)
    assert "A GAN draws pictures but cannot find yours again" in texts(page.caption)


def test_a_strip_comes_back_with_the_photos_that_it_was_found_from(
    open_page: Callable[..., AppTest], known: Studio, keep: Callable[[], None]
) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 90, 200)).save(stream, "PNG")
    photo = known.add_photo(stream.getvalue(), "lake.png")
    points = {"begin": (0.0,) * 6, "end": (1.0,) * 6}
    job = known.submit(Explored(explorer=VAE_NAME, form=STRIP, photos=(photo,), **points))
    keep()
    (image,) = known.gallery.of_job(job.id)
    page = open_page("explore")
    page.query_params["recipe"] = image.id
    page.run()
    assert "From lake" in texts(page.caption).replace("\\", "")
    button(page, "Keep the strip").click().run()
    assert known.jobs()[0].request.photos == (photo,)


def test_a_network_that_cannot_be_used_is_said(open_page: Callable[..., AppTest], known: Studio) -> None:
    (own_folder(known.settings) / f"{VAE_NAME}.json").write_text('{"family": "beta-vae"}')
    page = open_page("explore", network=VAE_NAME)
    assert "cannot be read" in texts(page.error)
    assert not page.exception


@pytest.mark.parametrize(
    "change",
    [
        {"measured": [1]},
        {"chains": {"decoder": ["linear"]}},
        {"chains": {"decoder": [{"op": ["linear"]}]}},
        {"chains": {"decoder": [{"op": "tanh"}], "encoder": None}},
    ],
)
def test_a_changed_sidecar_is_said_and_no_traceback(known: Studio, change: dict) -> None:
    path = own_folder(known.settings) / f"{VAE_NAME}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (found,) = (each for each in explorers(known.settings) if each.name == VAE_NAME)
    assert "cannot be read" in found.problem


def test_the_same_recipe_gives_the_same_pixels(known: Studio, keep: Callable[[], None]) -> None:
    space = load_space(explorer(known.settings, GAN_NAME))
    request = known.request(Explored.kind, {"explorer": GAN_NAME, "begin": space.sample(3).tolist()})
    known.submit(request, key="one")
    keep()
    (image,) = known.gallery.page(limit=1).images
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(known.gallery.png(image.id)))), space.picture(space.sample(3))
    )
    assert explored(image.recipe.request) == request


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"explorer": "none", "begin": [0.0] * 6},
            "nothing to explore named 'none'; known are: tiny-beta-vae, tiny-gan",
        ),
        ({"explorer": VAE_NAME, "begin": [0.0] * 5}, "has 6 latents; got 5"),
        (
            {"explorer": VAE_NAME, "begin": [0.0] * 5 + [float("nan")]},
            "Latents are numbers from -1000 to 1000; got nan",
        ),
        ({"explorer": VAE_NAME, "begin": []}, "A point has 1 to 1024 latents"),
        ({"explorer": VAE_NAME, "begin": [1e9] * 6}, "got 1000000000"),
        ({"explorer": VAE_NAME, "begin": [0.0] * 6, "form": STRIP, "end": [0.0]}, "got 6 and 1"),
        ({"explorer": VAE_NAME, "begin": [0.0] * 6, "frames": 10_000}, "Frames must be a whole number from 3 to 24"),
    ],
)
def test_a_place_that_makes_no_sense_is_refused(known: Studio, values: dict, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        known.submit(known.request(Explored.kind, values), key="bad")


def test_ways_between_two_places(known: Studio) -> None:
    vae, gan = (load_space(explorer(known.settings, name)) for name in (VAE_NAME, GAN_NAME))
    one, other = vae.sample(1), vae.sample(2)
    np.testing.assert_allclose(walk(vae, one, other, 5)[2], (one + other) / 2, atol=1e-6)
    long, short = 3 * one / np.linalg.norm(one), 3 * other / np.linalg.norm(other)
    ways = walk(gan, long, short, 7)
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1), 3, atol=1e-4)  # it stays on the sphere
    np.testing.assert_allclose([ways[0], ways[-1]], [long, short], atol=1e-5)
    np.testing.assert_allclose(mixed(gan, one, -one, 0.0), one, atol=1e-5)
    assert strip(gan.pictures(ways)).size == (7 * 16, 16)
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    for form in ("WEBP", "GIF"):
        with Image.open(io.BytesIO(animation(frames, form))) as moving:
            assert moving.n_frames == 6  # there and back
    directions = np.stack([axis.direction for axis in gan.axes])
    np.testing.assert_allclose(directions @ directions.T, np.eye(6), atol=1e-5)
    weights = [axis.weight for axis in gan.axes]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) == pytest.approx(1)
    assert LIMIT == 3


def test_an_address_that_makes_no_sense_leads_to_the_middle(open_page: Callable[..., AppTest], known: Studio) -> None:
    page = open_page("explore")
    page.query_params["moved"] = "x:1_0:nan_99999:2_1:5e9_2"
    for where in ("photo-", "photo-abc", "kept-none", f"seed-{'9' * 40}", "elsewhere"):
        page.query_params["from"] = where
        page.run()
        assert not page.exception, where
        assert "The picture at this place" not in texts(page.error)
    assert page.slider[0].value == 0


def test_a_place_is_still_there_after_a_look_at_another_page(open_page: Callable[..., AppTest], known: Studio) -> None:
    page = open_page("explore", network=VAE_NAME, **{"from": "seed-5", "moved": "0:2"})
    for path in ("storage", "explore"):
        page.query_params.clear()
        page.switch_page(f"{path}/page.py").run()
    assert (page.query_params["from"], page.query_params["moved"]) == ("seed-5", "0:2")
    assert page.slider[0].value == 2
    assert page.selectbox(key="network").value == VAE_NAME


def test_a_gan_begins_at_a_random_place_and_has_a_middle(open_page: Callable[..., AppTest], known: Studio) -> None:
    page = open_page("explore", network=GAN_NAME)
    button(page, "Keep it").click().run()
    button(page, "Middle").click().run()
    button(page, "Keep it").click().run()
    middle, begun = sorted((job.request.begin for job in known.jobs()), key=any)
    assert not any(middle)
    np.testing.assert_allclose(begun, load_space(explorer(known.settings, GAN_NAME)).sample(0), atol=1e-6)
