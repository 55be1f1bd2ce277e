"""The gallery: what was made, kept for ever.

An image is saved in the order bytes, file, row: when the row can be seen, the file is complete
on disk. The other order leaves rows without pictures when the machine dies in between; this
one leaves at most a file without a row, which `rebuild` can adopt.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image as Pictures
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery import carried, family, maintenance, thumbnails
from gallery.database import Database, changed_rows, now
from gallery.errors import GalleryError, ImageDamaged, ImageMissing, ImageNotFound, StorageFailed
from gallery.files import ImageFiles, sha256
from gallery.ids import is_id, new_id
from gallery.looks.filling import looks_of
from gallery.mending import rebuilding
from gallery.metadata import jpeg_bytes, png_bytes, read_recipe, webp_bytes
from gallery.questions import filing, fulltext, newest
from gallery.questions.query import Facets, Query
from gallery.recipe import Recipe
from gallery.records import ImageRecord, Page, record_of, records_of, row_of
from gallery.schema import Image
from gallery.words import Describe, by_kind

if TYPE_CHECKING:
    from gallery.looks.likeness import Likeness
    from gallery.questions.asking import Questions

DEFAULT_OWNER = "artist"
MAX_PAGE = 500
_ATTEMPTS = 3

Also = Callable[[Session], None]


class Gallery:
    """Save, find, show, delete and restore images.

    Args:
        database: migrated; see `Database.migrate`.
        home: the folder of the image files.
        files: another way to write files (tests fail on purpose here).
        describe: what a picture is called and what other tools read in it, by its recipe.
    """

    def __init__(self, database: Database, home: Path, files: ImageFiles | None = None, describe: Describe = by_kind):
        self.database = database
        self.describe = carried.with_marks(describe)
        self.files = files or ImageFiles(home)

    @cached_property
    def _questions(self) -> "Questions":
        from gallery.questions.asking import Questions  # numpy is slow to import

        return Questions(self.database)

    @cached_property
    def _likeness(self) -> "Likeness":
        from gallery.looks.likeness import Likeness

        return Likeness(self._questions)

    # --- saving ---------------------------------------------------------------------------------

    def save(
        self,
        image: Pictures.Image,
        recipe: Recipe,
        *,
        owner: str = DEFAULT_OWNER,
        job_id: str | None = None,
        job_index: int | None = None,
        also: Also | None = None,
    ) -> ImageRecord:
        """Keep a picture for ever: its file first, then its row.

        Args:
            image: mode RGB, RGBA or L.
            recipe: how it was made; written into the file and the row.
            owner: whose image it is.
            job_id, job_index: which result of which job it is; saved once, however often tried.
            also: called in the transaction of the row, or of finding that the job's image is
                kept already. What it raises undoes everything and comes out of `save`.

        Raises:
            ImageRefused: the picture has a colour mode or size that is not kept.
            StorageFailed: the disk or database took nothing; the text says why.
        """
        record = {"job_id": job_id, "job_index": job_index} if job_id else None
        recipe = carried.noted(recipe, self.files)
        words = self.describe(recipe)
        data = png_bytes(image, recipe, record, words.parameters, words.digital_source, words.rights)
        looks = looks_of(image)
        self.check_folder()
        for attempt in range(_ATTEMPTS):
            slot = {"owner": owner, "job_id": job_id, "job_index": job_index, **looks}
            row = row_of(new_id(), recipe, words, image.size, data, **slot)
            try:
                return self._save_row(row, data, image, also)
            except IntegrityError:
                # Another process took the job's place or (1 in 32,768 per shared millisecond)
                # the number; the next attempt finds the first and avoids the second.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _save_row(self, row: Image, data: bytes, image: Pictures.Image, also: Also | None) -> ImageRecord:
        with self.database.read() as session:
            kept = _of_slot(session, row.job_id, row.job_index)
        if kept is None:
            self.files.write(self.files.image(row.id), data)
        try:
            with self.database.write() as session:
                kept = kept and _of_slot(session, row.job_id, row.job_index)
                saved = kept or self.insert(session, row)
                if also:
                    also(session)
                record = record_of(row) if saved is row else records_of(session, [saved])[0]
        except BaseException:
            self.discard_unless_saved(row.id)
            raise
        if saved is row:
            with suppress(OSError, GalleryError):
                thumbnails.write(self.files, row.id, image)
        return record

    def insert(self, session: Session, row: Image) -> Image:
        """Add a row whose file is there, with what is found by it."""
        row.created_at = now(session)
        session.add(row)
        session.flush()
        filing.add(session, row)
        return row

    def discard_unless_saved(self, image_id: str) -> None:
        """Remove the file of a failed save, if it is certain that no row needs it.

        A commit can fail towards us and still have happened (a lost network connection): only
        the database's clear "no such row" allows the removal, else the sweep reports an orphan.
        """
        with suppress(Exception), self.database.read() as session:
            if session.get(Image, image_id) is None:
                self.files.remove(self.files.image(image_id))

    def check_folder(self) -> None:
        """Refuse to write where the images are not: an empty mount point instead of the disk."""
        if self.files.marker.is_file():
            return
        if self.count() or self.count(trash=True):
            raise StorageFailed(maintenance.unmarked(self.files))
        self.files.mark()

    # --- finding --------------------------------------------------------------------------------

    def get(self, image_id: str, owner: str | None = None) -> ImageRecord:
        """One image, in the trash too.

        Args:
            image_id: its id.
            owner: only if it belongs to them; None means anybody's.

        Raises:
            ImageNotFound: there is none.
        """
        if not is_id(image_id):
            raise ImageNotFound(image_id)
        with self.database.read() as session:
            row = session.get(Image, image_id)
            if row is None or owner not in (None, row.owner):
                raise ImageNotFound(image_id)
            (record,) = records_of(session, [row])
        return record

    def of_job(self, job_id: str, *, with_deleted: bool = False) -> tuple[ImageRecord, ...]:
        """The images of one job in the order of the request; those in the trash only if asked for."""
        statement = select(Image).where(Image.job_id == job_id).order_by(Image.job_index)
        if not with_deleted:
            statement = statement.where(Image.deleted_at.is_(None))
        with self.database.read() as session:
            return records_of(session, session.scalars(statement))

    def parents(self, record: ImageRecord, owner: str | None = None) -> tuple[family.Parent, ...]:
        """What a picture was made from, also what is in the trash or gone."""
        return family.parents(self.database, record.recipe, owner)

    def children(self, image_id: str, owner: str | None = None) -> tuple[ImageRecord, ...]:
        """What came of a picture, newest first, without what is in the trash."""
        return family.children(self.database, image_id, owner)

    def page(
        self,
        query: Query | None = None,
        *,
        limit: int = 48,
        older_than: str | None = None,
        newer_than: str | None = None,
        search: str = "",
        owner: str | None = None,
        trash: bool = False,
    ) -> Page:
        """Neighbouring images in the order of the query, newest first without one: the first, or those next to one.

        Args:
            query: what is looked for; the last three arguments say the same for a query of nothing else.
            limit: images on the page, 1 to 500.
            older_than: the page after this id (the last one of the page before).
            newer_than: the page before this id; not together with `older_than`.
            search: words that the title has, or has words beginning with.
            owner: only their images.
            trash: the deleted images instead of the others.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"A page has 1 to {MAX_PAGE} images; got limit={limit}.")
        if older_than and newer_than:
            raise ValueError("A page is older_than or newer_than an image, not both.")
        query = query or Query(words=search, owner=owner, trash=trash)
        answer = newest.page if query.of_words_only else self._questions.page
        return answer(self.database, query, limit, older_than, newer_than)

    def count(
        self,
        query: Query | None = None,
        *,
        search: str = "",
        owner: str | None = None,
        trash: bool = False,
        at_most: int | None = None,
    ) -> int:
        """How many images a `page` with these arguments walks through.

        Args:
            query, search, owner, trash: as for `page`.
            at_most: stop counting there; a common word in 100,000 prompts takes long to count.
        """
        query = query or Query(words=search, owner=owner, trash=trash)
        if query.of_words_only:
            return newest.count(self.database, query, at_most)
        counted = self._questions.count(self.database, query)
        return counted if at_most is None else min(counted, at_most)

    def neighbours(self, query: Query, image_id: str) -> tuple[ImageRecord | None, ImageRecord | None]:
        """The images before and after one in the order of the query; None at its ends.

        Raises:
            ImageNotFound: the id is none.
        """
        before = self.page(query, limit=1, newer_than=image_id).images
        after = self.page(query, limit=1, older_than=image_id).images
        return next(iter(before), None), next(iter(after), None)

    def several(self, image_ids: Iterable[str], owner: str | None = None) -> tuple[ImageRecord, ...]:
        """The images of these ids in their order, in the trash too; those that are not there are left out."""
        ids = list(dict.fromkeys(filter(is_id, image_ids)))
        statement = select(Image).where(Image.id.in_(ids))
        if owner is not None:
            statement = statement.where(Image.owner == owner)
        with self.database.read() as session:
            found = {record.id: record for record in records_of(session, session.scalars(statement))}
        return tuple(found[image_id] for image_id in ids if image_id in found)

    def ids(self, query: Query, at_most: int = 10_000, *, folded: bool = False) -> tuple[str, ...]:
        """The ids of all images that answer a query, in its order.

        Args:
            query: what is looked for.
            at_most: so many, from the first on.
            folded: of folded stacks only the first image, as `page` has them; else every image.
        """
        return self._questions.ids(self.database, query if folded else replace(query, fold=False), at_most)

    def facets(self, query: Query) -> Facets:
        """How many images each value of each filter would leave, with everything else that is asked."""
        return self._questions.facets(self.database, query)

    def more_like(
        self, record: ImageRecord, owner: str | None = None, most: int = 12
    ) -> tuple[ImageRecord, ...] | None:
        """The pictures that look most like one, nearest first; not itself, none of the trash.

        By colours, where they lie, and the directions of lines; see `gallery.looks.features`.

        Returns:
            None where nobody looked at the picture yet (`gallery.looks.filling`), or its file cannot be read.
        """
        return self._likeness.more_like(self.database, record, owner, most)

    def warm(self) -> None:
        """Read what questions need before anybody asks one; with 100,000 images that takes a second or two."""
        filing.clear_log(self.database)
        self._questions.warm(self.database)
        self._likeness.warm(self.database)

    # --- showing --------------------------------------------------------------------------------

    def path(self, image_id: str, owner: str | None = None) -> Path:
        """The image file.

        Raises:
            ImageNotFound: no image has that id.
            ImageMissing: its file is gone.
        """
        self.get(image_id, owner)
        path = self.files.locate(image_id)
        if path is None:
            raise ImageMissing(
                f"The file of image {image_id} is not in {self.files.images}. "
                "Put it back from a backup; its recipe is still here, so it can be made again."
            )
        return path

    def png(self, image_id: str, owner: str | None = None) -> bytes:
        """The file as it was saved, recipe included.

        Raises:
            ImageNotFound, ImageMissing: as for `path`.
            ImageDamaged: the bytes are not the ones that were saved.
        """
        path = self.path(image_id, owner)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ImageMissing(f"The file {path} cannot be read: {error.strerror}. Check the disk.") from error
        expected = self.get(image_id).sha256
        if sha256(data) != expected:
            raise ImageDamaged(
                f"The file of image {image_id} has changed since it was saved "
                f"({len(data)} bytes, sha256 {sha256(data)[:12]}, saved as {expected[:12]}). "
                "Put it back from a backup, or make it again from its recipe."
            )
        return data

    def jpg(self, image_id: str, quality: int = 92, owner: str | None = None) -> bytes:
        """The image as JPEG, recipe included. Raises as `png` does."""
        return self._smaller(jpeg_bytes, image_id, quality, owner)

    def webp(self, image_id: str, quality: int = 92, owner: str | None = None) -> bytes:
        """The image as WebP, recipe included. Raises as `png` does."""
        return self._smaller(webp_bytes, image_id, quality, owner)

    def _smaller(self, encoded: Callable[..., bytes], image_id: str, quality: int, owner: str | None) -> bytes:
        record, png = self.get(image_id, owner), self.png(image_id)
        recipe = record.recipe
        if record.unreadable:
            recipe = read_recipe(png) or recipe
        words = self.describe(recipe)
        image = thumbnails.decode(png)
        return encoded(image, recipe, quality, words.parameters, words.digital_source, words.rights)

    def thumbnail(self, image_id: str, owner: str | None = None) -> bytes:
        """A small WebP, from the cache or made now. Raises as `png` does."""
        self.get(image_id, owner)
        cached = thumbnails.read(self.files, image_id)
        if cached is not None:
            return cached
        return thumbnails.write(self.files, image_id, thumbnails.decode(self.png(image_id)))

    # --- deleting -------------------------------------------------------------------------------

    def delete(self, image_ids: Iterable[str], owner: str | None = None) -> int:
        """Put images into the trash; returns how many were not there yet."""
        return self._set_deleted(image_ids, owner, deleted=True)

    def restore(self, image_ids: Iterable[str], owner: str | None = None) -> int:
        """Take images out of the trash; returns how many were there."""
        image_ids = list(image_ids)
        restored = self._set_deleted(image_ids, owner, deleted=False)
        for image_id in filter(is_id, image_ids):
            maintenance.bring_back(self.files, image_id)
        return restored

    def _set_deleted(self, image_ids: Iterable[str], owner: str | None, deleted: bool) -> int:
        statement = update(Image).where(Image.id.in_(list(image_ids)))
        statement = statement.where(Image.deleted_at.is_(None) if deleted else Image.deleted_at.is_not(None))
        if owner is not None:
            statement = statement.where(Image.owner == owner)
        with self.database.write() as session:
            moment = now(session) if deleted else None
            return changed_rows(session, statement.values(deleted_at=moment))

    # --- looking after the files ----------------------------------------------------------------

    def purge(self, older_than_seconds: float) -> int:
        """Remove images for good that were in the trash this long; returns how many."""
        return maintenance.purge(self.database, self.files, older_than_seconds)

    def delete_for_good(self, image_ids: Iterable[str], owner: str | None = None) -> int:
        """Remove those of these images for good that are in the trash; returns how many. Nothing brings them back.

        Killed at any moment, no row is left without its file: an image is still in the trash, or gone.

        Raises:
            StorageFailed: the disk or database did not take it; what was not removed is in the trash still.
        """
        return maintenance.purge_these(self.database, self.files, image_ids, owner)

    def sweep(self, settle_seconds: float = maintenance.SETTLE_SECONDS) -> maintenance.SweepReport:
        """Compare files and rows, tidy up what is certainly waste, and report the rest."""
        return maintenance.sweep(self.database, self.files, settle_seconds)

    def rebuild(self, owner: str = DEFAULT_OWNER, settle_seconds: float = maintenance.SETTLE_SECONDS) -> int:
        """Take every image file with a recipe but no row into the gallery; returns how many."""
        return rebuilding.rebuild(self.database, self.files, owner, settle_seconds, self.describe)

    def renew(self) -> int:
        """Write rows anew that cannot be read, or say something else than their sound files; returns how many."""
        renewed = rebuilding.drop_nameless(self.database) + rebuilding.renew(self.database, self.files, self.describe)
        with self.database.write() as session:
            fulltext.heal(session, thoroughly=True)
        return renewed

    def count_unlisted(self) -> int:
        """How many image files lie in the folder without being in the gallery."""
        return len(rebuilding.unlisted(self.database, self.files))

    def set_aside_unlisted(self, settle_seconds: float = maintenance.SETTLE_SECONDS) -> list[Path]:
        """Move image files without a row into a folder of their own; returns where they are. Use after `rebuild`."""
        return rebuilding.set_aside_unlisted(self.database, self.files, settle_seconds)


def _of_slot(session: Session, job_id: str | None, job_index: int | None) -> Image | None:
    """The image that is kept already for this result of this job."""
    if job_id is None or job_index is None:
        return None
    return session.scalar(select(Image).where(Image.job_id == job_id, Image.job_index == job_index))
