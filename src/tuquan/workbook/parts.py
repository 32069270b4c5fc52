"""Parse the XML parts of a workbook with expat: UTF-8, no document types, bounded size and depth.

The tree is built in C; handlers written in Python took twice the time for a sheet.
"""

import re
from xml.etree.ElementTree import Element, ParseError, fromstring

from tuquan.workbook.container import damaged, too_large

MAX_TAGS = 600_000  # "<" signs of one part: bounds the memory of its tree before it is built
MAX_DEPTH = 32  # SpreadsheetML needs less than 12
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([^\"']{1,40})[\"']")


def parse_part(content: bytes) -> Element:
    """Return the tree of one part.

    Raises:
        UnreadableFile: not well-formed, another encoding than UTF-8, a document type, too large or too deep.
    """
    _admit(content)
    try:
        root = fromstring(content)  # noqa: S314 - UTF-8 without document type: no entity can be declared
    except (ParseError, ValueError, LookupError) as error:
        raise damaged("bad_xml") from error
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in parent]
        if not level:
            return root
    raise too_large("depth", MAX_DEPTH + 1, MAX_DEPTH)


def admit_together(*parts: bytes) -> None:
    """Raise when parts whose trees are needed at the same time would fill the memory."""
    tags = sum(part.count(b"<") for part in parts)
    if tags > MAX_TAGS:
        raise too_large("cells", tags, MAX_TAGS)


def _admit(content: bytes) -> None:
    declared = _ENCODING.search(content, 0, 300)
    if b"\0" in content or (declared and declared[1].lower() not in (b"utf-8", b"us-ascii")):
        raise damaged("bad_xml")
    if b"<!DOCTYPE" in content:
        raise damaged("doctype")
    admit_together(content)
