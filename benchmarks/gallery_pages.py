"""How long the gallery takes to find a page, with 1,000 to 100,000 images.

    python benchmarks/gallery_pages.py
    SIZES=100000 CLOCK=processor python benchmarks/gallery_pages.py

Fills a temporary database (rows and search index, no files) and prints the median and 95th
percentile in milliseconds of each kind of page, and how much slower the largest gallery is.
"""

import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import insert
from ulid import ULID

from gallery import Database, Gallery, Recipe, marks
from gallery.ids import number_of
from gallery.looks.features import LENGTH
from gallery.looks.palette import NAMES
from gallery.questions import fulltext, kept_table
from gallery.questions.query import LARGEST, OLDEST, RATING, Query
from gallery.schema import BoardImage, BoardRow, Image, ImageFeatures, ImageLora, ImageParent, ImageTag

SIZES = tuple(int(size) for size in os.environ.get("SIZES", "1000,10000,100000").split(","))
ROUNDS, SECONDS = 40, 20.0  # of one question at most
# On a busy machine the clock says little; processor time leaves out what waits for others, and for the disk.
CLOCK = time.thread_time if os.environ.get("CLOCK") == "processor" else time.perf_counter
# fmt: off
WORDS = [
    "castle", "dragon", "forest", "moon", "river", "night", "girl", "sword", "cherry", "city", "rain", "neon",
    "sky", "cloud", "mountain", "lake", "temple", "robot", "cat", "wolf", "knight", "mage", "fire", "ice",
    "storm", "sunset", "dawn", "village", "bridge", "ship", "island", "tower", "garden", "blossom",
]
# fmt: on
RARE = [f"{first}{second}" for first in WORDS for second in WORDS]


MODELS, SAMPLERS = [f"model {n}" for n in range(12)], [f"sampler {n}" for n in range(8)]
LORAS, TAGS = [f"lora {n}" for n in range(60)], [f"tag {n}" for n in range(80)]
KINDS = ("text_to_image", "image_to_image", "inpaint", "upscale", "photo_to_anime")
SIZES_MADE = ((512, 512), (768, 768), (1024, 768), (768, 1024), (1024, 1024), (1536, 1536))
BOARDS = [f"{n:026d}" for n in range(20)]


def fill(database: Database, size: int, draw: random.Random) -> list[str]:
    """Insert rows of two owners, a tenth of them in the trash; returns the ids, oldest first."""
    start = 1_700_000_000_000
    ids = [str(ULID.from_int((start + 60_000 * i) << 80 | draw.getrandbits(80))) for i in range(size)]
    with database.write() as session:
        for at in range(0, size, 5_000):
            session.execute(insert(Image), [row(image_id, draw) for image_id in ids[at : at + 5_000]])
        fulltext.rebuild(session)
        of = [(image_id, draw) for image_id in ids]
        loras = [{"image_id": i, "name": name} for i, d in of for name in d.sample(LORAS, d.choice((0, 1, 1, 2)))]
        tags = [{"image_id": i, "tag": tag} for i, d in of if d.random() < 0.3 for tag in d.sample(TAGS, 2)]
        placed = [{"image_id": i, "board_id": d.choice(BOARDS), "added_at": 1.0} for i, d in of if d.random() < 0.2]
        family = [{"child_id": i, "parent_id": d.choice(ids[:1000])} for i, d in of if d.random() < 0.3]
        boards = [{"id": i, "owner": "mia", "name": i, "created_at": 1.0} for i in BOARDS]
        looks = [{"image_id": i, "features": d.randbytes(LENGTH)} for i, d in of]
        tables = (
            (ImageLora, loras), (ImageTag, tags), (BoardRow, boards), (BoardImage, placed), (ImageParent, family),
            (ImageFeatures, looks),
        )  # fmt: skip
        for table, rows in tables:
            session.execute(insert(table), rows)
    return ids


def row(image_id: str, draw: random.Random) -> dict:
    """The values of one image: every prompt has common words, two rare ones and `dragon` or not."""
    prompt = ", ".join([*draw.choices(WORDS, k=12), *draw.choices(RARE, k=2), "masterpiece"])
    request = {"prompt": prompt, "negative_prompt": "blurry, lowres", "num_inference_steps": 25}
    recipe = Recipe(kind="text_to_image", request=request, seed=1, model={"name": "mini"}).to_dict()
    width, height = draw.choice(SIZES_MADE)
    return {
        "id": image_id,
        "number": number_of(image_id),
        "created_at": 0.0,
        "owner": draw.choice(("mia", "leo")),
        "kind": draw.choice(KINDS),
        "title": prompt,
        "negative_prompt": "blurry, lowres",
        "model": draw.choice(MODELS),
        "sampler": draw.choice(SAMPLERS),
        "seed": draw.getrandbits(32),
        "width": width,
        "height": height,
        "sha256": "0" * 64,
        "size_bytes": 600_000,
        "recipe": recipe,
        "deleted_at": 1.0 if draw.random() < 0.1 else None,
        "favourite": draw.random() < 0.05,
        "rating": draw.choice((None, None, None, 1, 2, 3, 4, 5)),
        "stack": f"{draw.randrange(25_000):016x}",
        "colours": f" {' '.join(draw.sample(NAMES, 3))} ",
        "commercial_use": draw.choice((True, True, False, None)),
    }


def questions(gallery: Gallery, ids: list[str], draw: random.Random) -> dict[str, Callable[[], object]]:
    """What artists ask of a gallery."""
    by_words = {
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
    return by_words | _filtered(gallery, ids, draw) | _after_changes(gallery, ids, draw)


def _filtered(gallery: Gallery, ids: list[str], draw: random.Random) -> dict[str, Callable[[], object]]:
    """Each filter alone and together, every order, and the counts beside the values."""
    mia = partial(Query, owner="mia")
    asked: dict[str, Callable[[], Query]] = {
        "kind": lambda: mia(kinds=(draw.choice(KINDS),)),
        "model": lambda: mia(models=(draw.choice(MODELS),)),
        "LoRA": lambda: mia(loras=(draw.choice(LORAS),)),
        "sampler": lambda: mia(samplers=(draw.choice(SAMPLERS),)),
        "size": lambda: mia(sizes=("768x768",)),
        "a week": lambda: mia(made_from=1_702_000_000.0, made_before=1_702_604_800.0),
        "seed": lambda: mia(seed=draw.getrandbits(32)),
        "favourites": lambda: mia(favourite=True),
        "4 stars and more": lambda: mia(rating=4),
        "two tags": lambda: mia(tags=tuple(draw.sample(TAGS, 2))),
        "two colours": lambda: mia(colours=tuple(draw.sample(NAMES, 2))),
        "commercial use": lambda: mia(commercial_use=True),
        "board": lambda: mia(board=draw.choice(BOARDS)),
        "parent": lambda: mia(parent=draw.choice(ids[:1000])),
        "oldest": lambda: mia(sort=OLDEST),
        "best": lambda: mia(sort=RATING),
        "largest": lambda: mia(sort=LARGEST),
        "folded": lambda: mia(fold=True),
        "folded, largest": lambda: mia(fold=True, sort=LARGEST),
        "six filters": lambda: mia(
            words="dragon", models=tuple(MODELS[:4]), samplers=("sampler 1",), rating=2, loras=("lora 3",), fold=True
        ),
        "words and a model": lambda: mia(words=draw.choice(WORDS), models=("model 1",)),
        "a word of every prompt": lambda: mia(words="masterpiece", models=("model 1",)),
    }
    pages = {f"filter: {name}": lambda ask=ask: gallery.page(ask()) for name, ask in asked.items()}
    deep = {
        f"deep: {name}": lambda ask=asked[name]: gallery.page(ask(), older_than=draw.choice(ids))
        for name in ("model", "best", "folded", "folded, largest")
    }
    names = ("kind", "six filters", "folded", "words and a model", "a word of every prompt")
    counts = {f"count: {name}": lambda ask=asked[name]: gallery.count(ask()) for name in names}
    beside = {f"counts beside: {name}": lambda ask=asked[name]: gallery.facets(ask()) for name in names}
    beside |= {"counts beside: nothing asked": lambda: gallery.facets(mia())}
    return pages | deep | counts | beside


def _after_changes(gallery: Gallery, ids: list[str], draw: random.Random) -> dict[str, Callable[[], object]]:
    """Answers after something changed are those of a table that is renewed."""

    def rated(number: int) -> Timed:
        marks.rate(gallery.database, draw.sample(ids, number), draw.choice((1, 2, 3, 4, 5)))
        return Timed(lambda: gallery.page(Query(owner="mia", rating=4)))

    def read_anew() -> Timed:
        fresh = Gallery(gallery.database, gallery.files.images.parent)
        return Timed(lambda: fresh.page(Query(owner="mia", rating=4)))

    def alike_after() -> Timed:
        marks.rate(gallery.database, draw.sample(ids, 500), draw.choice((1, 2, 3, 4, 5)))
        gallery.page(Query(owner="mia", rating=4))
        record = gallery.get(draw.choice(ids))
        return Timed(lambda: gallery.more_like(record, "mia", most=8))

    def alike_anew() -> Timed:
        fresh, record = Gallery(gallery.database, gallery.files.images.parent), gallery.get(draw.choice(ids))
        fresh.page(Query(owner="mia", rating=4))
        return Timed(lambda: fresh.more_like(record, "mia", most=8))

    def without_file() -> Timed:
        kept_table.file_of(gallery.database.file).unlink(missing_ok=True)
        return read_anew()

    return {
        "more like a picture": lambda: gallery.more_like(gallery.get(draw.choice(ids)), "mia", most=8),
        "the same, after 500 marks": alike_after,
        "the same, of a fresh process": alike_anew,
        "after a mark": lambda: rated(1),
        "after 500 marks": lambda: rated(500),
        "first question of a studio": read_anew,
        "the same, without its file": without_file,
    }


class Timed:
    """The part of a question that is timed, where something is done before."""

    def __init__(self, ask: Callable[[], object]):
        self.ask = ask


def measure(question: Callable[[], object]) -> list[float]:
    """Milliseconds of each round after one to warm up."""
    question()
    times = []
    began = time.perf_counter()
    for _ in range(ROUNDS):
        if time.perf_counter() - began > SECONDS:
            break
        start = CLOCK()
        answer = question()
        if isinstance(answer, Timed):
            start = CLOCK()
            answer.ask()
        times.append((CLOCK() - start) * 1000)
    return times


def main() -> None:
    """Fill, ask, print."""
    print(f"SQLite {sqlite3.sqlite_version}; load of the machine {os.getloadavg()[0]:.1f}")
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
                times = results.setdefault(name, {})[size] = measure(question)
                print(f"{name:38}{median(times):9.2f} /{quantiles(times, n=20)[-1]:7.2f}", flush=True)
            database.dispose()
    print(f"\n{'p50 / p95 in ms':38}" + "".join(f"{size:>18,}" for size in SIZES) + "   p50 ratio")
    for name, by_size in results.items():
        cells = "".join(f"{median(t):9.2f} /{quantiles(t, n=20)[-1]:7.2f}" for t in by_size.values())
        print(f"{name:38}{cells}{median(by_size[SIZES[-1]]) / median(by_size[SIZES[0]]):12.2f}")


if __name__ == "__main__":
    main()
