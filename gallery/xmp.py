"""What stands in the XMP packet of a picture: the machine-readable mark of how it came to be, and whose it is.

PNG carries the packet in an iTXt chunk, JPEG in an APP1 segment, WebP in a chunk of its own, as XMP's specification
(ISO 16684, part 3) says. The mark is IPTC's digital source type. Who made the photo that a picture began with, their
rights and credit are carried on in the same fields in which cameras and other tools write them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

PNG_KEYWORD = "XML:com.adobe.xmp"
NEWS_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
DIGITAL_SOURCE = "Iptc4xmpExt:DigitalSourceType"

MAX_PACKET = 4 << 20  # characters that are read; a recipe of 1 MiB may stand in it, escaped
MOST_VALUES, LONGEST = 4, 300  # of a carried field: many long ones would burst the 64 KiB of a JPEG's segment

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAMESPACES = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "niji": "urn:niji-studio:xmp:1.0/",
}
# The fields of others that are carried on, and as what XMP has their values: a list, a text in languages, or one text.
CARRIED = {
    "dc:creator": "Seq",
    "dc:rights": "Alt",
    "photoshop:Credit": "",
    "xmpRights:UsageTerms": "Alt",
    "xmpRights:WebStatement": "",
    "plus:DataMining": "",  # whether machines may learn from it
}
_RECIPE = "niji:recipe"
_NAMES = {f"{{{_NAMESPACES[name.split(':')[0]]}}}{name.split(':')[1]}": name for name in (*CARRIED, DIGITAL_SOURCE)}
_SOURCE = re.compile(r"DigitalSourceType(?:>|=[\"'])\s*" + re.escape(NEWS_CODES) + r"(\w+)")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="{rdf}">
  <rdf:Description rdf:about=""{namespaces}>
{fields}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""

Marks = Mapping[str, Sequence[str]]
"""Values of `CARRIED` fields, and a news code under `DIGITAL_SOURCE`."""


def packet(digital_source: str, marks: Marks | None = None, recipe: str = "") -> str:
    """The packet for one of the IPTC's news codes, such as `trainedAlgorithmicMedia`; without a mark where it is empty.

    Args:
        marks: of others, to be carried on; a digital source among them is passed over.
        recipe: JSON in ASCII, for files that have no other place for it.
    """
    source = [(DIGITAL_SOURCE, "", [NEWS_CODES + digital_source])] if digital_source else []
    carried = [(name, form, (marks or {}).get(name, ())) for name, form in CARRIED.items()]
    own = [(_RECIPE, "", [recipe])] if recipe else []
    written = [(name, form, values) for name, form, values in (*source, *carried, *own) if values]
    used = dict.fromkeys(name.split(":")[0] for name, _, _ in written)
    return _PACKET.format(
        rdf=_RDF,
        namespaces="".join(f' xmlns:{prefix}="{_NAMESPACES[prefix]}"' for prefix in used),
        fields="\n".join(f"   <{name}>{_written(form, values)}</{name}>" for name, form, values in written),
    )


def _written(form: str, values: Sequence[str]) -> str:
    texts = [escape(_NOT_XML.sub("\ufffd", value)) for value in values]
    if not form:
        return texts[0]
    language = ' xml:lang="x-default"' if form == "Alt" else ""
    items = texts if form == "Seq" else texts[:1]  # of a text in languages there is one default
    return f"<rdf:{form}>{''.join(f'<rdf:li{language}>{text}</rdf:li>' for text in items)}</rdf:{form}>"


def digital_source_in(text: str) -> str:
    """The news code that a packet names; empty where it names none."""
    found = _SOURCE.search(text)
    return found[1] if found else ""


def recipe_in(text: str) -> str:
    """The recipe's JSON in a packet; empty where there is none."""
    return next((element.text or "" for element in _elements(text) if element.tag == _tag(_RECIPE)), "")


def marks_in(text: str) -> dict[str, list[str]]:
    """What a packet of any tool says of how the picture came to be and whose it is; empty where it says nothing."""
    found: dict[str, list[str]] = {}
    for element in _elements(text):
        if element.tag == f"{{{_RDF}}}Description":  # short fields may be attributes
            for tag, value in element.attrib.items():
                _note(found, tag, [value])
        _note(found, element.tag, _values(element))
    if source := digital_source_in(text):
        found[DIGITAL_SOURCE] = [source]
    else:
        found.pop(DIGITAL_SOURCE, None)  # no news code
    return found


def clean_marks(values: Any) -> dict[str, list[str]]:
    """The fields that can be carried on of values from anywhere, such as a recipe, each cut to what fits."""
    if not isinstance(values, Mapping):
        return {}
    found: dict[str, list[str]] = {}
    for name in (*CARRIED, DIGITAL_SOURCE):
        several = values.get(name)
        if isinstance(several, (list, tuple)) and (texts := [text for text in several if isinstance(text, str)]):
            found[name] = [text[:LONGEST] for text in texts[:MOST_VALUES]]
    return found


def _note(found: dict[str, list[str]], tag: Any, values: Sequence[str]) -> None:
    texts = [text.strip()[:LONGEST] for text in values if text.strip()]
    if (name := _NAMES.get(tag)) and texts:
        found.setdefault(name, texts[:MOST_VALUES])


def _values(element: ElementTree.Element) -> list[str]:
    items = [item.text or "" for item in element.iter(f"{{{_RDF}}}li")]
    return items or [element.text or ""]


def _elements(text: str) -> Iterator[ElementTree.Element]:
    """None of a packet that is broken, or that declares what a packet never needs and an attack does."""
    if len(text) > MAX_PACKET or "<!" in text.replace("<!--", ""):
        return iter(())
    try:
        return ElementTree.fromstring(text.strip("\0 \r\n\t\ufeff")).iter()
    except (ElementTree.ParseError, ValueError):
        return iter(())


def _tag(name: str) -> str:
    prefix, local = name.split(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"
