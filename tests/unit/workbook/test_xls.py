"""Old Excel workbooks: the same evidence as of XLSX, and no way to keep the reader busy."""

import contextlib
import datetime
import io
import random
import struct

import pytest
import python_calamine
import xlwt
from hypothesis import HealthCheck, given, settings, strategies as st
from xlwt.CompoundDoc import XlsDoc

from tuquan.workbook import xls
from tuquan.workbook.compound import SIGNATURE
from tuquan.workbook.container import MAX_FILE_BYTES, UnreadableFile
from tuquan.workbook.grid import MAX_CELLS, MAX_COLUMN, MAX_ROW, MAX_SHEETS
from tuquan.workbook.xls import read_ole


def saved(book):
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def styled(number_format="General", font="Arial"):
    return xlwt.easyxf(f"font: name {font}", num_format_str=number_format)


def small_book():
    book = xlwt.Workbook()
    sheet = book.add_sheet("Biểu 1")
    sheet.write(0, 0, 1288)
    sheet.write(0, 1, 0.1, styled("0.000"))
    sheet.write(0, 2, "1.288 tổ", styled(font=".VnTime"))
    sheet.write(0, 3, True)
    sheet.row(0).set_cell_error(4, "#DIV/0!")
    sheet.write(0, 5, datetime.date(2026, 5, 12), styled("DD/MM/YYYY"))
    sheet.write(0, 6, xlwt.Formula("A1*2"))
    sheet.write(0, 7, 0.5, styled("0%"))
    sheet.write(0, 8, 12345678)
    sheet.write_merge(2, 3, 0, 1, 7)
    sheet.write(4, 0, 5)
    sheet.row(4).hidden = True
    sheet.col(9).hidden = True
    sheet.write(0, 9, 9)
    sheet.footer_str = b"&C&12NGUOI LAP &P"
    return book


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "bieu.xls"
        path.write_bytes(content if isinstance(content, bytes) else saved(content))
        return read_ole(path)

    return read


def refusal_of(read, content):
    with pytest.raises(UnreadableFile) as refused:
        read(content)
    return refused.value.check, refused.value.reason


def test_each_kind_of_cell_keeps_what_was_written(read):
    cells = read(small_book()).sheets[0].cells
    told = {at: (cell.raw_text, cell.raw_type, cell.is_formula) for at, cell in cells.items() if at.endswith("1")}
    assert told == {
        "A1": ("1288", "number", False),
        "B1": ("0.1", "number", False),
        "C1": ("1.288 tổ", "text", False),
        "D1": ("1", "boolean", False),
        "E1": ("#DIV/0!", "error", False),
        "F1": ("46154", "date", False),
        "G1": (None, "blank", True),
        "H1": ("0.5", "number", False),
        "I1": ("12345678", "number", False),
        "J1": ("9", "number", False),
    }
    assert [cells[at].number_format for at in ("A1", "B1", "H1")] == ["General", "0.000", "0%"]
    assert (cells["C1"].font, cells["A1"].font) == (".VnTime", "Arial")


def test_hidden_and_merged_cells_say_so(read):
    cells = read(small_book()).sheets[0].cells
    assert {at for at, cell in cells.items() if cell.is_merged} == {"A3", "B3", "A4", "B4"}
    assert {at for at, cell in cells.items() if cell.is_hidden} == {"A5", "J1"}
    assert (cells["A3"].raw_text, cells["B4"].raw_type) == ("7", "blank")
    assert list(cells) == sorted(cells, key=lambda at: (int(at[1:]), at[0])), "forms are read from top to bottom"


def test_sheet_states_and_texts_beside_the_cells_are_kept(read):
    book = small_book()
    for name, visibility in (("Ẩn", 1), ("Rất ẩn", 2)):
        book.add_sheet(name).visibility = visibility
    sheets = read(book).sheets
    assert [(sheet.name, sheet.state) for sheet in sheets] == [
        ("Biểu 1", "visible"),
        ("Ẩn", "hidden"),
        ("Rất ẩn", "very_hidden"),
    ]
    assert any(text == "NGUOI LAP" for text in sheets[0].other_texts)


def test_values_are_those_that_another_reader_sees(read):
    content = saved(small_book())
    seen = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    cells = read(content).sheets[0].cells
    assert [float(cells[at].raw_text) for at in ("A1", "B1", "H1", "I1", "A5")] == [
        *(seen[0][at] for at in (0, 1, 7, 8)),
        seen[4][0],
    ]
    assert cells["C1"].raw_text == seen[0][2]


def test_a_comment_and_a_text_box_are_seen():
    stream = bytearray(record(0x809, struct.pack("<HH12x", 0x600, 0x10)))
    stream += record(0x1B6, struct.pack("<10xHHH2x", 4, 0, 0)) + record(0x3C, b"\1" + "Mật!".encode("utf-16-le"))
    stream += record(0x0A, b"")
    assert xls._SheetWalk(stream).over(0).texts == ["Mật!"]


def test_pictures_in_the_store_of_the_book_are_counted():
    store = struct.pack("<HHI", 0x2F, 0xF001, 0)
    drawings = struct.pack("<HHI", 0xF, 0xF000, 24) + struct.pack("<HHI8x", 0, 0xF006, 8) + store
    assert xls._pictures_among(bytearray(drawings)) == 2


def record(code, content):
    return struct.pack("<HH", code, len(content)) + content


def with_entry(content, name, kind=1):
    """Write a name into the first free entry of the directory."""
    at = content.index("Workbook".encode("utf-16-le")) + 128
    raw = name.encode("utf-16-le")
    assert not any(content[at : at + 64])
    entry = raw.ljust(64, b"\0") + struct.pack("<HB", len(raw) + 2, kind) + content[at + 67 : at + 128]
    return content[:at] + entry + content[at + 128 :]


@pytest.mark.parametrize(
    ("name", "kind", "check"),
    [
        ("_VBA_PROJECT_CUR", 1, "workbook_has_no_macros"),
        ("Macros", 1, "workbook_has_no_macros"),
        ("EncryptedPackage", 2, "workbook_is_not_encrypted"),
    ],
)
def test_macros_and_passwords_hold_the_file(read, name, kind, check):
    assert refusal_of(read, with_entry(saved(small_book()), name, kind))[0] == check


def test_a_password_inside_the_old_format_holds_the_file(read):
    content = saved(small_book())
    user = content.index(b"\x5c\x00\x70\x00")  # the record of who wrote the file
    assert refusal_of(read, content[:user] + b"\x2f" + content[user + 1 :])[0] == "workbook_is_not_encrypted"


def test_a_sheet_of_old_macros_holds_the_file(read):
    content = bytearray(saved(small_book()))
    content[content.index(b"\x85\x00", 512) + 9] = 1
    assert refusal_of(read, bytes(content))[0] == "workbook_has_no_macros"


@pytest.mark.parametrize(
    ("name", "reason"), [("WordDocument", "doc"), ("__properties_version1.0", "msg"), ("X", "ole")]
)
def test_other_files_of_the_same_container_are_told_by_name(read, name, reason):
    content = saved(small_book()).replace("Workbook".encode("utf-16-le"), "Sổ sách.".encode("utf-16-le"))
    at = content.index("Sổ sách.".encode("utf-16-le"))
    raw = name.encode("utf-16-le")
    content = content[:at] + raw.ljust(64, b"\0") + struct.pack("<H", len(raw) + 2) + content[at + 66 :]
    assert refusal_of(read, content) == ("file_format_is_supported", reason)


def test_more_of_anything_than_an_office_sends_is_refused(read):
    book = xlwt.Workbook()
    for number in range(MAX_SHEETS + 1):
        book.add_sheet(str(number))
    assert refusal_of(read, book) == ("file_is_of_a_safe_size", "sheets")
    for row, column, what in ((MAX_ROW, 0, "rows"), (0, 255, None)):
        book = xlwt.Workbook()
        book.add_sheet("x").write(row, column, 1)
        if what:
            assert refusal_of(read, book) == ("file_is_of_a_safe_size", what)
        else:
            assert column < MAX_COLUMN
            assert read(book).sheets[0].cells
    assert refusal_of(read, SIGNATURE + bytes(MAX_FILE_BYTES)) == ("file_is_of_a_safe_size", "size")


def test_formatted_blanks_cost_nothing_but_values_are_counted(read):
    book = xlwt.Workbook()
    sheet = book.add_sheet("x")
    style = styled()
    for row in range(500):
        for column in range(250):
            sheet.write(row, column, "" if column else 1, style)
    assert len(read(book).sheets[0].cells) == 500
    for row in range(500, 1000):
        for column in range(250):
            sheet.write(row, column, 1)
    assert MAX_CELLS < 500 * 250
    assert refusal_of(read, book) == ("file_is_of_a_safe_size", "cells")


def test_records_that_nobody_asked_for_cannot_stop_the_reader(read):
    stream = small_book().get_biff_data()
    broken_link = record(0x1B8, b"\1")
    buffer = io.BytesIO()
    XlsDoc().save(buffer, stream[:-4] + broken_link + stream[-4:])
    assert read(buffer.getvalue()).sheets[0].cells["A1"].raw_text == "1288"


def test_a_directory_whose_branches_meet_again_does_not_keep_the_reader_busy(read):
    content = bytearray(saved(small_book()))
    at = content.index("Workbook".encode("utf-16-le"))
    content[at + 68 : at + 76] = struct.pack("<II", 1, 1)
    assert read(bytes(content)).sheets[0].cells


def test_a_chain_of_sectors_that_bites_its_tail_is_damage(read):
    content = bytearray(saved(small_book()))
    table = content.index(struct.pack("<III", 1, 2, 3), 512)
    content[table : table + 4] = struct.pack("<I", 0)
    assert refusal_of(read, bytes(content)) == ("file_is_a_readable_workbook", "damaged_zip")


GOOD = saved(small_book())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_no_damage_ends_in_anything_but_a_workbook_or_a_refusal(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311
    content = bytearray(GOOD)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(content))
        if chance.random() < 0.8:
            content[at] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
        else:
            del content[at : at + chance.randint(1, 600)]
    path = tmp_path / "bieu.xls"
    path.write_bytes(bytes(content))
    with contextlib.suppress(UnreadableFile):
        read_ole(path)
