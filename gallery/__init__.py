"""What was made, kept for ever: the database, the image files, and the recipes inside them.

Imports neither torch nor streamlit nor the engine.
"""

from gallery.database import Base, Database, now
from gallery.errors import GalleryError
from gallery.recipe import Recipe
from gallery.records import ImageRecord, Page
from gallery.store import Gallery

__all__ = ["Base", "Database", "Gallery", "GalleryError", "ImageRecord", "Page", "Recipe", "now"]
