import os
import time
from dataclasses import replace

import pytest
from sqlalchemy import text

from gallery import Gallery
from gallery.errors import ImageNotFound, StorageFailed, SweepRefused
from gallery.files import ImageFiles
from gallery.ids import new_id
from gallery.metadata import png_bytes
from gallery.questions import fulltext
from gallery.schema import Image
from tests.gallery.samples import describe, picture, recipe

JOB = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
HOUR = 3600


@pytest.fixture
def saved(gallery):
    return [gallery.save(picture(i), recipe(f"number {i}"), job_id=JOB, job_index=i) for i in range(5)]


def forget(database, image_id):
    with database.write() as session:
        row = session.get(Image, image_id)
        fulltext.remove(session, row)
        session.delete(row)


def test_a_healthy_gallery_has_nothing_to_report(gallery, saved):
    report = gallery.sweep(settle_seconds=0)
    assert report == type(report)(images=5)


def test_an_empty_gallery_sweeps_and_rebuilds_to_nothing(gallery):
    assert gallery.sweep().images == 0
    assert gallery.rebuild() == 0


def test_old_temporary_files_go_and_young_ones_stay(gallery, saved):
    folder = gallery.path(saved[0].id).parent
    old, young = folder / ".old.1.tmp", folder / ".young.1.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * HOUR,) * 2)
    assert gallery.sweep(settle_seconds=0).removed == (".old.1.tmp",)
    assert young.exists()


def test_orphans_are_reported_kept_and_adopted(gallery, database, saved):
    before = gallery.get(saved[2].id)
    forget(database, saved[2].id)
    notes = gallery.files.images / "aa" / "notes.txt"
    notes.parent.mkdir(exist_ok=True)
    notes.write_text("mine")
    report = gallery.sweep(settle_seconds=0)
    assert sorted(report.orphans) == sorted([gallery.files.image(saved[2].id), notes])
    assert gallery.rebuild(settle_seconds=0) == 1
    after = gallery.get(saved[2].id)
    assert abs(after.created_at - before.created_at) < 5
    assert after == replace(before, created_at=after.created_at, colours=())  # looked for by the upkeep
    assert [image.title for image in gallery.page(search="number 2").images] == ["number 2"]
    assert gallery.rebuild(settle_seconds=0) == 0
    assert notes.exists()


def test_a_save_in_progress_is_no_orphan(gallery, saved, database):
    forget(database, saved[0].id)
    assert gallery.sweep().orphans == ()
    assert gallery.rebuild() == 0


def test_an_orphan_of_a_job_that_was_repeated_is_not_adopted_twice(gallery, saved):
    again = new_id()
    data = png_bytes(picture(), recipe(), {"job_id": JOB, "job_index": 0})
    gallery.files.write(gallery.files.image(again), data)
    assert gallery.rebuild(settle_seconds=0) == 0
    assert gallery.sweep(settle_seconds=0).orphans == (gallery.files.image(again),)


def test_the_database_can_be_built_from_the_files(gallery, saved, database):
    before = gallery.page().images
    with database.write() as session:
        session.execute(text("DELETE FROM images"))
        if database.is_sqlite:
            fulltext.rebuild(session)
    assert gallery.rebuild(settle_seconds=0) == 5
    assert [(i.id, i.recipe, i.sha256) for i in gallery.page().images] == [(i.id, i.recipe, i.sha256) for i in before]


@pytest.mark.parametrize("damage", [lambda d: d[:-4], lambda d: d[:60] + b"?" + d[61:], lambda d: b""])
def test_damaged_orphans_are_not_adopted(gallery, database, saved, damage):
    path = gallery.path(saved[0].id)
    forget(database, saved[0].id)
    path.write_bytes(damage(path.read_bytes()))
    assert gallery.rebuild(settle_seconds=0) == 0


def test_missing_and_wrong_sizes_are_reported_never_dropped(gallery, saved):
    gallery.path(saved[0].id).unlink()
    gallery.path(saved[1].id).write_bytes(b"short")
    report = gallery.sweep(settle_seconds=0)
    assert (report.missing, report.wrong_size) == ((saved[0].id,), (saved[1].id,))
    assert gallery.count() == 5


def test_a_sweep_refuses_an_unmarked_folder(gallery, saved):
    gallery.files.marker.unlink()
    with pytest.raises(SweepRefused, match=r"empty mount point.*Nothing was changed"):
        gallery.sweep()
    with pytest.raises(StorageFailed, match="Mount the disk"):
        gallery.rebuild()
    gallery.delete([saved[0].id])
    with pytest.raises(StorageFailed, match="Mount the disk"):
        gallery.purge(0)
    assert gallery.count(trash=True) == 1


def test_a_sweep_refuses_when_too_much_is_missing(gallery, saved):
    for record in saved[:4]:
        gallery.path(record.id).unlink()
    with pytest.raises(SweepRefused, match=r"4 of 5 image files.*more than 5%"):
        gallery.sweep()


def test_purge_removes_only_what_was_long_in_the_trash(gallery, saved):
    gallery.delete([saved[0].id])
    assert gallery.purge(HOUR) == 0
    assert gallery.purge(0) == 1
    with pytest.raises(ImageNotFound):
        gallery.get(saved[0].id)
    assert not gallery.files.locate(saved[0].id)
    assert not gallery.files.thumbnail(saved[0].id).exists()
    assert gallery.count() == 4
    assert gallery.sweep(settle_seconds=0) == type(gallery.sweep())(images=4)
    assert gallery.rebuild(settle_seconds=0) == 0


def test_chosen_pictures_go_for_good_only_from_the_trash(gallery, saved):
    gallery.delete([saved[0].id, saved[1].id])
    chosen = [saved[0].id, saved[2].id, "no id", new_id()]
    assert gallery.delete_for_good(chosen, owner="somebody else") == 0
    assert gallery.delete_for_good(chosen) == 1
    assert not gallery.files.locate(saved[0].id)
    assert not gallery.files.thumbnail(saved[0].id).exists()
    assert gallery.count(trash=True) == 1
    assert gallery.count() == 3
    gallery.files.marker.unlink()
    with pytest.raises(StorageFailed, match="Mount the disk"):
        gallery.delete_for_good([saved[1].id])


def test_a_purge_cut_short_before_the_rows_can_be_undone(gallery, saved):
    image_id = saved[0].id
    gallery.delete([image_id])
    gallery.files.move(gallery.files.image(image_id), gallery.files.trashed(image_id))
    assert gallery.sweep(settle_seconds=0).missing == ()
    assert gallery.png(image_id)
    gallery.restore([image_id])
    assert gallery.path(image_id) == gallery.files.image(image_id)


def test_a_purge_cut_short_after_the_rows_is_finished_by_the_sweep(gallery, saved):
    left = gallery.files.trashed(new_id())
    gallery.files.write(left, b"waste")
    assert gallery.sweep(settle_seconds=0).removed == (left.name,)
    assert not left.exists()


def test_a_restore_cut_short_is_finished_by_the_sweep(gallery, saved):
    image_id = saved[0].id
    gallery.files.move(gallery.files.image(image_id), gallery.files.trashed(image_id))
    gallery.sweep(settle_seconds=0)
    assert gallery.path(image_id) == gallery.files.image(image_id)


def test_an_image_restored_during_a_purge_stays(database, gallery, saved, tmp_path):
    image_id = saved[0].id
    gallery.delete([image_id])

    class Restoring(type(gallery.files)):
        def move(self, source, target):
            super().move(source, target)
            if target.parent == self.trash:
                Gallery(database, tmp_path, describe=describe).restore([image_id])

    assert Gallery(database, tmp_path, Restoring(tmp_path), describe=describe).purge(0) == 0
    assert gallery.path(image_id) == gallery.files.image(image_id)
    assert gallery.png(image_id)


def test_a_picture_that_is_just_saved_is_not_set_aside(gallery, database, saved):
    forget(database, saved[0].id)  # its file is there, its row is on the way
    assert gallery.set_aside_unlisted() == []
    assert gallery.files.image(saved[0].id).is_file()
    assert len(gallery.set_aside_unlisted(settle_seconds=0)) == 1


class BesideAStudio(ImageFiles):
    """Another process saves a picture between the reading of the rows and that of the folder."""

    def found(self, root):
        Gallery(self.database, root.parent, describe=describe).save(picture(9), recipe("number 9"))
        return super().found(root)


def test_a_picture_whose_row_came_late_is_not_set_aside(gallery, database, saved, tmp_path):
    files = BesideAStudio(tmp_path)
    files.database = database
    assert Gallery(database, tmp_path, files, describe).set_aside_unlisted(settle_seconds=0) == []
    assert gallery.count() == 6
    assert all(gallery.png(image.id) for image in gallery.page().images)


def test_what_is_set_aside_replaces_nothing_there(gallery, database, saved):
    forget(database, saved[0].id)
    before = gallery.files.aside / f"{saved[0].id}.png"
    before.parent.mkdir()
    before.write_bytes(b"of another time")
    (moved,) = gallery.set_aside_unlisted(settle_seconds=0)
    assert before.read_bytes() == b"of another time"
    assert moved.name == f"{saved[0].id}-2.png"
    assert moved.is_file()
