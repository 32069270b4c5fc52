"""The sender's own workbook comes back with notes and colours, and is otherwise the workbook that was sent."""

import shutil
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings, strategies as st
from openpyxl.comments import Comment

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.annotate import COLOURS, NotAnnotatable, Remark, annotate
from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.parts import parse_part
from tuquan.workbook.template import write_form

LIBREOFFICE = Path(__file__).parents[2] / "fixtures" / "tq01_saved_by_libreoffice.xlsx"
PERIOD = parse_period("2024-Q1")
COMMUNE = load_register().communes("387", PERIOD.end)[0]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TEXT = "Ô E14: ghi “1,288” & <chưa rõ>. Đề nghị gõ số liền, ví dụ 1288."
DOUBTFUL = {"E14": Remark(TEXT, "held"), "E20": Remark("Nhỏ hơn 0.\nĐề nghị sửa.", "refused")}
OFFICE = "tuquan"


@pytest.fixture
def form(tmp_path):
    path = tmp_path / "bieu.xlsx"
    write_form(path, COMMUNE, PERIOD, values={("teams_total", "period"): "1,288"})
    return path


@pytest.fixture
def annotated(tmp_path):
    """Annotate and save a workbook; yield the function that returns the path of the result."""

    def save(source, remarks, sheet="TQ01"):
        path = tmp_path / "sửa.xlsx"
        path.write_bytes(annotate(source, {sheet: remarks}, OFFICE))
        return path

    return save


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(source, target, change):
    """Write a copy of a workbook with ``change(name, part)`` applied to the text of each part."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts_of(source).items():
            archive.writestr(name, change(name, part.decode()))
    return target


def look(cell):
    """Everything about a cell but its fill and its note."""
    shown = (cell.font, cell.border, cell.alignment, cell.protection, cell.hyperlink)
    return (cell.value, cell.data_type, cell.number_format, *map(repr, shown))


def assert_same_but_for(source, target, remarks, sheet="TQ01"):
    """Both readers see the same workbook, except for fill and note of the cells in question."""
    before, after = read_workbook(source), read_workbook(target)
    assert [one.cells for one in before.sheets] == [one.cells for one in after.sheets]
    assert (before.properties, before.defined_names) == (after.properties, after.defined_names)
    old_book, new_book = openpyxl.load_workbook(source), openpyxl.load_workbook(target)
    assert old_book.sheetnames == new_book.sheetnames
    for old, new in zip(old_book, new_book, strict=True):
        assert (old.protection.sheet, old.merged_cells.ranges) == (new.protection.sheet, new.merged_cells.ranges)
        assert old.data_validations.dataValidation == new.data_validations.dataValidation
        assert old.freeze_panes == new.freeze_panes
        assert {row: (size.ht, size.hidden) for row, size in old.row_dimensions.items() if size.ht} == {
            row: (size.ht, size.hidden) for row, size in new.row_dimensions.items() if size.ht
        }
        places = {cell.coordinate for sheet in (old, new) for row in sheet.iter_rows() for cell in row}
        for place in places:
            assert look(old[place]) == look(new[place]), place
            if new.title == sheet and place in remarks:
                assert new[place].fill.fgColor.rgb == COLOURS[remarks[place].severity]
                assert new[place].comment.text.endswith(remarks[place].text)
            else:
                assert repr(old[place].fill) == repr(new[place].fill)
                assert old[place].comment == new[place].comment


def test_a_form_comes_back_with_notes_and_colours_and_is_otherwise_the_same(form, annotated):
    assert_same_but_for(form, annotated(form, DOUBTFUL), DOUBTFUL)


def test_a_part_without_a_note_is_the_senders_byte_by_byte(form, annotated):
    before, after = parts_of(form), parts_of(annotated(form, DOUBTFUL))
    assert list(after)[: len(before)] == list(before)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"[Content_Types].xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"}
    assert set(after) - set(before) == {
        "xl/comments1.xml",
        "xl/drawings/vmlDrawing1.vml",
        "xl/worksheets/_rels/sheet1.xml.rels",
    }


def test_the_same_workbook_gives_the_same_bytes(form):
    backwards = dict(reversed(DOUBTFUL.items()))
    assert annotate(form, {"TQ01": DOUBTFUL}, OFFICE) == annotate(form, {"TQ01": backwards}, OFFICE)


def test_a_note_names_an_office_and_no_person(form, annotated):
    comment = openpyxl.load_workbook(annotated(form, DOUBTFUL))["TQ01"]["E14"].comment
    assert (comment.author, comment.text) == (OFFICE, TEXT)


def test_cells_and_rows_that_are_not_there_are_made_at_their_place(form, annotated):
    remarks = {
        place: Remark(place, "held") for place in ("H14", "J14", "E200", "C200", "E100", "A14", "XFD1")
    } | DOUBTFUL
    target = annotated(form, remarks)
    sheet = openpyxl.load_workbook(target)["TQ01"]
    cells = sheet._cells.values()  # those that are there; iter_rows makes the three million up to XFD200
    assert {cell.coordinate for cell in cells if cell.comment} == set(remarks)
    rows = parse_part(parts_of(target)["xl/worksheets/sheet1.xml"]).findall(f"{{{MAIN}}}sheetData/{{{MAIN}}}row")
    numbers = [int(row.get("r")) for row in rows]
    assert numbers == sorted(set(numbers))
    assert [cell.get("r") for cell in rows[numbers.index(200)]] == ["C200", "E200"]
    assert [cell.get("r") for cell in rows[numbers.index(14)]][-2:] == ["H14", "J14"]


def test_a_blank_cell_takes_the_look_of_its_row_or_column(tmp_path, annotated):
    path = tmp_path / "bieu.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("TQ01")
    sheet.set_row(4, 30, book.add_format({"num_format": "0.000", "locked": False}))
    sheet.set_column("D:D", 12, book.add_format({"num_format": "#,##0", "bold": True}))
    sheet.write("A9", "x")
    book.close()
    remarks = {place: Remark("?", "held") for place in ("C5", "D9", "A20")}
    result = openpyxl.load_workbook(annotated(path, remarks))["TQ01"]
    assert (result["C5"].number_format, result["C5"].protection.locked) == ("0.000", False)
    assert (result["D9"].number_format, result["D9"].font.bold) == ("#,##0", True)
    assert result["A20"].number_format == "General"


def test_what_is_said_about_a_part_of_a_merged_range_stands_on_its_first_cell(form, annotated):
    remarks = {"F6": Remark("một", "held"), "B6": Remark("hai", "refused")}
    sheet = openpyxl.load_workbook(annotated(form, remarks))["TQ01"]
    assert sheet["B6"].comment.text == "hai\nmột"
    assert sheet["B6"].fill.fgColor.rgb == COLOURS["refused"]


@pytest.mark.parametrize("own", ["Ghi chú của xã", None])
def test_notes_of_the_sender_are_kept(tmp_path, form, annotated, own):
    path, remarks = tmp_path / "own.xlsx", {**DOUBTFUL}
    book = openpyxl.load_workbook(form)
    book["TQ01"]["C15"].comment = Comment("Xem lại", "xã")
    if own:
        book["TQ01"]["E14"].comment = Comment(own, "xã")
    book.save(path)
    target = annotated(path, remarks)
    sheet = openpyxl.load_workbook(target)["TQ01"]
    assert sheet["C15"].comment.text == "Xem lại"
    assert sheet["E14"].comment.text == (f"{own}\n{TEXT}" if own else TEXT)
    assert_same_but_for(path, target, remarks)


def test_what_was_said_of_an_earlier_version_is_replaced(tmp_path, form, annotated):
    again = tmp_path / "again.xlsx"
    shutil.copy(annotated(form, DOUBTFUL), again)
    sheet = openpyxl.load_workbook(annotated(again, {"E14": Remark("Vẫn chưa rõ.", "held")}))["TQ01"]
    assert (sheet["E14"].comment.text, sheet["E20"].comment.text) == ("Vẫn chưa rõ.", DOUBTFUL["E20"].text)


def test_notes_that_excel_wrote_in_runs_are_added_to(tmp_path, annotated):
    path, remarks = tmp_path / "own.xlsx", {"A1": Remark("thêm", "held")}
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("TQ01")
    sheet.write("A1", 1)
    sheet.write_comment("A1", "có sẵn", {"author": "xã"})
    sheet.insert_textbox("D4", "hộp chữ")
    book.close()
    target = annotated(path, remarks)
    assert openpyxl.load_workbook(target)["TQ01"]["A1"].comment.text == "có sẵn\nthêm"
    before, after = parts_of(path), parts_of(target)
    assert before["xl/drawings/drawing1.xml"] == after["xl/drawings/drawing1.xml"]
    assert before["xl/drawings/vmlDrawing1.vml"] == after["xl/drawings/vmlDrawing1.vml"]


def test_a_drawing_of_buttons_or_header_pictures_is_kept(tmp_path, annotated):
    path, remarks = tmp_path / "own.xlsx", {"A1": Remark("mới", "held")}
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("TQ01")
    sheet.write("A1", 1)
    sheet.insert_button("C3", {"caption": "In"})
    sheet.set_footer("&C&P")
    sheet.add_table("E5:F7", {"columns": [{"header": "a"}, {"header": "b"}]})
    book.close()
    target = annotated(path, remarks)
    drawing = parts_of(target)["xl/drawings/vmlDrawing1.vml"].decode()
    assert drawing.count("<v:shape ") == 2
    assert "In" in drawing
    assert openpyxl.load_workbook(target)["TQ01"]["A1"].comment.text == "mới"
    root = parse_part(parts_of(target)["xl/worksheets/sheet1.xml"])
    words = [child.tag.rpartition("}")[2] for child in root]
    assert words.index("legacyDrawing") < words.index("tableParts")


def test_what_libreoffice_saved_can_be_annotated(annotated):
    sheet = read_workbook(LIBREOFFICE).sheets[0].name
    target = annotated(LIBREOFFICE, DOUBTFUL, sheet)
    assert_same_but_for(LIBREOFFICE, target, DOUBTFUL, sheet)


def test_what_openpyxl_saved_can_be_annotated(tmp_path, form, annotated):
    path = tmp_path / "openpyxl.xlsx"
    openpyxl.load_workbook(form).save(path)
    assert_same_but_for(path, annotated(path, DOUBTFUL), DOUBTFUL)


def test_a_producer_may_write_prefixes(tmp_path, form, annotated):
    def prefixed(name, part):
        if name.startswith("xl/") and not name.endswith((".rels", "theme1.xml")):
            for old, new in (("</", "\0"), ("<?", "\1"), ("<", "<x:"), ("\0", "</x:"), ("\1", "<?")):
                part = part.replace(old, new)
            part = part.replace("xmlns=", "xmlns:x=")
        return part

    path = rewritten(form, tmp_path / "prefixed.xlsx", prefixed)
    remarks = {**DOUBTFUL, "J14": Remark("?", "held"), "E90": Remark("?", "warning")}
    target = annotated(path, remarks)
    assert_same_but_for(path, target, remarks)
    assert b"<x:legacyDrawing " in parts_of(target)["xl/worksheets/sheet1.xml"]


def test_the_strict_dialect_stays_strict(tmp_path, form, annotated):
    words = {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "http://purl.oclc.org/ooxml/spreadsheetml/main",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships": (
            "http://purl.oclc.org/ooxml/officeDocument/relationships"
        ),
    }

    def strict(_, part):
        for old, new in words.items():
            part = part.replace(old, new)
        return part

    path = rewritten(form, tmp_path / "strict.xlsx", strict)
    target = annotated(path, DOUBTFUL)
    assert read_workbook(path).sheets[0].cells == read_workbook(target).sheets[0].cells
    new = parts_of(target)["xl/comments1.xml"].decode()
    assert 'xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"' in new
    assert "http://purl.oclc.org/ooxml/officeDocument/relationships/comments" in (
        parts_of(target)["xl/worksheets/_rels/sheet1.xml.rels"].decode()
    )


def test_rows_and_cells_that_do_not_say_their_place_are_counted(tmp_path, annotated):
    path = tmp_path / "plain.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("TQ01")
    book.close()
    rows = (
        '<sheetData><row><c><v>1</v></c><c><v>2</v></c></row><row/><row r="5"><c r="C5"><v>3</v></c></row></sheetData>'
    )
    path = rewritten(path, tmp_path / "counted.xlsx", lambda _, part: part.replace("<sheetData/>", rows))
    remarks = {place: Remark(place, "held") for place in ("B1", "C1", "A2", "A4", "A5", "C5")}
    target = annotated(path, remarks)
    cells = read_workbook(target).sheets[0].cells
    assert {place: cell.raw_text for place, cell in cells.items()} == {"A1": "1", "B1": "2", "C5": "3"}
    sheet = openpyxl.load_workbook(target)["TQ01"]
    assert {cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment} == set(remarks)


def test_several_sheets_share_no_notes(tmp_path):
    path = tmp_path / "two.xlsx"
    book = xlsxwriter.Workbook(path)
    for name in ("Xã một", "Xã hai", "Xã ba"):
        book.add_worksheet(name).write("A1", 1)
    book.close()
    remarks = {name: {"A1": Remark(name, "held")} for name in ("Xã một", "Xã ba")}
    target = tmp_path / "sửa.xlsx"
    target.write_bytes(annotate(path, remarks, OFFICE))
    book = openpyxl.load_workbook(target)
    assert [sheet["A1"].comment and sheet["A1"].comment.text for sheet in book] == ["Xã một", None, "Xã ba"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "xl/styles.xml", "old": "<fills", "new": "<fillz"},
        {"name": "xl/worksheets/sheet1.xml", "old": ' s="', "new": ' s="9'},
        {"name": "xl/worksheets/sheet1.xml", "old": "<sheetData>", "new": "<sheetData><row r='x'/>"},
        {"name": "xl/worksheets/sheet1.xml", "old": "<sheetData>", "new": "<sheetData"},
        {"name": "xl/worksheets/sheet1.xml", "old": "<sheetData>", "new": "<!DOCTYPE a><sheetData>"},
        {"name": "xl/_rels/workbook.xml.rels", "old": "styles.xml", "new": "no.xml"},
    ],
)
def test_what_is_not_understood_is_left_alone(tmp_path, form, change):
    path = rewritten(
        form,
        tmp_path / "odd.xlsx",
        lambda name, part: part.replace(change["old"], change["new"]) if name == change["name"] else part,
    )
    with pytest.raises(NotAnnotatable):
        annotate(path, {"TQ01": DOUBTFUL}, OFFICE)


@pytest.mark.parametrize(("sheet", "place"), [("Trang khác", "A1"), ("TQ01", "dòng 7"), ("TQ01", "a1")])
def test_a_place_that_is_none_is_not_annotated(form, sheet, place):
    with pytest.raises(NotAnnotatable):
        annotate(form, {sheet: {place: Remark("?", "held")}}, OFFICE)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"a,b\n1,2\n"])
def test_a_file_that_is_no_workbook_is_not_annotated(tmp_path, content):
    path = tmp_path / "bieu.xlsx"
    path.write_bytes(content)
    with pytest.raises(NotAnnotatable):
        annotate(path, {"TQ01": DOUBTFUL}, OFFICE)


def test_a_signed_workbook_is_left_alone(tmp_path, form):
    path = rewritten(form, tmp_path / "signed.xlsx", lambda _, part: part)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("_xmlsignatures/sig1.xml", "<Signature/>")
    with pytest.raises(NotAnnotatable):
        annotate(path, {"TQ01": DOUBTFUL}, OFFICE)


@pytest.mark.slow
def test_libreoffice_reads_the_notes_and_loses_none(converted, form, annotated):
    sheet = openpyxl.load_workbook(converted(annotated(form, DOUBTFUL), "xlsx"))["TQ01"]
    for place, remark in DOUBTFUL.items():
        assert sheet[place].comment.text == remark.text
        assert sheet[place].fill.fgColor.rgb == COLOURS[remark.severity]


ODD = [
    b"<",
    b">",
    b"/>",
    b"</",
    b'"',
    b"'",
    b"&",
    b"<!--",
    b"]]>",
    b' s="99',
    b"E14",
    b"-1",
    b"xmlns",
    b"",
    b"\0",
    b"\xff",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_makes_it_fail_otherwise_or_change_what_a_workbook_says(tmp_path, form, data):
    parts = parts_of(form)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(set(parts) - {"xl/theme/theme1.xml"})))
        place = data.draw(st.integers(0, len(parts[name])))
        length = data.draw(st.integers(0, 40))
        odd = data.draw(st.sampled_from(ODD) | st.binary(max_size=3))
        parts[name] = parts[name][:place] + odd + parts[name][place + length :]
    source, target = tmp_path / "odd.xlsx", tmp_path / "sửa.xlsx"
    with zipfile.ZipFile(source, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    try:
        target.write_bytes(annotate(source, {"TQ01": DOUBTFUL}, OFFICE))
        before = read_workbook(source)
    except (NotAnnotatable, UnreadableFile):
        return
    assert [sheet.cells for sheet in read_workbook(target).sheets] == [sheet.cells for sheet in before.sheets]
