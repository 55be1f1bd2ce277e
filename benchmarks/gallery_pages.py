"""How long the gallery takes to find a page, with 1,000 to 100,000 images.

    python benchmarks/gallery_pages.py

Fills a temporary database (rows and search index, no files) and prints the median and 95th
percentile in milliseconds of each kind of page, and how much slower the largest gallery is.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import insert
from ulid import ULID

from gallery import Database, Gallery, Recipe, fulltext
from gallery.ids import number_of
from gallery.schema import Image

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 60
# fmt: off
WORDS = [
    "castle", "dragon", "forest", "moon", "river", "night", "girl", "sword", "cherry", "city", "rain", "neon",
    "sky", "cloud", "mountain", "lake", "temple", "robot", "cat", "wolf", "knight", "mage", "fire", "ice",
    "storm", "sunset", "dawn", "village", "bridge", "ship", "island", "tower", "garden", "blossom",
]
# fmt: on
RARE = [f"{first}{second}" for first in WORDS for second in WORDS]


def fill(database: Database, size: int, draw: random.Random) -> list[str]:
    """Insert rows of two owners, a tenth of them in the trash; returns the ids, oldest first."""
    start = 1_700_000_000_000
    ids = [str(ULID.from_int((start + 60_000 * i) << 80 | draw.getrandbits(80))) for i in range(size)]
    with database.write() as session:
        for at in range(0, size, 5_000):
            session.execute(insert(Image), [row(image_id, draw) for image_id in ids[at : at + 5_000]])
        fulltext.rebuild(session)
    return ids


def row(image_id: str, draw: random.Random) -> dict:
    """The values of one image: every prompt has common words, two rare ones and `dragon` or not."""
    prompt = ", ".join([*draw.choices(WORDS, k=12), *draw.choices(RARE, k=2), "masterpiece"])
    request = {"prompt": prompt, "negative_prompt": "blurry, lowres", "num_inference_steps": 25}
    recipe = Recipe(kind="text_to_image", request=request, seed=1, model={"name": "mini"}).to_dict()
    return {
        "id": image_id,
        "number": number_of(image_id),
        "created_at": 0.0,
        "owner": draw.choice(("mia", "leo")),
        "kind": "text_to_image",
        "prompt": prompt,
        "negative_prompt": "blurry, lowres",
        "model": "mini",
        "seed": draw.getrandbits(32),
        "width": 768,
        "height": 768,
        "sha256": "0" * 64,
        "size_bytes": 600_000,
        "recipe": recipe,
        "deleted_at": 1.0 if draw.random() < 0.1 else None,
    }


def questions(gallery: Gallery, ids: list[str], draw: random.Random) -> dict[str, Callable[[], object]]:
    """What artists ask of a gallery."""
    return {
        "first page": gallery.page,
        "middle page": lambda: gallery.page(older_than=draw.choice(ids)),
        "last page": lambda: gallery.page(newer_than=ids[0]),
        "owner's middle page": lambda: gallery.page(older_than=draw.choice(ids), owner="mia"),
        "search: in every prompt": lambda: gallery.page(search="masterpiece"),
        "search: common word": lambda: gallery.page(search="dragon"),
        "search: two common words": lambda: gallery.page(search="dragon moon"),
        "search: common beginning": lambda: gallery.page(search="s"),
        "search: of an owner": lambda: gallery.page(search="dragon", owner="mia"),
        "search: rare word": lambda: gallery.page(search=draw.choice(RARE)),
        "search: deep page": lambda: gallery.page(search="dragon", older_than=draw.choice(ids)),
        "search: absent word": lambda: gallery.page(search="zeppelin"),
        "search: unspaced writing": lambda: gallery.page(search="竜 城"),
        "count": gallery.count,
        "count of an owner": lambda: gallery.count(owner="mia"),
        "count of a search": lambda: gallery.count(search="dragon"),
        "the same, to 1000": lambda: gallery.count(search="dragon", at_most=1000),
    }


def measure(question: Callable[[], object]) -> list[float]:
    """Milliseconds of each round after one to warm up."""
    question()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        question()
        times.append((time.perf_counter() - start) * 1000)
    return times


def main() -> None:
    """Fill, ask, print."""
    results: dict[str, dict[int, list[float]]] = {}
    for size in SIZES:
        draw = random.Random(size)
        with tempfile.TemporaryDirectory() as home:
            database = Database(f"sqlite:///{home}/studio.sqlite3")
            database.migrate()
            start = time.perf_counter()
            ids = fill(database, size, draw)
            print(f"{size} rows filled in {time.perf_counter() - start:.1f} s")
            for name, question in questions(Gallery(database, Path(home)), ids, draw).items():
                results.setdefault(name, {})[size] = measure(question)
            database.dispose()
    print(f"\n{'p50 / p95 in ms':28}" + "".join(f"{size:>18,}" for size in SIZES) + "   p50 ratio")
    for name, by_size in results.items():
        cells = "".join(f"{median(t):9.2f} /{quantiles(t, n=20)[-1]:7.2f}" for t in by_size.values())
        print(f"{name:28}{cells}{median(by_size[SIZES[-1]]) / median(by_size[SIZES[0]]):12.2f}")


if __name__ == "__main__":
    main()
