"""Counts of what was made, against pictures that are known."""

from dataclasses import replace
from datetime import UTC, datetime

from PIL import Image

from gallery.ids import seconds_of
from gallery.statistics import statistics
from tests.gallery.samples import recipe


def test_pictures_are_counted_by_what_their_rows_say(gallery):
    picture = Image.new("RGB", (8, 8))

    def saved(prompt: str, model: str, seconds: float, kind: str = "text_to_image", **more: object):
        request = {"prompt": prompt, "scheduler": "DDIM"}
        loras = ({"name": "ink", "weight": 1.0},) if "ink" in prompt else ()
        own = {"request": request, "model": {"name": model}, "seconds": seconds, "kind": kind, "loras": loras}
        return gallery.save(picture, replace(recipe(), **own), **more)

    saved("a castle with ink", "mini", 1.0)
    saved("the castle castle", "mini", 3.0)
    saved("a lake", "sd", 10.0)
    saved("lakeside castle.PNG", "dreamy", 0.0, kind="imported")
    saved("a castle", "mini", 99.0, owner="bo")
    gallery.delete([saved("a castle", "mini", 99.0).id])

    found = statistics(gallery.database, "artist")
    assert (found.pictures, found.imported) == (4, 1)
    assert found.models == (("mini", 2), ("dreamy", 1), ("sd", 1))
    assert found.seconds == (("mini", 2, 2.0), ("sd", 1, 10.0))
    assert found.loras == (("ink", 1),)
    assert found.samplers == (("DDIM", 4),)
    assert dict(found.words)["castle"] == 2
    assert "the" not in dict(found.words)
    assert sum(count for _, count in found.days) == 4
    assert sum(found.hours) == 3
    today = datetime.fromtimestamp(seconds_of(gallery.page(limit=1).images[0].id), UTC).date()
    assert found.days[-1][0] == today.isoformat()
    later = statistics(gallery.database, "artist", zone_seconds=86_400)
    assert later.days[0][0] > found.days[0][0]
    assert statistics(gallery.database).pictures == 5


def test_an_empty_gallery_and_damaged_recipes_count_too(gallery):
    assert statistics(gallery.database).days == ()
    gallery.save(Image.new("RGB", (8, 8)), recipe())
    if gallery.database.is_sqlite:
        with gallery.database.write() as session:
            session.connection().exec_driver_sql("UPDATE images SET recipe = '{'")
        assert statistics(gallery.database).pictures == 1
        assert statistics(gallery.database).seconds == ()
