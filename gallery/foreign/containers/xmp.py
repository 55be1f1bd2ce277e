"""XMP: the fields in which tools keep recipes, found by their names; no XML reader, so no entities to expand."""

import html
import re

from gallery.foreign.containers.texts import XMP_COMMENT, Texts, decode

NAMES = {
    "exif:UserComment": XMP_COMMENT,
    "dc:description": "XMP description",
    "xmp:CreatorTool": "XMP CreatorTool",
    "parameters": "parameters",
}
_TAG = re.compile(r"<[^<>]*>")


def add_xmp(raw: bytes, texts: Texts) -> None:
    """Add the texts of an XMP packet."""
    packet = decode(raw)
    for name, key in NAMES.items():
        texts.add(key, html.unescape(_field(packet, name)).strip())


def _field(packet: str, name: str) -> str:
    """The text of a field, written as an element or as an attribute; empty where it is not there."""
    if (at := packet.find(f"<{name}")) >= 0:
        begin = packet.find(">", at) + 1
        end = packet.find(f"</{name}", begin)
        if begin and end >= 0:
            return _TAG.sub("", packet[begin:end])
    for quote in ('"', "'"):
        if (at := packet.find(f" {name}={quote}")) >= 0:
            begin = at + len(name) + 3
            return packet[begin : packet.find(quote, begin)]
    return ""
