import io
import json

import pytest
from PIL import Image
from sqlalchemy import event, select, text

from gallery import Gallery
from gallery.errors import GalleryError, ImageDamaged, ImageMissing, ImageNotFound, StorageFailed
from gallery.files import sha256
from gallery.ids import new_id
from gallery.metadata import read_digital_source, read_recipe
from gallery.schema import Image as Row
from gallery.thumbnails import MAX_BYTES, SIDE
from gallery.words import COMPOSITE, TRAINED, Words
from tests.gallery.samples import HARD_PROMPTS, describe, picture, recipe, sqlite_only

JOB = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def files_of(gallery):
    return sorted(path.name for path in gallery.files.images.rglob("*.png"))


# --- saving -------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", HARD_PROMPTS)
def test_saved_is_found_again_with_every_pixel_and_word(gallery, prompt):
    saved = gallery.save(picture(1), recipe(prompt), owner="mia", job_id=JOB, job_index=2)
    assert gallery.get(saved.id) == saved
    assert saved.recipe == recipe(prompt)
    assert (saved.owner, saved.job_id, saved.job_index, saved.seed) == ("mia", JOB, 2, 42)
    assert (saved.width, saved.height, saved.title, saved.model) == (24, 16, prompt, "mini")
    data = gallery.png(saved.id)
    assert opened(data).tobytes() == picture(1).tobytes()
    assert read_recipe(data) == read_recipe(gallery.jpg(saved.id)) == recipe(prompt)
    assert len(data) == saved.size_bytes


def test_kept_files_and_downloads_carry_the_mark_that_their_kind_names(database, tmp_path):
    def as_photo(recipe):
        return Words(recipe.prompt, digital_source=COMPOSITE)

    for describe_it, source in ((describe, TRAINED), (as_photo, COMPOSITE)):
        gallery = Gallery(database, tmp_path, describe=describe_it)
        saved = gallery.save(picture(1), recipe())
        data = gallery.files.image(saved.id).read_bytes()
        assert read_digital_source(data) == read_digital_source(gallery.jpg(saved.id)) == source
        assert (gallery.png(saved.id), sha256(data)) == (data, saved.sha256)


@pytest.mark.parametrize("seed", [0, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_every_seed_of_64_bits_is_kept_and_found(gallery, database, seed):
    saved = gallery.save(picture(), recipe(seed=seed))
    assert (saved.seed, gallery.get(saved.id).seed, saved.recipe.seed) == (seed, seed, seed)
    with database.read() as session:
        assert session.scalars(select(Row.id).where(Row.seed == seed)).all() == [saved.id]
    assert json.loads(json.dumps(saved.recipe_values))["seed"] == seed


def test_a_jobs_image_is_saved_once(gallery):
    first = gallery.save(picture(1), recipe(), job_id=JOB, job_index=0)
    again = gallery.save(picture(2), recipe("other"), job_id=JOB, job_index=0)
    other = gallery.save(picture(3), recipe(), job_id=JOB, job_index=1)
    assert again == first
    assert gallery.of_job(JOB) == (first, other)
    assert len(files_of(gallery)) == gallery.count() == 2


def test_two_savers_of_one_job_image_keep_one(database, tmp_path):
    """The second writes its file before it can know of the first's row."""
    gallery = Gallery(database, tmp_path, describe=describe)

    class Overtaken(Gallery):
        def _save_row(self, row, data, image, also):
            if gallery.count() == 0:
                gallery.save(picture(1), recipe(), job_id=JOB, job_index=0)
            return super()._save_row(row, data, image, also)

    late = Overtaken(database, tmp_path).save(picture(2), recipe(), job_id=JOB, job_index=0)
    assert gallery.count() == len(files_of(gallery)) == 1
    assert gallery.of_job(JOB) == (late,)


def test_also_shares_the_transaction(gallery, database):
    def finish(session):
        session.execute(text("UPDATE images SET kind = 'finished'"))

    saved = gallery.save(picture(), recipe(), job_id=JOB, job_index=0, also=finish)
    assert gallery.get(saved.id).kind == "finished"


def test_also_runs_when_the_image_is_kept_already(gallery):
    calls = []
    for _ in range(2):
        gallery.save(picture(), recipe(), job_id=JOB, job_index=0, also=calls.append)
    assert len(calls) == 2


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_raising_also_leaves_nothing(gallery, kind):
    def lost(session):
        raise kind("lease lost")

    with pytest.raises(kind, match="lease lost"):
        gallery.save(picture(), recipe(), also=lost)
    assert gallery.count() == 0
    assert files_of(gallery) == []


def test_a_failed_commit_leaves_neither_row_nor_file(gallery, database):
    def refuse(connection):
        raise OSError("the machine is on fire")

    event.listen(database.engine, "commit", refuse)
    with pytest.raises(OSError, match="on fire"):
        gallery.save(picture(), recipe())
    event.remove(database.engine, "commit", refuse)
    assert gallery.count() == 0
    assert files_of(gallery) == []


def test_a_commit_that_reported_failure_but_happened_keeps_the_file(gallery, database):
    def lose_the_answer(connection):
        connection.connection.dbapi_connection.commit()
        raise OSError("connection lost")

    event.listen(database.engine, "commit", lose_the_answer)
    with pytest.raises(OSError, match="connection lost"):
        gallery.save(picture(), recipe())
    event.remove(database.engine, "commit", lose_the_answer)
    assert gallery.count() == len(files_of(gallery)) == 1
    assert gallery.png(gallery.page().images[0].id)


# --- paging -------------------------------------------------------------------------------------


def walk(gallery, older: bool, **arguments):
    """Every id, page by page, towards the older or the newer end."""
    page = gallery.page(limit=7, **arguments)
    if not older:
        page = gallery.page(limit=7, newer_than=gallery.page(limit=500, **arguments).images[-1].id, **arguments)
    seen = [page]
    while page.has_older if older else page.has_newer:
        edge = {"older_than": page.images[-1].id} if older else {"newer_than": page.images[0].id}
        page = gallery.page(limit=7, **edge, **arguments)
        seen.append(page)
    return seen


def test_pages_visit_every_image_once(gallery):
    saved = [
        gallery.save(picture(), recipe(("red dragon", "blue cat")[i % 2]), owner=("mia", "leo")[i % 3 == 0])
        for i in range(45)
    ]
    gallery.delete([record.id for record in saved[::4]])
    for arguments in (
        {},
        {"owner": "mia"},
        {"search": "dragon"},
        {"trash": True},
        {"search": "dragon", "owner": "mia"},
    ):
        wanted = [
            record.id
            for i, record in enumerate(saved)
            if (i % 4 == 0) == arguments.get("trash", False)
            and arguments.get("owner") in (None, record.owner)
            and arguments.get("search", "") in record.title
        ][::-1]
        down = walk(gallery, older=True, **arguments)
        assert [image.id for page in down for image in page.images] == wanted, arguments
        assert [page.has_newer for page in down] == [False] + [True] * (len(down) - 1)
        up = walk(gallery, older=False, **arguments)
        assert [image.id for page in reversed(up) for image in page.images] == wanted[:-1], arguments
        assert all(page.has_older for page in up)
        assert gallery.count(**arguments) == len(wanted)
        assert gallery.count(**arguments, at_most=5) == 5


def test_an_empty_gallery_is_an_empty_page(gallery):
    page = gallery.page()
    assert (page.images, page.has_newer, page.has_older) == ((), False, False)


def test_beyond_the_last_image_there_is_only_newer(gallery):
    saved = gallery.save(picture(), recipe())
    page = gallery.page(older_than=saved.id)
    assert (page.images, page.has_newer, page.has_older) == ((), True, False)


def test_page_arguments_are_checked(gallery):
    with pytest.raises(ValueError, match="1 to 500 images; got limit=0"):
        gallery.page(limit=0)
    with pytest.raises(ValueError, match="not both"):
        gallery.page(older_than=new_id(), newer_than=new_id())
    with pytest.raises(ImageNotFound):
        gallery.page(older_than="'; DROP TABLE images; --")


@sqlite_only
@pytest.mark.parametrize("edge", ["older_than", "newer_than", None])
@pytest.mark.parametrize("search", ["", "dra re"])
@pytest.mark.parametrize("owner", [None, "mia"])
@pytest.mark.parametrize("trash", [False, True])
def test_pages_walk_an_index_and_never_sort(gallery, database, edge, search, owner, trash):
    plans = []

    def explain(connection, cursor, statement, parameters, context, many):
        if statement.startswith("SELECT") and "EXPLAIN" not in statement:
            cursor.execute("EXPLAIN QUERY PLAN " + statement, parameters)
            plans.extend(row[3] for row in cursor.fetchall())

    event.listen(database.engine, "before_cursor_execute", explain)
    gallery.page(search=search, owner=owner, trash=trash, **({edge: new_id()} if edge else {}))
    event.remove(database.engine, "before_cursor_execute", explain)
    assert plans
    for step in plans:
        assert "TEMP B-TREE" not in step
        assert "SEARCH" in step or "INDEX" in step, step
    if search:
        assert plans[0].startswith("SCAN images_text")


# --- showing ------------------------------------------------------------------------------------


def test_unknown_foreign_and_malformed_ids_look_alike(gallery):
    mine = gallery.save(picture(), recipe(), owner="mia").id
    absent = new_id()
    for image_id in (mine, absent):
        with pytest.raises(ImageNotFound) as error:
            gallery.get(image_id, owner="leo")
        assert str(error.value).replace(image_id, "X") == (
            "No image has the id 'X'. Reload the gallery to see what is there."
        )
    for show in (gallery.png, gallery.jpg, gallery.thumbnail, gallery.path):
        with pytest.raises(ImageNotFound):
            show(mine, owner="leo")
        with pytest.raises(ImageNotFound):
            show("../../etc/passwd")
        assert show(mine, owner="mia")
    assert gallery.delete([mine], owner="leo") == 0


def test_a_missing_file_says_so(gallery):
    saved = gallery.save(picture(), recipe())
    gallery.path(saved.id).unlink()
    with pytest.raises(ImageMissing, match=r"not in .*Put it back from a backup"):
        gallery.png(saved.id)


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"", lambda d: d[:50] + b"x" + d[51:]])
def test_a_damaged_file_is_never_served(gallery, damage):
    saved = gallery.save(picture(), recipe())
    path = gallery.path(saved.id)
    path.write_bytes(damage(path.read_bytes()))
    for show in (gallery.png, gallery.jpg):
        with pytest.raises(ImageDamaged, match="has changed since it was saved"):
            show(saved.id)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_thumbnails_are_small(gallery, mode):
    saved = gallery.save(picture(mode=mode, size=(800, 400)), recipe())
    data = gallery.thumbnail(saved.id)
    assert opened(data).size == (SIDE, SIDE // 2)
    assert len(data) <= MAX_BYTES


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:-9])])
def test_thumbnails_are_made_again(gallery, damage):
    saved = gallery.save(picture(size=(64, 64)), recipe())
    before = gallery.thumbnail(saved.id)
    damage(gallery.files.thumbnail(saved.id))
    assert gallery.thumbnail(saved.id) == before == gallery.files.thumbnail(saved.id).read_bytes()


# --- deleting -----------------------------------------------------------------------------------


def test_delete_and_restore(gallery):
    one, two = (gallery.save(picture(i), recipe()) for i in range(2))
    assert gallery.delete([one.id, "nonsense", new_id()]) == 1
    assert gallery.delete([one.id]) == 0
    assert [image.id for image in gallery.page().images] == [two.id]
    assert [image.id for image in gallery.page(trash=True).images] == [one.id]
    assert gallery.get(one.id).deleted_at > one.created_at
    assert gallery.png(one.id)
    assert gallery.restore([one.id]) == 1
    assert gallery.get(one.id) == one
    assert gallery.count() == 2


def test_saving_into_an_empty_mount_point_is_refused(gallery):
    gallery.save(picture(), recipe())
    gallery.files.marker.unlink()
    with pytest.raises(StorageFailed, match=r"empty mount point.*Mount the disk"):
        gallery.save(picture(), recipe())
    assert gallery.count() == 1


def test_every_error_is_a_gallery_error():
    for kind in (ImageNotFound, ImageMissing, ImageDamaged, StorageFailed):
        assert issubclass(kind, GalleryError)
