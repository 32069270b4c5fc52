"""Tables in Word documents: what a reader of the final text sees, where it stands, and what stands around it."""

import contextlib
import io
import random
import time
import zipfile

import docx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tuquan.workbook.container import UnreadableFile, read_members
from tuquan.workbook.docx import workbook_from_docx
from tuquan.workbook.grid import MAX_SHEETS

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def parts(body, **more):
    """The least that is a document; ``more`` parts by kind."""
    links = "".join(f'<Relationship Id="{kind}" Type="{OFFICE}/{kind}" Target="{kind}.xml"/>' for kind in more)
    return {
        "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>".encode(),
        "word/_rels/document.xml.rels": f"<Relationships>{links}</Relationships>".encode(),
    } | {f"word/{kind}.xml": f"<w:{kind} {WORD}>{content}</w:{kind}>".encode() for kind, content in more.items()}


def p(text, properties=""):
    return f"<w:p><w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def tc(text="", properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{text if text.startswith('<') else p(text)}</w:tc>"


def tr(*cells, properties=""):
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def tbl(*rows):
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def texts_of(*rows):
    cells = workbook_from_docx(parts(tbl(*rows))).sheets[0].cells
    return {at: cell.raw_text for at, cell in cells.items()}


def saved(document):
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def members_of(content, tmp_path):
    path = tmp_path / "bao cao.docx"
    path.write_bytes(content)
    return read_members(path)


def report():
    document = docx.Document()
    document.add_paragraph("Đơn vị báo cáo: Xã A")
    document.add_paragraph("Năm 2021")
    for number in (1, 2):
        table = document.add_table(rows=2, cols=3)
        for at, text in enumerate(("TT", "Chỉ tiêu", "Số liệu")):
            table.cell(0, at).text = text
        for at, text in enumerate(("1", "Số hộ", f"1.28{number}")):
            table.cell(1, at).text = text
        document.add_paragraph(f"Sau bảng {number}")
    document.sections[0].header.paragraphs[0].text = "MẬT"
    document.sections[0].footer.paragraphs[0].text = "chân trang"
    return document


def test_each_table_is_a_sheet_with_the_lines_in_front_of_it(tmp_path):
    book = workbook_from_docx(members_of(saved(report()), tmp_path))
    assert [sheet.name for sheet in book.sheets] == ["Bảng 1", "Bảng 2"]
    first, second = book.sheets
    assert first.lines_above == ("Đơn vị báo cáo: Xã A", "Năm 2021")
    assert second.lines_above == ("Sau bảng 1",)
    assert first.other_texts == ("MẬT", "chân trang")
    assert second.other_texts == ("Sau bảng 2",)
    assert {at: cell.raw_text for at, cell in second.cells.items()} == {
        **{"A1": "TT", "B1": "Chỉ tiêu", "C1": "Số liệu"},
        **{"A2": "1", "B2": "Số hộ", "C2": "1.282"},
    }
    assert {(cell.raw_type, cell.is_merged) for cell in first.cells.values()} == {("text", False)}


def test_merged_cells_keep_the_columns_behind_them_in_place(tmp_path):
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for row in range(3):
        for column in range(3):
            table.cell(row, column).text = f"{row}{column}"
    table.cell(0, 0).merge(table.cell(0, 1)).text = "rộng"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "cao"
    cells = workbook_from_docx(members_of(saved(document), tmp_path)).sheets[0].cells
    assert {at: cell.raw_text for at, cell in cells.items()} == {
        **{"A1": "rộng", "B1": None, "C1": "02"},
        **{"A2": "10", "B2": "11", "C2": "cao", "A3": "20", "B3": "21", "C3": None},
    }
    assert {at for at, cell in cells.items() if cell.is_merged} == {"A1", "B1", "C2", "C3"}


def test_tracked_changes_are_read_as_the_final_text():
    deleted = "<w:del><w:r><w:delText>12</w:delText></w:r><w:r><w:t>12</w:t></w:r></w:del>"
    moved = "<w:moveFrom><w:r><w:t>9</w:t></w:r></w:moveFrom>"
    inserted = "<w:ins><w:r><w:t>15</w:t></w:r></w:ins>"
    assert texts_of(
        tr(tc(f"<w:p>{deleted}{moved}{inserted}</w:p>")),
        tr(tc("bị xóa"), properties="<w:del/>"),
        f"<w:ins>{tr(tc('thêm'))}</w:ins>",
    ) == {"A1": "15", "A2": "thêm"}


def test_signs_of_a_paragraph_content_controls_and_shifted_rows_are_kept():
    control = f"<w:sdt><w:sdtContent>{tc('trong ô')}</w:sdtContent></w:sdt>"
    signs = "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>1</w:t><w:sym w:char='F031'/></w:r></w:p>"
    assert texts_of(tr(tc(signs + p("c")), control), tr(tc("lùi"), properties='<w:gridBefore w:val="2"/>')) == {
        "A1": "a\tb\n1\ufffd\nc",
        "B1": "trong ô",
        "C2": "lùi",
    }


def test_a_table_in_a_frame_is_a_sheet_of_its_own():
    body = tbl(tr(tc(p("Xã A") + tbl(tr(tc("1")))))) + p("hết")
    book = workbook_from_docx(parts(body))
    assert [(sheet.lines_above, [cell.raw_text for cell in sheet.cells.values()]) for sheet in book.sheets] == [
        ((), ["Xã A"]),
        (("Xã A",), ["1"]),
    ]
    assert book.sheets[1].other_texts == ("hết",)


def test_hidden_text_and_fonts_are_told():
    styles = (
        '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Arial"/></w:rPr></w:rPrDefault></w:docDefaults>'
        '<w:style w:type="paragraph" w:styleId="a" w:default="1"><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="b"><w:basedOn w:val="a"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="c"><w:basedOn w:val="c"/></w:style>'
    )
    own = p("Soá", '<w:rFonts w:ascii="VNI-Times"/>')
    based = p("Sè").replace("<w:p>", '<w:p><w:pPr><w:pStyle w:val="b"/></w:pPr>')
    table = tbl(tr(tc(own), tc(based), tc("7"), tc(p("8", "<w:vanish/>"))), tr(tc("9"), properties="<w:hidden/>"))
    cells = workbook_from_docx(parts(table, styles=styles)).sheets[0].cells
    assert [cells[f"{letter}1"].font for letter in "ABC"] == ["VNI-Times", ".VnTime", ".VnTime"]
    assert {at for at, cell in cells.items() if cell.is_hidden} == {"D1", "A2"}


def test_comments_text_boxes_and_pictures_are_seen():
    box = f"<w:p><w:r><w:pict><w:txbxContent>{p('hộp')}</w:txbxContent></w:pict></w:r></w:p>"
    members = parts(box + tbl(tr(tc("1"))), comments=f"<w:comment>{p('gọi Nguyễn Văn A')}</w:comment>")
    book = workbook_from_docx(members | {"word/media/image1.png": b"", "word/embeddings/x.xlsx": b""})
    assert book.sheets[0].other_texts == ("hộp", "gọi Nguyễn Văn A")
    assert book.sheets[0].lines_above == ()
    assert book.pictures == ("word/media/image1.png", "word/embeddings/x.xlsx")


def test_a_letter_without_a_table_is_one_sheet_of_lines():
    (sheet,) = workbook_from_docx(parts(p("Kính gửi") + p(""))).sheets
    assert (sheet.cells, sheet.lines_above) == ({}, ("Kính gửi",))


def refusal_of(members):
    began = time.monotonic()
    with pytest.raises(UnreadableFile) as refused:
        workbook_from_docx(members)
    assert time.monotonic() - began < 2
    return refused.value.check, refused.value.reason


def test_more_of_anything_than_an_office_sends_macros_and_nonsense_are_refused():
    wide = tbl(tr(tc("1", '<w:gridSpan w:val="99999999999"/>')))
    assert refusal_of(parts(wide)) == ("file_is_of_a_safe_size", "columns")
    assert refusal_of(parts(tbl(tr(tc("x" * 40_000)))))[1] == "characters"
    assert refusal_of(parts(tbl(tr(tc("1"))) * (MAX_SHEETS + 1)))[1] == "sheets"
    assert refusal_of(parts(tbl(tr(tc("1", '<w:gridSpan w:val="400"/>')) * 300)))[1] == "cells"
    assert refusal_of(parts(tbl(tr(tc("1", '<w:gridSpan w:val="-1"/>')))))[1] == "bad_xml"
    assert refusal_of(parts("") | {"word/document.xml": b"<x/>"})[1] == "bad_xml"
    assert refusal_of(parts("") | {"word/vbaProject.bin": b""})[0] == "workbook_has_no_macros"


GOOD = saved(report())


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_no_damage_ends_in_anything_but_a_workbook_or_a_refusal(seed):
    chance = random.Random(seed)  # noqa: S311
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(["word/document.xml", "word/styles.xml", "word/_rels/document.xml.rels"])
    content = bytearray(members[name])
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(content))
        if chance.random() < 0.5:
            content[at] = chance.choice(b"<>\"'&0179=/ x:w")
        else:
            content[at:at] = chance.choice((b"-1", b"99999999", b"\xff", b'"'))
    with contextlib.suppress(UnreadableFile):
        workbook_from_docx(members | {name: bytes(content)})
