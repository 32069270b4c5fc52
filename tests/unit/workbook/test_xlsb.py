"""Binary workbooks: the same evidence as of XLSX, from records built by hand and by another writer."""

import contextlib
import datetime
import io
import random
import struct
import time
import zipfile

import pytest
import python_calamine
from hypothesis import HealthCheck, given, settings, strategies as st
from pyxlsbwriter import XlsbWriter

from tuquan.workbook.container import UnreadableFile, read_members
from tuquan.workbook.grid import MAX_CELLS, MAX_ROW, MAX_SHEETS
from tuquan.workbook.xlsb import workbook_from_xlsb

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def record(kind, content=b""):
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, rest = b"", len(content)
    while rest > 0x7F:
        length, rest = length + bytes([rest & 0x7F | 0x80]), rest >> 7
    return number + length + bytes([rest]) + content


def wide(text):
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def row(number, *, is_hidden=False):
    return record(0, struct.pack("<IIHBBBI", number - 1, 0, 300, 0, 0x10 if is_hidden else 0, 0, 0))


def cell(kind, column, content=b"", style=0):
    return record(kind, struct.pack("<II", column, style) + content)


def styles():
    fonts = [record(43, bytes(21) + wide(name)) for name in ("Arial", ".VnTime")]
    formats = record(44, struct.pack("<H", 164) + wide('0" hộ"'))
    # Styles of styles come first and are no styles of cells.
    of_cells = [struct.pack("<HHH10x", 0, number, font) for number, font in ((0, 0), (14, 0), (164, 1))]
    foreign = record(626) + record(47, struct.pack("<HHH10x", 0, 9, 0)) + record(627)
    return (
        formats
        + b"".join(fonts)
        + foreign
        + record(617)
        + b"".join(record(47, item) for item in of_cells)
        + record(618)
    )


def links(*targets):
    entries = "".join(
        f'<Relationship Id="r{at}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(targets)
    )
    return f"<Relationships>{entries}</Relationships>".encode()


def parts(cells=b"", *, sheets=1, state=0, texts=(), kind="worksheet"):
    """The least that is a binary workbook."""
    sheet = record(156, struct.pack("<II", state, 1) + wide("r0") + wide("Biểu 1"))
    items = b"".join(record(19, b"\0" + wide(text)) for text in texts)
    return {
        "_rels/.rels": links(("officeDocument", "xl/workbook.bin")),
        "xl/workbook.bin": sheet * sheets,
        "xl/_rels/workbook.bin.rels": links(
            (kind, "worksheets/sheet1.bin"), ("sharedStrings", "sharedStrings.bin"), ("styles", "styles.bin")
        ),
        "xl/worksheets/sheet1.bin": cells,
        "xl/sharedStrings.bin": items,
        "xl/styles.bin": styles(),
    }


def cells_of(cells, **more):
    return workbook_from_xlsb(parts(cells, **more)).sheets[0].cells


def whole(number, *, hundredfold=False):
    return struct.pack("<I", (number << 2 | 2 | hundredfold) & 0xFFFFFFFF)


def test_each_kind_of_cell_keeps_what_was_written():
    real = struct.pack("<d", 1.288)
    cells = cells_of(
        row(2)
        + cell(2, 0, whole(1288))
        + cell(2, 1, whole(-1250, hundredfold=True))
        + cell(2, 2, struct.pack("<d", 0.5)[4:])
        + cell(3, 3, b"\x07")
        + cell(4, 4, b"\1")
        + cell(5, 5, real)
        + cell(6, 6, wide("1.288"))
        + cell(7, 7, struct.pack("<I", 1))
        + cell(8, 8, wide("hai") + bytes(8))
        + cell(9, 9, real + bytes(8))
        + cell(10, 10, b"\0" + bytes(8))
        + cell(11, 11, b"\x2a" + bytes(8))
        + cell(8, 12, wide("") + bytes(8))
        + cell(1, 13)
        + cell(5, 14, struct.pack("<d", 46154), style=1)
        + record(16, struct.pack("<I", 2) + struct.pack("<d", 7))
        + cell(62, 16, b"\1" + wide("rich") + bytes(8)),
        texts=["một", "ba"],
    )
    assert {at: (cell.raw_text, cell.raw_type, cell.is_formula) for at, cell in cells.items()} == {
        "A2": ("1288", "number", False),
        "B2": ("-12.5", "number", False),
        "C2": ("0.5", "number", False),
        "D2": ("#DIV/0!", "error", False),
        "E2": ("1", "boolean", False),
        "F2": ("1.288", "number", False),
        "G2": ("1.288", "text", False),
        "H2": ("ba", "text", False),
        "I2": ("hai", "text", True),
        "J2": ("1.288", "number", True),
        "K2": ("0", "boolean", True),
        "L2": ("#N/A", "error", True),
        "M2": (None, "blank", True),
        "O2": ("46154", "date", False),
        "P2": ("7", "number", False),
        "Q2": ("rich", "text", False),
    }
    assert [(cells[at].number_format, cells[at].font) for at in ("A2", "O2", "P2")] == [
        ("General", "Arial"),
        ("mm-dd-yy", "Arial"),
        ('0" hộ"', ".VnTime"),
    ]


def test_hidden_and_merged_cells_say_so():
    number = whole(1)
    cells = cells_of(
        record(60, struct.pack("<IIIIH", 1, 1, 2000, 0, 1))
        + record(60, struct.pack("<IIIIH", 2, 16383, 0, 0, 0))
        + row(1)
        + cell(2, 0, number)
        + cell(2, 1, number)
        + cell(2, 2, number)
        + row(2, is_hidden=True)
        + cell(2, 0, number)
        + cell(1, 3)
        + record(176, struct.pack("<IIII", 0, 1, 0, 0))
        + record(176, struct.pack("<IIII", 1, 1, 3, 4))
    )
    assert {at for at, cell in cells.items() if cell.is_hidden} == {"B1", "C1", "A2", "D2"}
    assert {at for at, cell in cells.items() if cell.is_merged} == {"A1", "A2", "D2"}
    assert cells["D2"].raw_type == "blank"


def test_what_stands_beside_the_cells_is_kept():
    lines = wide("&CMẬT") + struct.pack("<I", 0xFFFFFFFF) * 5
    members = parts(row(1) + record(479, b"\0\0" + lines), state=2) | {
        "xl/worksheets/_rels/sheet1.bin.rels": links(("comments", "../comments1.bin")),
        "xl/comments1.bin": record(637, b"\1" + wide("ghi chú") + bytes(8)),
        "xl/media/image1.png": b"x",
        "docProps/custom.xml": b'<Properties><property name="form"><s>TQ01</s></property></Properties>',
    }
    members["_rels/.rels"] = links(("officeDocument", "xl/workbook.bin"), ("custom-properties", "docProps/custom.xml"))
    book = workbook_from_xlsb(members)
    assert (book.sheets[0].state, book.sheets[0].other_texts) == ("very_hidden", ("MẬT", "ghi chú"))
    assert (book.properties, book.pictures) == ({"form": "TQ01"}, ("xl/media/image1.png",))


@pytest.fixture(scope="session")
def written_by_a_library(tmp_path_factory):
    path = tmp_path_factory.mktemp("xlsb") / "bieu.xlsb"
    rows = [["Xã A", 1288, 0.1, True], ["1.288 tổ", 12345678901, -2.5, datetime.date(2026, 5, 12)]]
    with XlsbWriter(str(path)) as writer:
        writer.add_sheet("Biểu 1")
        writer.write_sheet(rows)
        writer.add_sheet("Ẩn", hidden=True)
        writer.write_sheet([["x"]])
    return path


def test_values_are_those_that_another_reader_sees(written_by_a_library):
    book = workbook_from_xlsb(read_members(written_by_a_library))
    oracle = python_calamine.CalamineWorkbook.from_path(str(written_by_a_library))
    assert [sheet.name for sheet in book.sheets] == oracle.sheet_names
    assert [sheet.state for sheet in book.sheets] == ["visible", "hidden"]
    seen = oracle.get_sheet_by_index(0).to_python()
    cells = book.sheets[0].cells
    assert [cells["A1"].raw_text, cells["A2"].raw_text] == [seen[0][0], seen[1][0]]
    assert [float(cells[at].raw_text) for at in ("B1", "C1", "B2", "C2")] == [*seen[0][1:3], *seen[1][1:3]]
    assert (cells["D1"].raw_type, cells["D1"].raw_text) == ("boolean", "1")
    assert (cells["D2"].raw_type, cells["D2"].raw_text) == ("date", "46154")


def refusal_of(members):
    began = time.monotonic()
    with pytest.raises(UnreadableFile) as refused:
        workbook_from_xlsb(members)
    assert time.monotonic() - began < 2
    return refused.value.check, refused.value.reason


HOSTILE = {
    "far row": (row(MAX_ROW + 1) + cell(2, 0, whole(1)), "rows"),
    "far column": (row(1) + cell(2, 16383, whole(1)), "columns"),
    "many cells": (
        b"".join(row(n) + b"".join(cell(2, at, whole(1)) for at in range(300)) for n in range(1, MAX_CELLS // 300 + 2)),
        "cells",
    ),
    "many records": (record(500) * 700_000, "cells"),
    "many column runs": (record(60, struct.pack("<IIIIH", 0, 16383, 0, 0, 1)) * 20_000, "columns"),
    "merged everything": (record(176, struct.pack("<IIII", 0, 1048575, 0, 16383)) * 9, "rows"),
    "cut off": (row(1)[:-1], "bad_xml"),
    "length beyond the end": (b"\x05\xff\xff\xff\x7f", "bad_xml"),
    "unknown string": (row(1) + cell(7, 0, struct.pack("<I", 9)), "bad_xml"),
    "unknown style": (row(1) + cell(2, 0, whole(1), style=99), "bad_xml"),
    "string longer than its record": (row(1) + cell(6, 0, struct.pack("<I", 0x7FFFFFFF)), "bad_xml"),
    "twice": (row(1) + cell(2, 0, whole(1)) * 2, "bad_xml"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_sheet_is_refused_with_its_reason(name):
    content, reason = HOSTILE[name]
    assert refusal_of(parts(content))[1] == reason


def test_more_sheets_than_an_office_sends_macros_and_gaps_are_refused():
    assert refusal_of(parts(sheets=MAX_SHEETS + 1)) == ("file_is_of_a_safe_size", "sheets")
    assert refusal_of(parts() | {"xl/vbaProject.bin": b""})[0] == "workbook_has_no_macros"
    assert refusal_of(parts(kind="xlMacrosheet"))[0] == "workbook_has_no_macros"
    assert refusal_of(parts() | {"xl/workbook.bin": b""})[1] == "no_sheets"
    gap = parts()
    del gap["xl/worksheets/sheet1.bin"]
    assert refusal_of(gap)[1] == "damaged_zip"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_no_damage_ends_in_anything_but_a_workbook_or_a_refusal(written_by_a_library, seed):
    chance = random.Random(seed)  # noqa: S311
    with zipfile.ZipFile(io.BytesIO(written_by_a_library.read_bytes())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice([name for name in members if name.endswith(".bin")])
    content = bytearray(members[name])
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(len(content))] = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
    with contextlib.suppress(UnreadableFile):
        workbook_from_xlsb(members | {name: bytes(content)})
