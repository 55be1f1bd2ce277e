"""The machine-readable mark of pictures that a machine made: IPTC's digital source type, in an XMP packet.

PNG carries the packet in an iTXt chunk, JPEG in an APP1 segment, as XMP's specification (ISO 16684, part 3) says.
"""

import re
from xml.sax.saxutils import escape

PNG_KEYWORD = "XML:com.adobe.xmp"
NEWS_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{}</Iptc4xmpExt:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
_SOURCE = re.compile(r"DigitalSourceType(?:>|=[\"'])\s*" + re.escape(NEWS_CODES) + r"(\w+)")


def packet(digital_source: str) -> str:
    """The packet for one of the IPTC's news codes, such as `trainedAlgorithmicMedia`."""
    return _PACKET.format(escape(NEWS_CODES + digital_source))


def digital_source_in(text: str) -> str:
    """The news code that a packet names; empty where it names none."""
    found = _SOURCE.search(text)
    return found[1] if found else ""
