"""Errors in words, for every place where the studio starts or talks to people."""

from sqlalchemy.exc import SQLAlchemyError

from engine.errors import InvalidRequest, StudioError
from gallery.errors import GalleryError


def in_words(error: BaseException) -> str | None:
    """One sentence or a few for people; None for an error that nobody foresaw, which needs its traceback."""
    if isinstance(error, InvalidRequest):
        return "; ".join(problem.message.rstrip(".") for problem in error.problems) + "."
    if isinstance(error, (StudioError, GalleryError)):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}. Check the place and its rights, or name another."
    if isinstance(error, SQLAlchemyError):
        return f"The database cannot be used: {str(error).splitlines()[0]}. Check STUDIO_DATABASE_URL."
    return None
