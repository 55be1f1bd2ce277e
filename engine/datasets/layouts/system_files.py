"""Files that operating systems and their programs leave in folders: never pictures, never captions."""

_NAMES = {
    # macOS
    "__macosx",
    ".ds_store",
    "icon\r",
    "icon\uf00d",  # the same on a network drive
    ".localized",
    ".volumeicon.icns",
    ".apdisk",
    ".spotlight-v100",
    ".trashes",
    ".fseventsd",
    ".temporaryitems",
    ".documentrevisions-v100",
    ".appledouble",
    ".appledb",
    ".appledesktop",
    "network trash folder",
    # Windows
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "folder.htt",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "picasa.ini",
    ".picasa.ini",
    # Linux, phones and network drives
    ".directory",
    ".thumbnails",
    ".nomedia",
    ".trash",
    "lost+found",
    "@eadir",
    "#recycle",
    "#snapshot",
}
_BEGINNINGS = ("._", ".trash-", ".fuse_hidden", ".nfs")


def is_of_the_system(name: str) -> bool:
    """Whether a file or folder of this name, without its path, belongs to an operating system."""
    small = name.casefold()
    return small in _NAMES or small.startswith(_BEGINNINGS)
