"""Read the tables of a Word document (.docx): each becomes a sheet, with the paragraphs in front of it.

The document is read as it stands when all tracked changes are accepted: what was deleted is gone, what was inserted
holds. Everything is text; a number that was typed in Word has no other type.
"""

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree.ElementTree import Element

from tuquan.vocabulary.phrases import phrase
from tuquan.workbook.container import damaged, too_large
from tuquan.workbook.grid import MAX_CELLS, MAX_COLUMN, MAX_SHEETS, Cells, admit_place
from tuquan.workbook.package import (
    links_of,
    local,
    main_part,
    only_said,
    pictures_in,
    properties_of,
    refuse_macros,
)
from tuquan.workbook.parts import admit_together, parse_part
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

MAX_STEPS = 10  # from a style to the one that it is based on
Fonts = dict[str | None, str | None]
Table = tuple[tuple[str, ...], list["_Place"]]

_WRAPPERS = ("ins", "moveTo", "sdt", "sdtContent", "customXml", "smartTag", "hyperlink", "fldSimple", "dir", "bdo")
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_PARTS_BESIDE = ("header", "footer", "comments", "footnotes", "endnotes", "diagramData")


class _Place(NamedTuple):
    row: int
    column: int
    span: int
    cell: Element
    is_hidden: bool


def workbook_from_docx(members: dict[str, bytes]) -> Workbook:
    """Return the tables of a text document whose parts are already unpacked; a document without any is one sheet.

    Raises:
        UnreadableFile: damaged, with macros, or larger than any report can be.
    """
    refuse_macros(members)
    main = main_part(members, "word/document.xml")
    root = parse_part(members[main])
    body = next((part for part in root if local(part.tag) == "body"), None)
    if body is None:
        raise damaged("bad_xml")
    tables: list[Table] = []
    after = _collect(body, tables, [])
    if len(tables) > MAX_SHEETS:
        raise too_large("sheets", len(tables), MAX_SHEETS)
    beside = [_text_of(line) for box in _all(root, "txbxContent") for line in _all(box, "p")]
    for kind, target in links_of(members, main).values():
        if kind == "contact":
            beside.append(target)
        if kind in _PARTS_BESIDE and members.get(target, b"").lstrip()[:1] == b"<":
            admit_together(members[main], members[target])
            beside.extend(_text_of(line) for line in _all(parse_part(members[target]), "p"))
    cells, fonts = Cells(), _fonts_of_styles(members, main)
    sheets = []
    for number, (above, places) in enumerate(tables, start=1):
        name = phrase("form.table_of_document", number=number)
        others = ([] if number > 1 else beside) + (after if number == len(tables) else [])
        sheets.append(Sheet(name, "visible", _cells_of(places, name, cells, fonts), above, only_said(others)))
    if not sheets:
        sheets.append(Sheet(phrase("form.text_of_document"), "visible", {}, tuple(after), only_said(beside)))
    return Workbook(sheets, properties_of(members), {}, pictures_in(members))


def _all(root: Element, word: str) -> Iterator[Element]:
    return (part for part in root.iter() if local(part.tag) == word)


def _collect(parent: Element, tables: list[Table], lines: list[str]) -> list[str]:
    """Add each table below ``parent`` with the lines in front of it; return the lines behind the last one."""
    for block in parent:
        word = local(block.tag)
        if word == "p":
            text = _text_of(block).strip()
            if text:
                lines.append(text)
        elif word == "tbl":
            places = _places(block)
            tables.append((tuple(lines), places))
            lines = []
            for place in places:  # many forms stand in a frame that is a table too
                if next(_unwrapped(place.cell, "tbl"), None) is not None:
                    lines = _collect(place.cell, tables, lines)
        elif word in _WRAPPERS:
            lines = _collect(block, tables, lines)
    return lines


def _unwrapped(parent: Element, word: str) -> Iterator[Element]:
    """Yield the children of one kind, out of content controls and accepted insertions."""
    for child in parent:
        name = local(child.tag)
        if name == word:
            yield child
        elif name in _WRAPPERS:
            yield from _unwrapped(child, word)


def _value(parent: Element, *path: str) -> str | None:
    """Return the value of a property: None when it is not set, "" when it has no value of its own."""
    found: Element | None = parent
    for word in path:
        found = next((part for part in found if local(part.tag) == word), None)
        if found is None:
            return None
    return next((value for name, value in found.items() if local(name) in ("val", "ascii")), "")


def _is_on(value: str | None) -> bool:
    return value is not None and value not in ("0", "false", "off", "none")


def _places(table: Element) -> list[_Place]:
    """Return the cells of a table with row, first column and number of columns."""
    places: list[_Place] = []
    rows = (row for row in _unwrapped(table, "tr") if _value(row, "trPr", "del") is None)
    for number, row in enumerate(rows, start=1):
        column = 1 + _count(_value(row, "trPr", "gridBefore"), least=0)
        is_hidden = _is_on(_value(row, "trPr", "hidden"))
        admit_place(number, column)
        for cell in _unwrapped(row, "tc"):
            span = _count(_value(cell, "tcPr", "gridSpan"), least=1)
            admit_place(number, column + span - 1)
            places.append(_Place(number, column, span, cell, is_hidden))
            column += span
    if len(places) > MAX_CELLS:
        raise too_large("cells", len(places), MAX_CELLS)
    return places


def _cells_of(places: list[_Place], sheet: str, cells: Cells, fonts: Fonts) -> dict[str, WrittenCell]:
    found: dict[str, WrittenCell] = {}
    joined = _joined_downwards(places)
    for place in places:
        text, font, is_hidden = _content_of(place.cell, fonts)
        for at in range(place.column, place.column + place.span):
            cells.put(
                found,
                sheet,
                place.row,
                at,
                text if at == place.column else None,
                "text",
                is_hidden=is_hidden or place.is_hidden,
                is_merged=place.span > 1 or (place.row, place.column) in joined,
                font=font,
            )
    return found


def _count(text: str | None, *, least: int) -> int:
    if not text:
        return least
    if not (text.isascii() and text.isdigit()):
        raise damaged("bad_xml")
    return max(least, int(text[: len(str(MAX_COLUMN)) + 1]))


def _joined_downwards(places: list[_Place]) -> set[tuple[int, int]]:
    """Return row and column of each cell that is joined with the one above or below it."""
    joined: set[tuple[int, int]] = set()
    for place in places:
        kind = _value(place.cell, "tcPr", "vMerge")
        if kind is not None and kind != "restart":
            joined |= {(place.row, place.column), (place.row - 1, place.column)}
    return joined


def _fonts_of_styles(members: dict[str, bytes], main: str) -> Fonts:
    """Return the font of each paragraph style; that of None holds where no style is named."""
    part = dict(links_of(members, main).values()).get("styles", "")
    if not members.get(part):
        return {}
    root = parse_part(members[part])
    fonts: Fonts = {None: _value(root, "docDefaults", "rPrDefault", "rPr", "rFonts")}
    parents: dict[str | None, str | None] = {}
    for style in _all(root, "style"):
        told = {local(name): value for name, value in style.items()}
        if told.get("type") == "paragraph":
            name = told.get("styleId")
            fonts[name], parents[name] = _value(style, "rPr", "rFonts"), _value(style, "basedOn")
            if _is_on(told.get("default")):
                fonts[None] = fonts[name] or fonts[None]
    for name in [name for name in fonts if not fonts[name]]:
        above, steps = parents.get(name), 0
        while above and not fonts.get(above) and steps < MAX_STEPS:
            above, steps = parents.get(above), steps + 1
        fonts[name] = fonts.get(above) or fonts[None]
    return fonts


def _content_of(cell: Element, fonts: Fonts) -> tuple[str | None, str | None, bool]:
    """Return text, font and hiddenness of a cell; of several fonts the one with most letters."""
    letters: dict[str, int] = {}
    is_hidden = False
    lines = []
    for paragraph in _unwrapped(cell, "p"):
        lines.append(_text_of(paragraph))
        usual = fonts.get(_value(paragraph, "pPr", "pStyle")) or fonts.get(None)
        for run in _runs(paragraph):
            text = _text_of_run(run)
            font = _value(run, "rPr", "rFonts") or usual
            if font and text.strip():
                letters[font] = letters.get(font, 0) + len(text)
            is_hidden |= bool(text.strip()) and _is_on(_value(run, "rPr", "vanish"))
    text = "\n".join(lines).strip()
    return text or None, max(letters, key=lambda font: letters[font], default=None), is_hidden


def _runs(parent: Element) -> Iterator[Element]:
    for child in parent:
        word = local(child.tag)
        if word == "r":
            yield child
        elif word in _WRAPPERS:
            yield from _runs(child)


def _text_of(paragraph: Element) -> str:
    return "".join(_text_of_run(run) for run in _runs(paragraph))


def _text_of_run(run: Element) -> str:
    parts = []
    for part in run:
        word = local(part.tag)
        if word == "t":
            parts.append(part.text or "")
        elif word == "sym":
            parts.append("\ufffd")  # a sign of a picture font: something stands here that is no letter
        else:
            parts.append(_SIGNS.get(word, ""))
    return "".join(parts)
