"""OpenDocument spreadsheets: the type of a cell is the stated one, and what is stored in runs stays small."""

import contextlib
import io
import random
import time
import zipfile

import pytest
import python_calamine
from hypothesis import HealthCheck, given, settings, strategies as st
from odf import number as odf_number, opendocument, style as odf_style, table as odf_table, text as odf_text
from odf.meta import UserDefined

from tuquan.workbook.container import UnreadableFile, read_members
from tuquan.workbook.grid import MAX_CELLS, MAX_SHEETS
from tuquan.workbook.ods import workbook_from_ods

WORDS = "office table text style meta number:datastyle fo:xsl-fo-compatible svg:svg-compatible draw:drawing"
SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{word or prefix}:1.0"'
    for prefix, _, word in (entry.partition(":") for entry in WORDS.split())
)
CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'


def parts(tables, *, styles="", more=""):
    """The least that is a spreadsheet."""
    return {
        "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": f"<office:document-content {SPACES} {CALC}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:spreadsheet>{tables}{more}</office:spreadsheet></office:body>"
        "</office:document-content>".encode(),
    }


def table(rows, *, columns="", style="", name="Biểu 1"):
    return f'<table:table table:name="{name}" table:style-name="{style}">{columns}{rows}</table:table>'


def row(cells, attributes=""):
    return f"<table:table-row {attributes}>{cells}</table:table-row>"


def cell(kind="", value="", shown="", more="", word="value"):
    stated = f'office:value-type="{kind}"' if kind else ""
    stored = f'office:{word}="{value}"' if value else ""
    return f"<table:table-cell {stated} {stored} {more}><text:p>{shown}</text:p></table:table-cell>"


def cells_of(rows, **more):
    styles = more.pop("styles", "")
    return workbook_from_ods(parts(table(rows, **more), styles=styles)).sheets[0].cells


def test_each_kind_of_cell_keeps_what_was_written():
    cells = cells_of(
        row(
            cell("float", "1288", "1.288")
            + cell("string", shown="1.288")
            + cell("boolean", "true", "ĐÚNG", word="boolean-value")
            + cell("string", shown="#DIV/0!", more='table:formula="of:=1/0" calcext:value-type="error"')
            + cell("date", "2026-05-12", "12/05/26", word="date-value")
            + '<table:table-cell table:formula="of:=[.A1]"/>'
            + cell("float", "0", "#N/A", more='table:formula="of:=NA()"')
            + cell("percentage", "0.5", "50 %")
            + cell("currency", "7", "7 đ")
            + "<table:table-cell/>"
            + cell("float", "2", "2", more='table:formula="of:=1+1"')
            + cell("time", "PT12H00M00S", "12:00", word="time-value")
            + cell("string", shown="Lỗi", more='calcext:value-type="error"')
        )
    )
    assert {at: (cell.raw_text, cell.raw_type, cell.is_formula) for at, cell in cells.items()} == {
        "A1": ("1288", "number", False),
        "B1": ("1.288", "text", False),
        "C1": ("1", "boolean", False),
        "D1": ("#DIV/0!", "error", True),
        "E1": ("2026-05-12", "date", False),
        "F1": (None, "blank", True),
        "G1": ("#N/A", "error", True),
        "H1": ("0.5", "number", False),
        "I1": ("7", "number", False),
        "K1": ("2", "number", True),
        "L1": ("PT12H00M00S", "date", False),
        "M1": ("Lỗi", "error", False),
    }
    assert cells["H1"].number_format == "0%"


def test_runs_of_equal_cells_are_unfolded_only_where_something_stands():
    cells = cells_of(
        row(
            cell("float", "1", more='table:number-columns-repeated="2"')
            + '<table:table-cell table:number-columns-repeated="16382"/>'
        )
        + row('<table:table-cell table:number-columns-repeated="16384"/>', 'table:number-rows-repeated="3"')
        + row("<table:table-cell/>" + cell("float", "5"), 'table:number-rows-repeated="2"')
        + row("<table:table-cell/>", 'table:number-rows-repeated="1048570"')
    )
    assert {at: cell.raw_text for at, cell in cells.items()} == {"A1": "1", "B1": "1", "B5": "5", "B6": "5"}


def test_hidden_and_merged_cells_say_so():
    cells = cells_of(
        "<table:table-header-rows>"
        + row(cell("float", "1") + cell("float", "2"), 'table:visibility="collapse"')
        + "</table:table-header-rows><table:table-row-group table:display='false'>"
        + row(cell("float", "3"))
        + "</table:table-row-group>"
        + row(cell("float", "4", more='table:number-columns-spanned="2"') + "<table:covered-table-cell/>")
        + row(cell("float", "5") + cell("float", "6"), 'table:visibility="filter"')
        + row(cell("float", "7") + cell("float", "8")),
        columns='<table:table-column/><table:table-column-group><table:table-column table:visibility="collapse" '
        'table:number-columns-repeated="16383"/></table:table-column-group>',
    )
    assert {at for at, cell in cells.items() if cell.is_hidden} == {"A1", "B1", "A2", "B3", "A4", "B4", "B5"}
    assert {at for at, cell in cells.items() if cell.is_merged} == {"A3", "B3"}
    assert cells["B3"].raw_type == "blank"


STYLES = """
<style:font-face style:name="F" svg:font-family="'.VnTime'"/>
<number:percentage-style style:name="N1"><number:number number:decimal-places="1"/><number:text>%</number:text>
</number:percentage-style>
<number:number-style style:name="N2"><number:number number:decimal-places="0" number:display-factor="1000"
 number:grouping="true"/><number:text> hộ</number:text></number:number-style>
<number:date-style style:name="N3"><number:day/><number:text>/</number:text><number:month/></number:date-style>
<number:number-style style:name="N5"><number:text></number:text></number:number-style>
<number:number-style style:name="N4"><number:text></number:text><style:map style:apply-style-name="N5"/>
</number:number-style>
<style:style style:name="parent" style:family="table-cell"><style:text-properties style:font-name="F"/></style:style>
""" + "".join(
    f'<style:style style:name="c{n}" style:family="table-cell" style:parent-style-name="parent" '
    f'style:data-style-name="N{n}"/>'
    for n in range(1, 6)
)


def test_number_formats_and_fonts_come_from_styles_of_cell_row_or_column():
    cells = cells_of(
        row(
            cell("float", "0.5", more='table:style-name="c1"')
            + cell("float", "2000", more='table:style-name="c2"')
            + cell("float", "46154", more='table:style-name="c3"')
            + cell("float", "7", more='table:style-name="c4"')
            + cell("float", "8")
        )
        + row(cell("float", "9"), 'table:default-cell-style-name="c1"'),
        columns='<table:table-column table:number-columns-repeated="4"/>'
        '<table:table-column table:default-cell-style-name="c2"/>',
        styles=STYLES,
    )
    assert {at: cell.number_format for at, cell in cells.items()} == {
        "A1": "0.0%",
        "B1": '#,##0," hộ"',
        "C1": 'dd"/"mm',
        "D1": ";;;",
        "E1": '#,##0," hộ"',
        "A2": "0.0%",
    }
    assert cells["C1"].raw_type == "date"
    assert {cell.font for cell in cells.values()} == {".VnTime"}


def test_comments_shapes_and_page_lines_stand_beside_the_cells():
    note = "<office:annotation><text:p>gọi Nguyễn Văn A</text:p></office:annotation>"
    rows = row(
        f'<table:table-cell office:value-type="string">{note}<text:p>a<text:s text:c="2"/>b<text:span>c</text:span>'
        f"<text:line-break/>d</text:p><text:p>e{note.replace('A', 'B')}</text:p></table:table-cell>"
    )
    shapes = "<table:shapes><draw:frame><draw:text-box><text:p>MẬT</text:p></draw:text-box></draw:frame></table:shapes>"
    members = parts(table(shapes + rows)) | {
        "styles.xml": f"<office:document-styles {SPACES}><office:master-styles><style:master-page><style:footer>"
        "<text:p>chân trang</text:p></style:footer></style:master-page></office:master-styles>"
        "</office:document-styles>".encode(),
        "Pictures/1.png": b"x",
    }
    book = workbook_from_ods(members)
    assert book.sheets[0].cells["A1"].raw_text == "a  bc\nd\ne"
    assert book.sheets[0].other_texts == ("chân trang", "MẬT", "gọi Nguyễn Văn A", "gọi Nguyễn Văn B")
    assert book.pictures == ("Pictures/1.png",)


def test_sheet_states_names_and_properties_are_kept():
    shown = '<style:table-properties table:display="false"/>'
    styles = f'<style:style style:name="ta1" style:family="table">{shown}</style:style>'
    names = (
        '<table:named-expressions><table:named-range table:name="in_x" '
        "table:cell-range-address=\"$'Biểu 1'.$E$5\"/></table:named-expressions>"
    )
    members = parts(table("", name="A") + table("", name="B", style="ta1"), styles=styles, more=names) | {
        "meta.xml": f"<office:document-meta {SPACES}><office:meta><meta:user-defined meta:name='form'>TQ01"
        "</meta:user-defined></office:meta></office:document-meta>".encode()
    }
    book = workbook_from_ods(members)
    assert [(sheet.name, sheet.state) for sheet in book.sheets] == [("A", "visible"), ("B", "hidden")]
    assert (book.properties, book.defined_names) == ({"form": "TQ01"}, {"in_x": "'Biểu 1'!$E$5"})


def written_by_a_library():
    document = opendocument.OpenDocumentSpreadsheet()
    percent = odf_number.PercentageStyle(name="P")
    percent.addElement(odf_number.Number(decimalplaces="0", minintegerdigits="1"))
    percent.addElement(odf_number.Text(text="%"))
    document.automaticstyles.addElement(percent)
    document.automaticstyles.addElement(odf_style.Style(name="c", family="table-cell", datastylename="P"))
    sheet = odf_table.Table(name="Biểu 1")
    for values in ((1288, "1.288 tổ"), (0.1, "Xã A")):
        line = odf_table.TableRow()
        for value in values:
            is_text = isinstance(value, str)
            kind = {"valuetype": "string"} if is_text else {"valuetype": "percentage", "value": value, "stylename": "c"}
            entry = odf_table.TableCell(**kind)
            entry.addElement(odf_text.P(text=str(value)))
            line.addElement(entry)
        sheet.addElement(line)
    document.spreadsheet.addElement(sheet)
    document.meta.addElement(UserDefined(name="form", text="TQ01"))
    buffer = io.BytesIO()
    document.write(buffer)
    return buffer.getvalue()


def test_values_are_those_that_another_reader_sees(tmp_path):
    content = written_by_a_library()
    path = tmp_path / "bieu.ods"
    path.write_bytes(content)
    book = workbook_from_ods(read_members(path))
    seen = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    cells = book.sheets[0].cells
    assert [[float(cells[f"A{n}"].raw_text), cells[f"B{n}"].raw_text] for n in (1, 2)] == seen
    assert cells["A1"].number_format == "0%"
    assert book.properties["form"] == "TQ01"


def refusal_of(members):
    began = time.monotonic()
    with pytest.raises(UnreadableFile) as refused:
        workbook_from_ods(members)
    assert time.monotonic() - began < 2
    return refused.value.check, refused.value.reason


EVERYWHERE = 'table:number-columns-repeated="16384"'
BOMBS = {
    "columns": table(row(cell("float", "1", more=EVERYWHERE))),
    "rows": table(row(cell("float", "1"), 'table:number-rows-repeated="1048576"')),
    "cells": table(
        row(cell("float", "1", more='table:number-columns-repeated="300"'), 'table:number-rows-repeated="1000"')
    ),
    "sheets": table("") * (MAX_SHEETS + 1),
    "characters": table(row(cell("string", shown="x" * 40_000))),
}


@pytest.mark.parametrize("reason", BOMBS)
def test_more_of_anything_than_an_office_sends_is_refused(reason):
    assert MAX_CELLS < 300 * 1000
    assert refusal_of(parts(BOMBS[reason])) == ("file_is_of_a_safe_size", reason)


def test_covered_cells_without_end_are_refused_or_cut_and_signs_for_spaces_do_not_swell():
    covered = f"<table:covered-table-cell {EVERYWHERE}/>"
    assert refusal_of(parts(table(row(covered, 'table:number-rows-repeated="1048576"'))))[1] == "cells"
    assert len(cells_of(row(covered))) == 400
    assert len(cells_of(row(cell("string", shown='a<text:s text:c="999999999"/>b')))["A1"].raw_text) < 1000


def test_nonsense_is_damage():
    assert refusal_of(parts(table(row(cell("float", "1", more='table:number-columns-repeated="-1"')))))[1] == "bad_xml"
    assert refusal_of({"content.xml": b"<x"})[1] == "bad_xml"
    assert refusal_of(parts(""))[1] == "no_sheets"


def test_other_documents_macros_and_passwords_are_told():
    letter = parts("")["content.xml"].replace(b"office:spreadsheet", b"office:text")
    assert refusal_of({"content.xml": letter}) == ("file_format_is_supported", "odf")
    assert refusal_of(parts(table("")) | {"Basic/Standard/M.xml": b""})[0] == "workbook_has_no_macros"
    manifest = {"META-INF/manifest.xml": b"<manifest:encryption-data/>"}
    assert refusal_of(parts(table("")) | manifest)[0] == "workbook_is_not_encrypted"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_no_damage_ends_in_anything_but_a_workbook_or_a_refusal(seed):
    chance = random.Random(seed)  # noqa: S311
    with zipfile.ZipFile(io.BytesIO(written_by_a_library())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = bytearray(members["content.xml"])
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content))
        if chance.random() < 0.5:
            content[at] = chance.choice(b"<>\"'&0179=/ x")
        else:
            content[at:at] = chance.choice((b"-1", b"99999999", b"\xff", b'"'))
    with contextlib.suppress(UnreadableFile):
        workbook_from_ods(members | {"content.xml": bytes(content)})
