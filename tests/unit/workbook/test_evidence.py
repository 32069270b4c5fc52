"""Damaged and hostile workbooks: each is refused with a reason, none ends the process."""

import contextlib
import io
import random
import struct
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tuquan.workbook import container, evidence, parts
from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.evidence import read_workbook
from tuquan.workbook.reading import read_file

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"


def sheet_xml(rows="", *, before="", after="", head=""):
    return f'{head}<worksheet xmlns="{MAIN}">{before}<sheetData>{rows}</sheetData>{after}</worksheet>'


def workbook_parts(sheet=None, *, strings=(), sheets=1, styles="", book=None):
    """The least that is a workbook."""
    entries = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, sheets + 1))
    items = "".join(f"<si><t>{text}</t></si>" for text in strings)
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(
            (("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml"), ("styles", "styles.xml")),
            start=1,
        )
    )
    relationships = "http://schemas.openxmlformats.org/package/2006/relationships"
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{relationships}"><Relationship Id="r" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": book or f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{entries}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relationships}">{links}</Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{items}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
        '<xf numFmtId="9"/><xf numFmtId="164"/></cellXfs></styleSheet>',
        SHEET: sheet_xml('<row r="1"><c r="A1"><v>1</v></c></row>') if sheet is None else sheet,
    }


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def saved(tmp_path):
    def save(content):
        path = tmp_path / "bieu.xlsx"
        path.write_bytes(content if isinstance(content, bytes) else zipped(content))
        return path

    return save


@pytest.fixture
def cells_of(saved):
    def read(rows, **more):
        known = {name: more.pop(name) for name in ("strings", "styles") if name in more}
        return read_workbook(saved(workbook_parts(sheet_xml(rows, **more), **known))).sheets[0].cells

    return read


def test_each_kind_of_cell_keeps_what_was_written(cells_of):
    cells = cells_of(
        '<row r="2"><c r="A2"><v>1.288</v></c><c r="B2" t="s"><v>0</v></c><c r="C2" t="b"><v>1</v></c>'
        '<c r="D2" t="e"><v>#DIV/0!</v></c><c r="E2" s="1"><v>46154</v></c><c r="F2" t="str"><f>A2</f><v>hai</v></c>'
        '<c r="G2"><f>A2*2</f></c><c r="H2" t="inlineStr"><is><t>ba</t></is></c><c r="I2" s="2"><v>0.5</v></c>'
        '<c r="J2" s="3"><v>3</v></c><c r="K2"/></row>',
        strings=["1.288"],
        styles='<numFmts><numFmt numFmtId="164" formatCode="&quot;ngày&quot; 0"/></numFmts>',
    )
    told = {address: (cell.raw_text, cell.raw_type, cell.is_formula) for address, cell in cells.items()}
    assert told == {
        "A2": ("1.288", "number", False),
        "B2": ("1.288", "text", False),
        "C2": ("1", "boolean", False),
        "D2": ("#DIV/0!", "error", False),
        "E2": ("46154", "date", False),
        "F2": ("hai", "text", True),
        "G2": (None, "blank", True),
        "H2": ("ba", "text", False),
        "I2": ("0.5", "number", False),
        "J2": ("3", "number", False),
    }
    assert [cells[address].number_format for address in ("A2", "I2", "J2")] == ["General", "0%", '"ngày" 0']


def test_hidden_and_merged_cells_say_so(cells_of):
    cells = cells_of(
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c><c r="C1"/></row>'
        '<row r="2" hidden="1"><c r="A2"><v>3</v></c></row><row><c><v>4</v></c><c><v>5</v></c></row>',
        before='<cols><col min="2" max="2" hidden="1"/></cols>',
        after='<mergeCells><mergeCell ref="A1:A2"/><mergeCell ref="C1:D1"/></mergeCells>',
    )
    assert {address for address, cell in cells.items() if cell.is_hidden} == {"B1", "A2", "B3"}
    assert {address for address, cell in cells.items() if cell.is_merged} == {"A1", "A2", "C1"}
    assert cells["C1"].raw_type == "blank"
    assert cells["B3"].raw_text == "5"  # cells without an address stand right of the one before


def test_rich_text_is_joined_and_its_phonetic_reading_left_out(cells_of):
    rich = "</t></si><si><r><t>1.</t></r><r><t>288</t></r><rPh><t>x</t></rPh></si><si><t>"
    cells = cells_of('<row r="1"><c r="A1" t="s"><v>1</v></c></row>', strings=["một" + rich])
    assert cells["A1"].raw_text == "1.288"


def test_a_prefix_in_front_of_the_words_of_the_format_changes_nothing(saved):
    row = '<x:row r="1"><x:c r="A1"><x:v>7</x:v></x:c></x:row>'
    prefixed = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{row}</x:sheetData></x:worksheet>'
    assert read_workbook(saved(workbook_parts(prefixed))).sheets[0].cells["A1"].raw_text == "7"


def test_sheet_states_and_defined_names_are_kept(saved):
    book = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="A" r:id="rId1"/>'
        '<sheet name="B" state="veryHidden" r:id="rId1"/></sheets>'
        "<definedNames><definedName name=\"in_x\">'A'!$E$5</definedName></definedNames></workbook>"
    )
    read = read_workbook(saved(workbook_parts(book=book)))
    assert [(sheet.name, sheet.state) for sheet in read.sheets] == [("A", "visible"), ("B", "very_hidden")]
    assert read.defined_names == {"in_x": "'A'!$E$5"}


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
HOSTILE_SHEETS = {
    "billion laughs": (sheet_xml(head=LAUGHS), "file_is_a_readable_workbook", "doctype"),
    "external entity": (sheet_xml(head=OUTSIDE), "file_is_a_readable_workbook", "doctype"),
    "utf-16": (sheet_xml().encode("utf-16"), "file_is_a_readable_workbook", "bad_xml"),
    "utf-7": ('<?xml version="1.0" encoding="utf-7"?>' + sheet_xml(), "file_is_a_readable_workbook", "bad_xml"),
    "cut off": (sheet_xml()[:-9], "file_is_a_readable_workbook", "bad_xml"),
    "undefined entity": (sheet_xml("&a;"), "file_is_a_readable_workbook", "bad_xml"),
    "far row": (sheet_xml('<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), "file_is_of_a_safe_size", "rows"),
    "far column": (sheet_xml('<row r="1"><c r="XFD1"><v>1</v></c></row>'), "file_is_of_a_safe_size", "columns"),
    "no address": (sheet_xml('<row r="1"><c r="ZZZZ1"><v>1</v></c></row>'), "file_is_a_readable_workbook", "bad_xml"),
    "other row": (sheet_xml('<row r="1"><c r="A2"><v>1</v></c></row>'), "file_is_a_readable_workbook", "bad_xml"),
    "row 99999999": (sheet_xml('<row r="99999999"><c><v>1</v></c></row>'), "file_is_a_readable_workbook", "bad_xml"),
    "twice": (
        sheet_xml('<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>'),
        "file_is_a_readable_workbook",
        "bad_xml",
    ),
    "unknown string": (
        sheet_xml('<row r="1"><c r="A1" t="s"><v>7</v></c></row>'),
        "file_is_a_readable_workbook",
        "bad_xml",
    ),
    "negative string": (
        sheet_xml('<row r="1"><c r="A1" t="s"><v>-1</v></c></row>'),
        "file_is_a_readable_workbook",
        "bad_xml",
    ),
    "unknown style": (
        sheet_xml('<row r="1"><c r="A1" s="99"><v>7</v></c></row>'),
        "file_is_a_readable_workbook",
        "bad_xml",
    ),
    "deep": (sheet_xml("<a>" * 100 + "</a>" * 100), "file_is_of_a_safe_size", "depth"),
    "very deep": (sheet_xml("<a>" * 200_000 + "</a>" * 200_000), "file_is_of_a_safe_size", "depth"),
    "many cells": (
        sheet_xml("".join(f'<row r="{n}">' + "<c><v>1</v></c>" * 300 + "</row>" for n in range(1, 400))),
        "file_is_of_a_safe_size",
        "cells",
    ),
    "many tags": (sheet_xml("<row/>" * 700_000), "file_is_of_a_safe_size", "cells"),
    "merged everything": (
        sheet_xml(after="<mergeCells>" + '<mergeCell ref="A1:XFD1048576"/>' * 9 + "</mergeCells>"),
        "file_is_of_a_safe_size",
        "rows",
    ),
    "many column runs": (
        sheet_xml(before="<cols>" + '<col min="1" max="16384" hidden="1"/>' * 100_000 + "</cols>"),
        "file_is_of_a_safe_size",
        "columns",
    ),
    "merged nonsense": (
        sheet_xml(after='<mergeCells><mergeCell ref="A1:"/></mergeCells>'),
        "file_is_a_readable_workbook",
        "bad_xml",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_SHEETS)
def test_a_hostile_sheet_is_refused_with_its_reason(saved, name):
    sheet, check, reason = HOSTILE_SHEETS[name]
    with pytest.raises(UnreadableFile) as refused:
        read_workbook(saved(zipped(workbook_parts(sheet), zipfile.ZIP_STORED)))
    assert (refused.value.check, refused.value.reason) == (check, reason)


def refusal_of(path):
    with pytest.raises(UnreadableFile) as refused:
        read_workbook(path)
    return refused.value.check, refused.value.reason


def test_a_bomb_is_refused_whatever_size_it_claims(saved):
    bomb = zipped(workbook_parts(sheet_xml(" " * 30_000_000)))
    assert refusal_of(saved(bomb)) == ("file_is_of_a_safe_size", "ratio")
    bomb = zipped(workbook_parts(sheet_xml(" " * (evidence_limit := container.MAX_UNPACKED_BYTES + 1))))
    assert refusal_of(saved(bomb)) == ("file_is_of_a_safe_size", "unpacked")
    lying = bomb.replace(struct.pack("<L", evidence_limit + len(sheet_xml())), struct.pack("<L", 1000))
    assert lying != bomb
    assert refusal_of(saved(lying)) == ("file_is_of_a_safe_size", "unpacked")


def test_more_of_anything_than_an_office_sends_is_refused(saved):
    many = workbook_parts() | {f"xl/x{n}.xml": "" for n in range(container.MAX_MEMBERS)}
    assert refusal_of(saved(many)) == ("file_is_of_a_safe_size", "members")
    assert refusal_of(saved(workbook_parts(sheets=evidence.MAX_SHEETS + 1))) == ("file_is_of_a_safe_size", "sheets")
    assert refusal_of(saved(bytes(container.MAX_FILE_BYTES + 1))) == ("file_is_of_a_safe_size", "size")
    assert parts.MAX_DEPTH < 100


@pytest.mark.parametrize("name", ["../x.xml", "/x.xml", "xl\\x.xml", "xl//x.xml", "C:x.xml", "XL/WORKBOOK.XML", "a\nb"])
def test_odd_names_of_parts_are_refused(saved, name):
    assert refusal_of(saved(workbook_parts() | {name: "x"})) == ("file_is_a_readable_workbook", "odd_member")


def test_foreign_bytes_around_the_container_are_refused(saved):
    whole = zipped(workbook_parts())
    assert refusal_of(saved(b"%PDF-1.7\n" + whole)) == ("file_is_a_readable_workbook", "polyglot")
    assert refusal_of(saved(whole + b"<html>")) == ("file_is_a_readable_workbook", "polyglot")
    commented = whole[:-2] + struct.pack("<H", 6) + b"<html>"
    assert refusal_of(saved(commented)) == ("file_is_a_readable_workbook", "polyglot")


def test_a_changed_byte_in_a_part_that_nobody_reads_is_found(saved):
    whole = bytearray(zipped(workbook_parts() | {"xl/theme.xml": b"0123456789" * 9}, zipfile.ZIP_STORED))
    whole[whole.index(b"0123456789")] ^= 1
    assert refusal_of(saved(bytes(whole))) == ("file_is_a_readable_workbook", "damaged_zip")


def test_macros_and_passwords_hold_the_file(saved):
    path = saved(workbook_parts() | {"xl/vbaProject.bin": b"x"})
    assert refusal_of(path)[0] == "workbook_has_no_macros"
    assert read_file(path, "bieu.xlsx").status == "held"
    whole = bytearray(zipped(workbook_parts()))
    at = whole.rindex(b"PK\x01\x02") + 8
    whole[at] |= 1
    assert refusal_of(saved(bytes(whole)))[0] == "workbook_is_not_encrypted"


@pytest.fixture(scope="session")
def good_form(tmp_path_factory):
    from tuquan.vocabulary.areas import load_register
    from tuquan.vocabulary.periods import parse_period
    from tuquan.workbook.template import write_form

    period = parse_period("2021-Q4")
    path = tmp_path_factory.mktemp("good") / "bieu.xlsx"
    write_form(path, load_register().communes("390", period.end)[0], period, values={("teams_new", "period"): 3})
    return path.read_bytes()


def outcome(path, content):
    path.write_bytes(content)
    with contextlib.suppress(UnreadableFile):
        read_workbook(path)
    return read_file(path, "bieu.xlsx")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_no_damage_ends_in_anything_but_an_outcome(tmp_path, good_form, caplog, seed):
    """Flips, cuts, repeats; in the container and inside a part that is packed again with a right checksum."""
    chance = random.Random(seed)  # noqa: S311
    content = bytearray(good_form)
    if seed % 2:
        with zipfile.ZipFile(io.BytesIO(good_form)) as archive:
            members = {name: bytearray(archive.read(name)) for name in archive.namelist()}
        damage(members[chance.choice(list(members))], chance)
        content = bytearray(zipped({name: bytes(part) for name, part in members.items()}))
    else:
        damage(content, chance)
    file = outcome(tmp_path / "bieu.xlsx", bytes(content))
    assert file.status in ("accepted", "held", "refused")
    assert file.status == "accepted" or file.findings or any(item.findings for item in file.submissions)
    assert not caplog.records, "the last net caught something that the readers should know"


def damage(content, chance):
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(max(1, len(content)))
        kind = chance.randrange(4)
        if kind == 0 and content:
            content[min(at, len(content) - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del content[at : at + chance.randint(1, 40)]
        elif kind == 2:
            content[at:at] = content[at : at + chance.randint(1, 200)]
        else:
            content[at:at] = chance.choice((b"<", b">", b'"', b"\0", b"\xff", b"-1", b"99999999999", b"PK\x05\x06"))


def test_a_text_longer_than_any_spreadsheet_takes_is_refused_before_it_fills_the_warehouse(tmp_path):
    path = tmp_path / "x.xlsx"
    letters = "".join(random.Random(1).choices("abcdefgh", k=evidence.MAX_CHARACTERS + 1))  # noqa: S311
    for length, is_read in ((evidence.MAX_CHARACTERS, True), (evidence.MAX_CHARACTERS + 1, False)):
        row = f'<row r="1"><c r="A1" t="str"><v>{letters[:length]}</v></c></row>'
        path.write_bytes(zipped(workbook_parts(sheet_xml(row))))
        with contextlib.nullcontext() if is_read else pytest.raises(UnreadableFile, match="characters"):
            read_workbook(path)


def test_the_font_of_a_cell_is_told_because_old_fonts_are_another_encoding(saved):
    rich = "<r><t>x</t></r><r><rPr><rFont val='VNI-Times'/></rPr><t>Soá hoä</t></r>"
    members = workbook_parts(
        sheet_xml('<row r="1"><c r="A1" s="1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'), strings=["Sè hé"]
    )
    members["xl/styles.xml"] = (
        f'<styleSheet xmlns="{MAIN}"><fonts><font><name val="Arial"/></font><font><b/><name val=".VnTime"/></font>'
        '</fonts><cellXfs><xf numFmtId="0" fontId="0"/><xf numFmtId="0" fontId="1"/></cellXfs></styleSheet>'
    )
    members["xl/sharedStrings.xml"] = members["xl/sharedStrings.xml"].replace("</sst>", f"<si>{rich}</si></sst>")
    cells = read_workbook(saved(members)).sheets[0].cells
    assert {address: cell.font for address, cell in cells.items()} == {"A1": ".VnTime", "B1": "VNI-Times"}


def test_what_can_be_read_beside_the_cells_is_kept_apart_from_them(saved):
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    kinds = {
        "comments": f'<comments xmlns="{MAIN}"><comment ref="A1"><text><r><t>ghi </t></r><r><t>chú</t></r></text>'
        "</comment></comments>",
        "threadedComment": "<T><threadedComment><text>trả lời</text></threadedComment></T>",
        "drawing": f'<d xmlns:a="{drawing}"><a:p><a:r><a:t>Nguyễn Văn A</a:t></a:r></a:p></d>',
        "vmlDrawing": "<xml><v:textbox><div>hộp<br>cũ &amp; mới</div></v:textbox></xml>",
    }
    links = "".join(f'<Relationship Id="r{kind}" Type="{OFFICE}/{kind}" Target="../{kind}1.xml"/>' for kind in kinds)
    members = workbook_parts(
        sheet_xml(after='<headerFooter><oddHeader>&amp;C&amp;"Arial,Bold"&amp;12MẬT</oddHeader></headerFooter>')
    ) | {f"xl/{kind}1.xml": content for kind, content in kinds.items()}
    members["xl/worksheets/_rels/sheet1.xml.rels"] = f"<Relationships>{links}</Relationships>"
    book = read_workbook(saved(members | {"xl/media/image1.png": "x", "_xmlsignatures/sig1.xml": "x"}))
    (sheet,) = book.sheets
    assert [" ".join(text.split()) for text in sheet.other_texts] == [
        "MẬT",
        "ghi chú",
        "trả lời",
        "Nguyễn Văn A",
        "hộp cũ & mới",
    ]
    assert sheet.cells == {}
    assert book.pictures == ("xl/media/image1.png", "_xmlsignatures/sig1.xml")


def test_a_sheet_of_old_macros_holds_the_file(saved):
    members = workbook_parts()
    members["xl/_rels/workbook.xml.rels"] = members["xl/_rels/workbook.xml.rels"].replace("/worksheet", "/xlMacrosheet")
    assert refusal_of(saved(members))[0] == "workbook_has_no_macros"
