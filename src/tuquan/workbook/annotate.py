"""Give a sender the own workbook back, with a note and a colour on each cell in question and nothing else changed.

No library rewrites a workbook without losing something of it, so the parts are edited where they stand: each part is
located by expat, spliced as bytes, and every part that has nothing to do with a note stays as it came. What is not
understood is left alone: the receipt then goes without a workbook.
"""

import re
import textwrap
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from posixpath import normpath, relpath
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from tuquan.workbook.container import UnreadableFile, members_of
from tuquan.workbook.grid import letters_of
from tuquan.workbook.remarks import quoted
from tuquan.workbook.submission import SEVERITIES

MAX_PART_BYTES = 4 * 1024 * 1024  # of a part that is edited: a form has 60 kB
COMPRESSION = 4  # the best takes twice the time for a tenth of the bytes
CONTENT_TYPES = "[Content_Types].xml"
COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
COLOURS = {"refused": "FFFF9B9B", "held": "FFFFC000", "warning": "FFBDD7EE", "info": "FFBDD7EE"}
# Size of a note in pixels: what 10-point Tahoma needs, measured on a rendered page.
NOTE_WIDTH, LINE_PIXELS, LETTERS_PER_LINE, MARGIN_PIXELS = 330, 18, 44, 16
MOST_STEPS = 2_000  # rows that a note may span, most of them hidden
DEFAULT_ROW_PIXELS, DEFAULT_COLUMN_PIXELS, PIXELS_PER_POINT, PIXELS_PER_LETTER = 20, 64, 4 / 3, 7
# What the schema puts behind the link to the notes, and what may wrap it; everything else stands in front.
_BEHIND_LEGACY_DRAWING = {
    *("legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst"),
    "AlternateContent",
}
_ADDRESS = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})", re.ASCII)
_OPEN_TAG = re.compile(rb"<[^<>\"']*(?:\"[^\"]*\"[^<>\"']*|'[^']*'[^<>\"']*)*>")
_TAG_NAME = re.compile(rb"<([^\s/>]+)")
_ATTRIBUTE = re.compile(rb"\s+([^\s=]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_SHAPE_ID = re.compile(rb"_x0000_s(\d{1,9})")
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NotAnnotatable(Exception):
    """The workbook has something that is not understood; nothing was written."""


@dataclass(frozen=True)
class Remark:
    """What is said about one cell. ``severity`` (one of ``SEVERITIES``) decides the colour."""

    text: str
    severity: str

    def joined_with(self, other: "Remark") -> "Remark":
        """Return two remarks about one cell as one, as grave as the graver."""
        text = self.text if other.text in self.text else f"{self.text}\n{other.text}"
        return Remark(text, max(self.severity, other.severity, key=SEVERITIES.index))


Remarks = Mapping[str, Mapping[str, Remark]]


def is_address(cell: str | None) -> bool:
    """Return whether ``cell`` is a place on a sheet, such as D14, and not "row 7" of a text file."""
    return cell is not None and _ADDRESS.fullmatch(cell) is not None


def annotate(source: Path | bytes, remarks: Remarks, author: str) -> bytes:
    """Return the XLSX workbook ``source`` with a note and a fill on each cell of ``remarks``.

    The same workbook and remarks give the same bytes. Parts without a note are those of the sender, byte by byte.

    Args:
        source: the workbook as it was received, or where it lies.
        remarks: sheet name as people see it → cell address → what to say; a cell that does not exist yet is made.
        author: whom the notes name as their author; an office, never a person.

    Raises:
        NotAnnotatable: it is no such workbook, or something in it is not understood.
    """
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        package = _Package(members_of(data))
        package.annotate({name: dict(cells) for name, cells in remarks.items() if cells}, author)
        return package.zipped(data)
    except UnreadableFile as error:
        raise NotAnnotatable(str(error)) from error
    except (expat.ExpatError, zipfile.BadZipFile, UnicodeError, LookupError, ValueError, OSError) as error:
        raise NotAnnotatable(f"a workbook that is not understood: {error!r}") from error


@dataclass(slots=True)
class _Node:
    """An element of a part, and where it stands: ``start`` is its "<", ``close`` the "<" of its end tag."""

    namespace: str
    tag: str
    attributes: dict[str, str]
    start: int
    close: int = -1
    children: list["_Node"] = field(default_factory=list)

    def find(self, tag: str) -> "_Node":
        found = self.get(tag)
        if found is None:
            raise NotAnnotatable(f"<{self.tag}> has no <{tag}>")
        return found

    def get(self, tag: str) -> "_Node | None":
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list["_Node"]:
        return [child for child in self.children if child.tag == tag]


class _Part:
    """One XML part that is edited: its outline, and what is to be spliced into it."""

    def __init__(self, content: bytes, depth: int) -> None:
        self.content = content
        self.root = _outline(content, depth)
        self._edits: list[tuple[int, int, bytes]] = []

    def prefix(self, node: _Node) -> str:
        """The namespace prefix that the producer gave to an element, with its colon."""
        name = self._name(node)
        return name[: name.index(":") + 1] if ":" in name else ""

    def open_tag(self, node: _Node) -> bytes:
        match = _OPEN_TAG.match(self.content, node.start)
        if match is None:
            raise NotAnnotatable(f"<{node.tag}> at byte {node.start} has no end")
        return match[0]

    def source(self, node: _Node) -> bytes:
        """The bytes of a whole element."""
        return self.content[node.start : self.end(node)]

    def end(self, node: _Node) -> int:
        opening = self.open_tag(node)
        if opening.endswith(b"/>"):
            return node.start + len(opening)
        return self.content.index(b">", node.close) + 1

    def replace(self, start: int, end: int, new: bytes) -> None:
        self._edits.append((start, end, new))

    def insert(self, place: int, new: str) -> None:
        self.replace(place, place, new.encode())

    def append(self, parent: _Node, new: str, without: tuple[str, ...] = (), **attributes: str) -> None:
        """Put ``new`` behind the children of ``parent``, which may be an empty tag, and set its attributes."""
        old = self.open_tag(parent)
        opening = _with_attributes(old, attributes, without)
        if old.endswith(b"/>"):
            closing = f"</{self._name(parent)}>".encode()
            self.replace(parent.start, parent.start + len(old), opening[:-2] + b">" + new.encode() + closing)
            return
        if opening != old:
            self.replace(parent.start, parent.start + len(old), opening)
        self.insert(parent.close, new)

    def set_attributes(self, node: _Node, without: tuple[str, ...] = (), **attributes: str) -> None:
        opening = self.open_tag(node)
        self.replace(node.start, node.start + len(opening), _with_attributes(opening, attributes, without))

    def edited(self) -> bytes:
        pieces, place = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            if start < place:
                raise NotAnnotatable("two edits overlap")
            pieces += [self.content[place:start], new]
            place = end
        return b"".join([*pieces, self.content[place:]])

    def _name(self, node: _Node) -> str:
        match = _TAG_NAME.match(self.content, node.start)
        if match is None:
            raise NotAnnotatable(f"no element at byte {node.start}")
        return match[1].decode()


def _outline(content: bytes, depth: int) -> _Node:
    """Return the elements of a part down to ``depth`` with their places."""
    if len(content) > MAX_PART_BYTES:
        raise NotAnnotatable(f"a part of {len(content)} bytes")
    parser = expat.ParserCreate(namespace_separator="}")
    top = _Node("", "", {}, 0)
    path = [top]
    level = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal level
        level += 1
        if level <= depth:
            node = _Node(*_split_name(name), attributes, parser.CurrentByteIndex)
            path[-1].children.append(node)
            path.append(node)

    def end(_: str) -> None:
        nonlocal level
        if level <= depth:
            path.pop().close = parser.CurrentByteIndex
        level -= 1

    def refuse(*_: object) -> None:
        raise NotAnnotatable("a document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, refuse
    parser.Parse(content, True)
    if b"\0" in content[:4]:
        raise NotAnnotatable("a part that is not UTF-8")
    return top.children[0]


@lru_cache(maxsize=1024)
def _split_name(name: str) -> tuple[str, str]:
    namespace, _, tag = name.rpartition("}")
    return namespace, tag


def _with_attributes(tag: bytes, attributes: Mapping[str, str], without: tuple[str, ...] = ()) -> bytes:
    """Return an opening tag with some attributes set or taken out; the others stay as they are written."""
    name = _TAG_NAME.match(tag)
    if name is None:
        raise NotAnnotatable("a tag without a name")
    tail = b"/>" if tag.endswith(b"/>") else b">"
    missing, pieces = dict(attributes), [name[0]]
    for match in _ATTRIBUTE.finditer(tag, name.end()):
        word = match[1].decode()
        if word in missing:
            pieces.append(f" {word}={quoteattr(missing.pop(word))}".encode())
        elif word not in without:
            pieces.append(match[0])
    pieces += [f" {word}={quoteattr(value)}".encode() for word, value in missing.items()]
    return b"".join([*pieces, tail])


class _Package:
    """The parts of a workbook, and those among them that were changed or added."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members = members
        self.changed: dict[str, bytes] = {}
        if any(name.startswith("_xmlsignatures/") for name in members):
            raise NotAnnotatable("a digital signature would no longer hold")
        office = [link for link in self._links("") if link.kind == "officeDocument"]
        self.book = office[0].target if office else "xl/workbook.xml"
        self.folder = self.book.rpartition("/")[0]
        links = self._links(self.book)
        self.styles = next((link.target for link in links if link.kind == "styles"), "")
        self.sheet_links = {link.link: link for link in links if link.kind == "worksheet"}

    def annotate(self, remarks: dict[str, dict[str, Remark]], author: str) -> None:
        sheets = {
            quoted(entry.attributes.get("name", "")): self.sheet_links.get(_link_id(entry))
            for entry in _outline(self.members[self.book], 3).find("sheets").children
        }
        styles = _Styles(self.members[self.styles])
        added: dict[str, str] = {}
        for name, cells in remarks.items():
            link = sheets.get(name)
            if link is None:
                raise NotAnnotatable(f"no sheet {name!r}")
            self._annotate_sheet(link, cells, author, styles, added)
        self.changed[self.styles] = styles.edited()
        if added:
            self._add_content_types(added)

    def zipped(self, data: bytes) -> bytes:
        """Return the package: parts in the order of the sender, then the new ones."""
        buffer = BytesIO()
        with (
            zipfile.ZipFile(BytesIO(data)) as old,
            zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as new,
        ):
            for info in sorted(old.infolist(), key=lambda info: info.header_offset):
                info.extra = b""
                name = info.orig_filename
                content = b"" if name.endswith("/") else self.changed.pop(name, self.members[name])
                new.writestr(info, content)
            for name, content in self.changed.items():
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(info, content)
        return buffer.getvalue()

    def _annotate_sheet(
        self, link: "_Link", cells: dict[str, Remark], author: str, styles: "_Styles", added: dict[str, str]
    ) -> None:
        sheet = _SheetEditor(self.members[link.target])
        cells = _on_anchors(cells, sheet.merged)
        sheet.colour(cells, styles)
        own = self._links(link.target)
        kinds = link.type.rpartition("/")[0]
        comments = next((entry.target for entry in own if entry.kind == "comments"), None)
        legacy = sheet.part.root.get("legacyDrawing")
        drawing = None
        if legacy is not None:
            drawing = next((entry.target for entry in own if entry.link == _link_id(legacy)), None)
            if drawing not in self.members:
                raise NotAnnotatable("the drawing of a sheet is missing")
        new_links: list[_Link] = []
        noted = cells
        if comments is None:
            comments = self._unused("comments", "xml")
            self.changed[comments] = _new_comments(cells, author, sheet.namespace)
            added[comments] = COMMENTS_TYPE
            new_links.append(_Link(_unused_id(own, 1), f"{kinds}/comments", comments))
        else:
            self.changed[comments], noted = _more_comments(self.members[comments], cells, author)
        if drawing is None:
            drawing = self._unused("drawings/vmlDrawing", "vml")
            self.changed[drawing] = _VML.format(shapes=_TEXT_BOX + sheet.shapes(noted, 1025)).encode()
            added[drawing] = VML_TYPE
            new_links.append(_Link(_unused_id(own, 2), f"{kinds}/vmlDrawing", drawing))
            sheet.link_drawing(new_links[-1].link, kinds)
        else:
            self.changed[drawing] = _more_shapes(self.members[drawing], sheet, noted)
        self.changed[link.target] = sheet.part.edited()
        if new_links:
            self._add_links(link.target, new_links)

    def _links(self, part: str) -> list["_Link"]:
        content = self.members.get(_links_of(part))
        return [] if content is None else _links(content, part.rpartition("/")[0])

    def _add_links(self, part: str, links: Iterable["_Link"]) -> None:
        name, folder = _links_of(part), part.rpartition("/")[0]
        content = self.members.get(name, f'<Relationships xmlns="{RELATIONSHIPS}"/>'.encode())
        edited = _Part(content, 1)
        prefix = edited.prefix(edited.root)
        written = [
            f'<{prefix}Relationship Id="{link.link}" Type="{link.type}" Target="{relpath(link.target, folder)}"/>'
            for link in links
        ]
        edited.append(edited.root, "".join(written))
        head = b"" if name in self.members else b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        self.changed[name] = head + edited.edited()

    def _add_content_types(self, added: dict[str, str]) -> None:
        types = _Part(self.members[CONTENT_TYPES], 2)
        prefix = types.prefix(types.root)
        defaults = {node.attributes.get("Extension", "").lower() for node in types.root.all("Default")}
        # Defaults stand in front by custom, though no reader asks for it.
        if "vml" not in defaults and VML_TYPE in added.values():
            first = types.root.children[0].start if types.root.children else types.root.close
            types.insert(first, f'<{prefix}Default Extension="vml" ContentType="{VML_TYPE}"/>')
        overrides = [name for name, kind in added.items() if kind == COMMENTS_TYPE]
        written = [f'<{prefix}Override PartName="/{name}" ContentType="{COMMENTS_TYPE}"/>' for name in overrides]
        types.append(types.root, "".join(written))
        self.changed[CONTENT_TYPES] = types.edited()

    def _unused(self, name: str, extension: str) -> str:
        taken = {part.lower() for part in (*self.members, *self.changed)}
        numbered = (f"{self.folder}/{name}{number}.{extension}" for number in range(1, len(taken) + 2))
        return next(part for part in numbered if part.lower() not in taken)


@dataclass(frozen=True)
class _Link:
    link: str
    type: str
    target: str

    @property
    def kind(self) -> str:
        return self.type.rpartition("/")[2]


@lru_cache(maxsize=64)
def _links(content: bytes, folder: str) -> list[_Link]:
    return [
        _Link(
            node.attributes.get("Id", ""),
            node.attributes.get("Type", ""),
            normpath(target[1:] if target.startswith("/") else f"{folder}/{target}").removeprefix("/"),
        )
        for node in _outline(content, 2).children
        for target in [node.attributes.get("Target", "")]
        if node.attributes.get("TargetMode") != "External"
    ]


def _links_of(part: str) -> str:
    folder, _, name = part.rpartition("/")
    return f"{folder}/_rels/{name}.rels".removeprefix("/")


def _link_id(node: _Node) -> str:
    return next((value for name, value in node.attributes.items() if name.endswith("}id")), "")


def _unused_id(links: list[_Link], number: int) -> str:
    taken = {link.link for link in links}
    free = (f"rIdTq{count}" for count in range(1, len(taken) + 3))
    return [link for link in free if link not in taken][number - 1]


class _Styles(_Part):
    """The styles of a workbook, to which copies with another fill are added."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, 3)
        self._fills, self._formats = self.root.find("fills"), self.root.find("cellXfs")
        self._copies: dict[tuple[int, str], int] = {}
        self._colours: dict[str, int] = {}

    def coloured(self, style: int, severity: str) -> int:
        """Return the number of the style that looks like ``style`` but for its fill."""
        if not 0 <= style < len(self._formats.children):
            raise NotAnnotatable(f"no style {style}")
        colour = COLOURS[severity]
        self._colours.setdefault(colour, len(self._fills.children) + len(self._colours))
        return self._copies.setdefault((style, colour), len(self._formats.children) + len(self._copies))

    def edited(self) -> bytes:
        x = self.prefix(self._fills)
        fills = "".join(
            f'<{x}fill><{x}patternFill patternType="solid"><{x}fgColor rgb="{colour}"/><{x}bgColor indexed="64"/>'
            f"</{x}patternFill></{x}fill>"
            for colour in self._colours
        )
        formats = "".join(self._copy(style, self._colours[colour]) for style, colour in self._copies)
        self.append(self._fills, fills, count=str(len(self._fills.children) + len(self._colours)))
        self.append(self._formats, formats, count=str(len(self._formats.children) + len(self._copies)))
        return super().edited()

    def _copy(self, style: int, fill: int) -> str:
        node = self._formats.children[style]
        old = self.open_tag(node)
        new = _with_attributes(old, {"fillId": str(fill), "applyFill": "1"})
        return (new + self.source(node)[len(old) :]).decode()


class _SheetEditor:
    """One sheet: where its cells stand, and what its rows and columns measure."""

    def __init__(self, content: bytes) -> None:
        self.part = _Part(content, 4)
        root = self.part.root
        self.namespace = root.namespace
        self.merged = _merged_anchors(root)
        self._data = root.find("sheetData")
        self._rows = _numbered(self._data.all("row"), _row_number)
        self._columns = [
            (int(node.attributes["min"]), int(node.attributes["max"]), node.attributes)
            for columns in root.all("cols")
            for node in columns.children
        ]

    def colour(self, cells: Mapping[str, Remark], styles: _Styles) -> None:
        """Give each cell the fill of its remark; what is not there yet is made, at its place in the order."""
        by_row: dict[int, dict[int, Remark]] = defaultdict(dict)
        for address, remark in cells.items():
            column, row = split_address(address)
            by_row[row][column] = remark
        for number, remarks in sorted(by_row.items()):
            row = next((node for found, node in self._rows if found == number), None)
            if row is None:
                self._make_row(number, remarks, styles)
            else:
                self._colour_row(number, row, remarks, styles)

    def link_drawing(self, link: str, kinds: str) -> None:
        """Link the drawing that holds the boxes of the notes."""
        root = self.part.root
        behind = (child.start for child in root.children if child.tag in _BEHIND_LEGACY_DRAWING)
        place = next(behind, root.close)
        x = self.part.prefix(self._data)
        self.part.insert(place, f'<{x}legacyDrawing xmlns:r="{kinds}" r:id="{link}"/>')

    def shapes(self, cells: Mapping[str, Remark], first_id: int) -> str:
        """Return the boxes of the notes, large enough to read them."""
        heights = {number: _row_pixels(node) for number, node in self._rows}
        shapes = []
        for number, (address, remark) in enumerate(sorted(cells.items(), key=_by_place), start=first_id):
            column, row = split_address(address)
            height = MARGIN_PIXELS + LINE_PIXELS * _lines(remark.text)
            right, right_offset = _reach(self._column_pixels, column + 1, 15 + NOTE_WIDTH)
            top = max(1, row - 1)
            bottom, bottom_offset = _reach(lambda at: heights.get(at, DEFAULT_ROW_PIXELS), top, 4 + height)
            anchor = f"{column}, 15, {top - 1}, 4, {right - 1}, {right_offset}, {bottom - 1}, {bottom_offset}"
            places = {"anchor": anchor, "row": row - 1, "column": column - 1}
            shapes.append(_SHAPE.format(number=number, width=NOTE_WIDTH, height=height, **places))
        return "".join(shapes)

    def _colour_row(self, number: int, row: _Node, remarks: dict[int, Remark], styles: _Styles) -> None:
        numbered = _numbered(row.all("c"), _column_of)
        existing = dict(numbered)
        made: dict[int, list[str]] = defaultdict(list)
        for column, remark in sorted(remarks.items()):
            cell = existing.get(column)
            if cell is not None:
                style = styles.coloured(int(cell.attributes.get("s", "0")), remark.severity)
                self.part.set_attributes(cell, s=str(style))
            else:
                place = next((node.start for found, node in numbered if found > column), -1)
                made[place].append(self._new_cell(number, column, row, remark, styles))
        behind = "".join(made.pop(-1, []))
        for place, cells in made.items():
            self.part.insert(place, "".join(cells))
        # "spans" is a hint about the width of the row, and would now be wrong.
        if behind:
            self.part.append(row, behind, without=("spans",))
        elif made:
            self.part.set_attributes(row, without=("spans",))

    def _make_row(self, number: int, remarks: dict[int, Remark], styles: _Styles) -> None:
        x = self.part.prefix(self._data)
        cells = "".join(
            self._new_cell(number, column, None, remark, styles) for column, remark in sorted(remarks.items())
        )
        written = f'<{x}row r="{number}">{cells}</{x}row>'
        place = next((node.start for found, node in self._rows if found > number), None)
        if place is None:
            self.part.append(self._data, written)
        else:
            self.part.insert(place, written)

    def _new_cell(self, row: int, column: int, node: _Node | None, remark: Remark, styles: _Styles) -> str:
        style = "0"
        if node is not None and node.attributes.get("customFormat") in ("1", "true"):
            style = node.attributes.get("s", "0")
        else:
            style = next((own.get("style", "0") for low, high, own in self._columns if low <= column <= high), "0")
        x = self.part.prefix(self._data)
        return f'<{x}c r="{letters_of(column)}{row}" s="{styles.coloured(int(style), remark.severity)}"/>'

    def _column_pixels(self, column: int) -> int:
        own = next((own for low, high, own in self._columns if low <= column <= high), {})
        if own.get("hidden") in ("1", "true"):
            return 0
        return round(float(own["width"]) * PIXELS_PER_LETTER) if "width" in own else DEFAULT_COLUMN_PIXELS


def _numbered(nodes: Iterable[_Node], number_of: Callable[[_Node], int | None]) -> list[tuple[int, _Node]]:
    """Return rows or cells with their numbers: one that does not say its own follows the one before."""
    numbered, number = [], 0
    for node in nodes:
        number = number_of(node) or number + 1
        numbered.append((number, node))
    return numbered


def _row_number(node: _Node) -> int | None:
    written = node.attributes.get("r")
    return None if written is None else int(written)


def _column_of(node: _Node) -> int | None:
    written = node.attributes.get("r")
    return None if written is None else split_address(written)[0]


def _row_pixels(node: _Node) -> int:
    if node.attributes.get("hidden") in ("1", "true"):
        return 0
    written = node.attributes.get("ht")
    return DEFAULT_ROW_PIXELS if written is None else round(float(written) * PIXELS_PER_POINT)


def split_address(address: str) -> tuple[int, int]:
    """Return column and row, counted from 1."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise NotAnnotatable(f"{address!r} is no cell")
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - ord("A") + 1
    return column, int(match[2])


def _by_place(item: tuple[str, Remark]) -> tuple[int, int]:
    return split_address(item[0])[::-1]


def _merged_anchors(root: _Node) -> list[tuple[int, int, int, int]]:
    merged = []
    for ranges in root.all("mergeCells"):
        for node in ranges.children:
            first, _, last = node.attributes.get("ref", "").partition(":")
            merged.append((*split_address(first), *split_address(last or first)))
    return merged


def _on_anchors(cells: Mapping[str, Remark], merged: list[tuple[int, int, int, int]]) -> dict[str, Remark]:
    """Move what is said about a part of a merged range to its first cell, the only one that is shown."""
    moved: dict[str, Remark] = {}
    for address, remark in sorted(cells.items(), key=_by_place):
        column, row = split_address(address)
        inside = (
            (left, top) for left, top, right, bottom in merged if left <= column <= right and top <= row <= bottom
        )
        left, top = next(inside, (column, row))
        anchor = f"{letters_of(left)}{top}"
        moved[anchor] = moved[anchor].joined_with(remark) if anchor in moved else remark
    return moved


def _new_comments(cells: Mapping[str, Remark], author: str, namespace: str) -> bytes:
    comments = "".join(_comment(address, remark, 0, "") for address, remark in sorted(cells.items(), key=_by_place))
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<comments xmlns="{namespace}">'
        f"<authors><author>{_xml(author)}</author></authors><commentList>{comments}</commentList></comments>"
    ).encode()


def _more_comments(content: bytes, cells: Mapping[str, Remark], author: str) -> tuple[bytes, dict[str, Remark]]:
    """Add notes to those that the sender's sheet has; also return what got a note of its own."""
    part = _Part(content, 5)
    authors, comments = part.root.find("authors"), part.root.find("commentList")
    x = part.prefix(comments)
    names = [part.content[node.start : node.close].rpartition(b">")[2].decode() for node in authors.children]
    number = names.index(_xml(author)) if _xml(author) in names else len(names)
    if number == len(names):
        part.append(authors, f"<{x}author>{_xml(author)}</{x}author>")
    existing = {node.attributes.get("ref", ""): node for node in comments.children}
    for address in sorted(cells.keys() & existing.keys()):
        node, said = existing[address], cells[address].text
        text = node.find("text")
        plain, runs = text.get("t"), text.all("r")
        if node.attributes.get("authorId") == str(number):  # what we said of an earlier version
            part.replace(text.start, part.end(text), f"<{x}text>{_run(said, x)}</{x}text>".encode())
        elif runs:
            part.insert(part.end(runs[-1]), _run(f"\n{said}", x))
        elif plain is not None and not part.open_tag(plain).endswith(b"/>"):
            part.insert(plain.close, f"\n{_xml(said)}")
        else:
            raise NotAnnotatable(f"the note on {address} has no text")
    alone = {address: remark for address, remark in sorted(cells.items(), key=_by_place) if address not in existing}
    part.append(comments, "".join(_comment(address, remark, number, x) for address, remark in alone.items()))
    return part.edited(), alone


def _comment(address: str, remark: Remark, author: int, x: str) -> str:
    run = _run(remark.text, x)
    return f'<{x}comment ref="{address}" authorId="{author}"><{x}text>{run}</{x}text></{x}comment>'


def _run(text: str, x: str) -> str:
    font = f'<{x}sz val="10"/><{x}color indexed="81"/><{x}rFont val="Tahoma"/><{x}family val="2"/>'
    return f'<{x}r><{x}rPr>{font}</{x}rPr><{x}t xml:space="preserve">{_xml(text)}</{x}t></{x}r>'


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _more_shapes(content: bytes, sheet: _SheetEditor, cells: Mapping[str, Remark]) -> bytes:
    """Add boxes to a drawing of the sender, which Excel writes as something that is not always XML."""
    end = content.rfind(b"</xml>")
    if end < 0:
        raise NotAnnotatable("a drawing that is not understood")
    highest = max((int(number) for number in _SHAPE_ID.findall(content)), default=1024)
    boxes = sheet.shapes(cells, highest + 1)
    if b'id="_x0000_t202"' not in content:
        boxes = _TEXT_BOX + boxes
    # The prefixes of another producer may differ, so each box brings its own.
    boxes = boxes.replace("<v:shape ", f"<v:shape {_VML_NAMES} ").replace(
        "<v:shapetype ", f"<v:shapetype {_VML_NAMES} "
    )
    return content[:end] + boxes.encode() + content[end:]


def _lines(text: str) -> int:
    """How many lines of a note a text fills, words kept whole."""
    return sum(max(1, len(textwrap.wrap(line, LETTERS_PER_LINE))) for line in text.split("\n"))


def _reach(size_of: Callable[[int], int], first: int, pixels: int) -> tuple[int, int]:
    """Return the row or column in which something ends that is ``pixels`` long, and how far inside."""
    at = first
    while pixels > size_of(at) and at < first + MOST_STEPS:
        pixels -= size_of(at)
        at += 1
    return at, min(pixels, size_of(at))


_VML_NAMES = (
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"'
)
_VML = f'<xml {_VML_NAMES}><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout>{{shapes}}</xml>'
_TEXT_BOX = (
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_SHAPE = (
    '<v:shape id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;width:{width}px;height:{height}px;'
    'z-index:1;visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/>'
    '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
)
