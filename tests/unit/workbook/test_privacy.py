"""What stops a file before it is stored, and what must not: one row per way of writing.

All persons and numbers are artificial.
"""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.vocabulary.phrases import phrase
from tuquan.vocabulary.privacy_signs import mask, mask_file_name
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.container import read_members
from tuquan.workbook.evidence import workbook_from
from tuquan.workbook.privacy import screen_records, screen_workbook
from tuquan.workbook.remarks import quoted
from tuquan.workbook.template import write_form
from tuquan.workbook.written import Records, Sheet, Workbook, WrittenCell


def cell(address, text, raw_type="text", number_format=None):
    return WrittenCell("TQ01", address, text, raw_type, number_format, False, False, False)


def sheet_of(texts, name="TQ01", state="visible", **more):
    """A sheet from {address: text}; a number stands in a number cell."""
    cells = {
        address: cell(address, str(text), "text" if isinstance(text, str) else "number")
        for address, text in texts.items()
    }
    return Sheet(name, state, cells, **more)


def checks(texts=None, *, file="bieu.xlsx", pictures=(), properties=None, **more):
    workbook = Workbook([sheet_of(texts or {}, **more)], properties or {}, {}, pictures)
    return {finding.check_name for finding in screen_workbook(workbook, file)}


def column(*texts, letter="C", first_row=14):
    return {f"{letter}{row}": text for row, text in enumerate(texts, start=first_row)}


TELEPHONES = [
    "0900000000",
    "Liên hệ 0900000000 khi cần",
    "0900 000 000",
    "0900.000.000",
    "0900-000-000",
    "090 000 0000",
    "09 0000 0000",
    "09.00.00.00.00",
    "09000 99999",
    "(0900) 000 000",
    "0900\u00a0000\u00a0000",
    "0900\u200b000\u200b000",
    "０９０００００００0",
    "+84900000000",
    "+84 900 000 000",
    "(+84) 900 000 000",
    "+84 (0) 900 000 000",
    "0084 900 000 000",
    "0084900000000",
    "0380000000",
    "0560000000",
    "0700000000",
    "0810000000",
    "02370000000",
    "0237 0000 000",
    "0237.3.000.000",
    "(0237) 3000000",
    "(024) 3000 0000",
    "024 3000 0000",
    "0240000000",
    "ĐT0900000000",
    "ĐT.0900000000",
    "SĐT: 900000000",
    "Điện thoại: 3000000",
    "tổ trưởng 0900000000 15 hộ",
    "0900000000, 0900000001",
    "0900000000/0900000001",
    "Dòng một\nmáy 0900.000.000",
]


@pytest.mark.parametrize("written", TELEPHONES)
def test_a_telephone_number_stops_a_file(written):
    assert checks({"H20": written}) == {"no_telephone_numbers"}


IDENTITY_NUMBERS = [
    ({"C5": "038000000000"}, "alone"),
    ({"C5": "Số: 001099999999 cấp năm 2021"}, "in a sentence"),
    ({"C5": "038 000 000 000"}, "in threes"),
    ({"C5": "0380.0000.0000"}, "in fours"),
    ({"C5": "CMND 100000000"}, "an old card with its word"),
    ({"C5": "CMND số 100 000 000"}, "an old card in groups"),
    ({"C5": "cmtnd: 100000000"}, "in lower case"),
    ({"C5": "Hộ chiếu B0000000"}, "a passport"),
    ({"C5": "Căn cước 100000000000"}, "twelve digits with a word"),
    ({"C5": "Số CMND", "C6": "100000000"}, "below a head"),
    ({"C5": "Số CCCD/CMND", "C7": 100000000}, "a number cell below a head"),
    ({"C5": "Số định danh", "C6": 38000000000}, "a number cell that lost its zero"),
    ({"C5": "Số CMND", "D5": "100000000"}, "beside a head"),
]


@pytest.mark.parametrize(("texts", "why"), IDENTITY_NUMBERS, ids=[why for _, why in IDENTITY_NUMBERS])
def test_an_identity_number_stops_a_file(texts, why):
    assert checks(texts) == {"no_identity_numbers"}, why


NUMBERS_BELOW_HEADS = [
    {"C5": "Số điện thoại", "C6": 900000000},
    {"C5": "SĐT liên hệ", "C6": "900000000"},
    {"B5": "Điện thoại", "E5": 900000000},
]


@pytest.mark.parametrize("texts", NUMBERS_BELOW_HEADS)
def test_a_plain_number_below_or_beside_a_telephone_head_is_a_telephone_number(texts):
    assert checks(texts) == {"no_telephone_numbers"}


def test_a_number_format_that_shows_a_leading_zero_shows_a_telephone_number():
    cells = {"D5": cell("D5", "900000000", "number", "0000000000")}
    (finding,) = screen_workbook(Workbook([Sheet("TQ01", "visible", cells)], {}, {}), "bieu.xlsx")
    assert finding.check_name == "no_telephone_numbers"


STAMPS = [
    "MẬT",
    "Mật",
    "mật",
    " MẬT ",
    "[MẬT]",
    "TỐI MẬT",
    "Tối mật",
    "tuyệt mật",
    "TUYỆT  MẬT",
    "TOI MAT",
    "tuyet mat",
    "Độ mật: Mật",
    "ĐỘ MẬT: TUYỆT MẬT",
    "Độ mật: Tối mật; độ khẩn: thường",
    "M Ậ T",
    "MÂ\u0323T",
    "TÀI LIỆU MẬT",
    "BÁO CÁO QUÝ (MẬT)",
    "BÁO CÁO TUYỆT MẬT",
    "CÔNG AN XÃ\nMẬT",
]


@pytest.mark.parametrize("written", STAMPS)
@pytest.mark.parametrize("where", ["cell", "other_texts", "lines_above"])
def test_a_secrecy_stamp_stops_a_file_wherever_it_stands(written, where):
    found = checks({"A1": written}) if where == "cell" else checks(**{where: ("Trang 1", written)})
    assert found == {"no_secrecy_stamp"}


@pytest.mark.parametrize(
    "file",
    ["MẬT_TQ01.xlsx", "TQ01 MẬT.xlsx", "TQ01-TỐI MẬT.xlsx", "tuyệt mật.xlsx", "TQ01_TUYET_MAT.xlsx", "[MẬT] bieu.xlsx"],
)
def test_a_secrecy_stamp_in_the_name_of_a_file_stops_it(file):
    assert checks(file=file) == {"no_secrecy_stamp"}


@pytest.mark.parametrize(
    "file",
    [
        "BẢO MẬT.xlsx",
        "BÍ MẬT NHÀ NƯỚC.xlsx",
        "MẬT ĐỘ DÂN SỐ.xlsx",
        "XÃ YÊN MẬT.xlsx",
        "Mật ong.xlsx",
        "XA_MAT.xlsx",
        "TQ01_09001_2021-06.xlsx",
        "TQ01 02001-2021-06.xlsx",
        "bieu.xlsx",
    ],
)
def test_other_names_of_files_do_not_stop_them(file):
    assert checks(file=file) == set()


SIGNATURES = [
    ({"C80": "NGƯỜI LẬP BIỂU", "C84": "Nguyễn Văn A"}, "below the line of the form"),
    ({"C80": "NGƯỜI LẬP BIỂU", "C84": "NGUYỄN VĂN A"}, "in capitals"),
    ({"D80": "THỦ TRƯỞNG ĐƠN VỊ", "F85": "Trần Thị B"}, "some columns away"),
    ({"D80": "(Ký, đóng dấu)", "D83": "Lê Văn C"}, "below the note"),
    ({"D80": "TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH", "D84": "Nguyễn Văn A"}, "two lines of office"),
    ({"D80": "TRƯỞNG CÔNG AN XÃ", "D84": "Nguyễn Văn A"}, "chief of police"),
    ({"D80": "Trưởng Công an", "E80": "Nguyễn Văn A"}, "beside"),
    ({"D80": "Người lập biểu\n(Ký)\nNguyễn Văn A"}, "all in one cell"),
    ({"D80": "Chủ tịch", "D83": "Nguyễn Văn Linh"}, "a name that a commune bears, too"),
    ({"A1": "Họ tên: Nguyễn Văn A"}, "label"),
    ({"A1": "Họ và tên: Nguyễn Văn A"}, "label"),
    ({"A1": "HỌ VÀ TÊN: NGUYỄN VĂN A"}, "label in capitals"),
    ({"A1": "Họ tên: H'Nguyễn Niê"}, "a name of another people"),
    ({"A1": "Người lập: Nguyễn Văn A"}, "label"),
    ({"A1": "Người lập biểu: ………Nguyễn Văn A"}, "after dots"),
    ({"A1": "Cán bộ tổng hợp: Nguyễn Văn A"}, "label"),
    ({"A1": "Cán bộ tổng hợp: Thượng úy Nguyễn Văn A"}, "with a rank"),
    ({"A1": "Do ông Nguyễn Văn A báo cáo"}, "title in a sentence"),
    ({"A1": "bà Trần Thị B"}, "title"),
    ({"A1": "Đồng chí Lê Văn C, tổ trưởng"}, "title"),
    ({"A1": "đ/c Nguyễn Văn A"}, "title"),
    ({"A1": "Đ/C NGUYỄN VĂN A"}, "title in capitals"),
    ({"A1": "Ông (bà) Nguyễn Văn A"}, "double title"),
    ({"A1": "đ/c.Nguyễn Văn A"}, "title without a space"),
    ({"A1": "ông H'Bloong Niê"}, "title and a name of another people"),
    ({"A1": "Đại úy Nguyễn Văn A"}, "rank"),
    ({"A1": "Người ký: Nguyễn Văn A"}, "label"),
    ({"A1": "Nguoi lap: Nguyen Van A"}, "without accents"),
    ({"A1": "Người lập: Nguye\u0302\u0303n Va\u0306n A"}, "decomposed"),
]


@pytest.mark.parametrize(("texts", "why"), SIGNATURES, ids=[why for _, why in SIGNATURES])
def test_a_named_signatory_stops_a_file(texts, why):
    assert checks(texts) == {"no_signatures"}, why


LISTS = [
    (column("Nguyễn Văn A", "Trần Thị B", "Lê Văn C"), "three names in a column"),
    (column("NGUYỄN VĂN A", "TRẦN THỊ B", "LÊ VĂN C"), "in capitals"),
    (column("1. Nguyễn Văn A", "2. Trần Thị B", "3. Lê Văn C"), "numbered"),
    (column("Nguyễn Văn A - tổ 1", "Trần Thị B (tổ 2)", "Lê Văn C, tổ 3"), "with remarks"),
    (column("Nguyễn Văn A 1980", "Trần Thị B 1981", "Lê Văn C 1982"), "with years of birth"),
    (column("Nguyễn Văn A", "5", "Trần Thị B", "x", "Lê Văn C"), "with gaps"),
    ({"B5": "Nguyễn Văn A", "C5": "Trần Thị B", "D5": "Lê Văn C"}, "in a row"),
    ({"B5": "Nguyễn Văn A, Trần Thị B, Lê Văn C"}, "in one cell"),
    ({"B5": "Nguyễn Văn A\nTrần Thị B\nLê Văn C"}, "in lines of one cell"),
    (column("Sùng A Xử", "Giàng A Chu", "Thào Thị Mỷ"), "Hmong family names"),
    (column("Thôn Đông", "Nguyễn Văn A", "Trần Thị B", "Lê Văn C"), "below the name of a hamlet"),
    (column("Họ và tên", "Nguyễn Văn A"), "a head and one name"),
    (column("HỌ TÊN", "(1)", "Bloong A"), "a head, a number of the column, a name of any family"),
    (column("Họ và tên chủ hộ", "Nguyễn Văn A"), "a longer head"),
    (column("Năm sinh", "1980"), "a year of birth"),
    (column("Ngày sinh", "01/01/1980"), "a birthday"),
    (column("Ngày, tháng, năm sinh", "01/01/1980"), "a birthday"),
    (column("Quê quán", "Cẩm Thủy"), "a home place"),
]


@pytest.mark.parametrize(("texts", "why"), LISTS, ids=[why for _, why in LISTS])
def test_a_list_of_people_stops_a_file(texts, why):
    assert checks(texts) == {"no_lists_of_people"}, why


@pytest.mark.parametrize("written", ["ten@donvi.vn", "Gửi về: bao.cao@xa.donvi.gov.vn trước ngày 5"])
def test_an_address_stops_a_file(written):
    assert checks({"A1": written}) == {"no_email_addresses"}


def test_pictures_stop_a_file_because_nobody_can_look_inside():
    assert checks(pictures=("xl/media/image1.png",)) == {"no_pictures"}
    assert checks(pictures=("_xmlsignatures/sig1.xml",)) == {"no_pictures"}


def test_signs_count_in_hidden_sheets_comments_properties_and_names_of_sheets():
    assert checks({"A1": "0900000000"}, state="very_hidden") == {"no_telephone_numbers"}
    assert checks(other_texts=("Admin:\nGọi 0900.000.000",)) == {"no_telephone_numbers"}
    assert checks(other_texts=("Người lập biểu", "Nguyễn Văn A")) == {"no_signatures"}
    assert checks(properties={"nguoi_gui": "ten@donvi.vn"}) == {"no_email_addresses"}
    assert checks(name="MẬT") == {"no_secrecy_stamp"}


INNOCENT = [
    # Figures and codes.
    ({"E14": 912345678}, "a figure of nine digits"),
    ({"E14": 84912345678}, "a figure of eleven digits"),
    ({"E14": "0,912345678"}, "decimals"),
    ({"E14": "0.912345678"}, "decimals of another notation"),
    ({"E14": "1.288.000.000"}, "thousands"),
    ({"E14": "1 288 000 000"}, "thousands"),
    ({"E14": "999999999"}, "nine digits without a word"),
    ({"E14": "100000000000"}, "twelve digits of no province"),
    ({"A1": "15127.20191201"}, "the key of an area"),
    ({"A1": "09001.20250701"}, "the key of an area"),
    ({"A1": "03001 03004"}, "two codes"),
    ({"A1": "03001 6.2021"}, "a code and a period"),
    ({"A1": "02001-2021-06"}, "a code and a period"),
    ({"A1": "từ 01/02/2021 đến 03.04.2021"}, "days"),
    ({"A1": "năm học 09-2021-2022"}, "a school year"),
    ({"A1": "02.03.2021 04.05.2021"}, "two days"),
    ({"A1": "010720251230"}, "a day with its hour"),
    ({"A1": "a0912345678b0000000000000000000000000000000000000000000000000000"}, "a digest"),
    ({"A1": "00000000-0000-4000-8000-038000000000"}, "a UUID"),
    ({"A1": "in_households_total"}, "a name of a cell"),
    ({"B5": "Số thẻ căn cước đã cấp", "E5": 1288}, "a count of cards"),
    ({"B5": "Số cuộc điện thoại tố giác", "E5": 12}, "a count of calls"),
    ({"A1": "3 @ 5"}, "a sign"),
    ({"A1": "no-reply@donvi.vn"}, "an address of nobody"),
    # The word mật.
    ({"A1": "Bảo vệ bí mật nhà nước"}, "bí mật"),
    ({"A1": "MẬT ĐỘ DÂN SỐ"}, "mật độ"),
    ({"A1": "Tuyên truyền về bảo mật thông tin"}, "bảo mật"),
    ({"A1": "Nuôi ong lấy mật"}, "honey"),
    ({"A1": "Xã Yên Mật"}, "a commune"),
    ({"A1": "Độ mật: Không"}, "no grade"),
    # Names that are none, or that merely occur.
    ({"A1": "Nguyễn Văn A"}, "one name outside of any context"),
    (column("Nguyễn Văn A", "Trần Thị B"), "two names"),
    ({"A1": "Mô hình Nguyễn Văn Trỗi"}, "a model"),
    (column("Mô hình Lý Tự Trọng", "Mô hình Nguyễn Văn Trỗi", "Mô hình Võ Thị Sáu"), "three models"),
    (column("Trường Nguyễn Văn Trỗi", "Trường Lý Tự Trọng", "Trường Kim Đồng"), "schools"),
    (column("Thôn Lê Lợi", "Thôn Trần Phú", "Thôn Lý Tự Trọng"), "hamlets"),
    (column("Tên thôn", "Lý Tự Trọng", "Nguyễn Văn Trỗi", "Trần Quốc Toản"), "hamlets below a head"),
    (column("Thôn/xóm", "Lý Tự Trọng", "Nguyễn Văn Trỗi", "Trần Quốc Toản"), "hamlets below a head"),
    (column("Lê Lợi", "Nguyễn Phích", "Hồ Thị Kỷ", "Trần Văn Thời"), "communes without their word"),
    (column("XÃ LÊ LỢI", "XÃ NGUYỄN PHÍCH", "XÃ HỒ THỊ KỶ"), "communes in capitals"),
    (column("Hồ Sơ", "Lưu Ý", "Đoàn Thể", "Nông Thôn"), "words in capitals"),
    (column("HỒ SƠ", "LƯU Ý", "ĐOÀN THỂ", "MA TÚY", "TRIỆU ĐỒNG"), "words in capitals"),
    ({"A1": "Công an xã Nguyễn Phích, Chủ tịch UBND xã Hồ Thị Kỷ"}, "offices of communes"),
    ({"A1": "TRƯỞNG CÔNG AN XÃ LÊ LỢI"}, "an office of a commune"),
    ({"A1": "Bí thư Đoàn Thanh niên xã"}, "an office"),
    ({"A1": "đồng chí Bí thư chi bộ"}, "an office"),
    ({"A1": "Ông bà, cha mẹ và con cháu"}, "families"),
    ({"A1": "Bà Rịa - Vũng Tàu"}, "a province"),
    ({"A1": "Học tập tấm gương Chủ tịch Hồ Chí Minh"}, "a movement"),
    ({"A1": "Người lập: Công an xã Lê Lợi"}, "an office as the author"),
    ({"A1": "Người lập: Xã Lê Lợi"}, "a commune as the author"),
    # A blank block, and heads without anything below.
    ({"C80": "NGƯỜI LẬP BIỂU", "D80": "THỦ TRƯỞNG ĐƠN VỊ", "C81": "(Ký)", "D81": "(Ký, đóng dấu)"}, "our block"),
    ({"C80": "Người lập biểu", "C84": "(Ký, ghi rõ họ tên)"}, "a block with its note"),
    ({"C80": "Họ tên: ………………", "D80": "Số điện thoại: ………"}, "labels with dots"),
    ({"B5": "Họ và tên", "C5": "Năm sinh", "D5": "Quê quán", "E5": "Số CCCD"}, "an empty list"),
    ({"B5": "HỌ VÀ TÊN", "C5": "NĂM SINH", "D5": "CHỨC VỤ", "B9": "NGƯỜI LẬP BIỂU"}, "an empty list in capitals"),
    (column("Họ và tên", "Chức vụ", "Số điện thoại"), "an empty block of contacts"),
]


@pytest.mark.parametrize(("texts", "why"), INNOCENT, ids=[why for _, why in INNOCENT])
def test_what_only_looks_alike_does_not_stop_a_file(texts, why):
    assert checks(texts) == set(), why


def test_nothing_of_the_seeds_stops_a_file():
    texts = [row["text_vi"] for row in read_seed("phrases") if not row["phrase"].startswith("privacy.")]
    texts += [row[name] for row in read_seed("indicators") for name in ("name_vi", "definition_vi", "unit_measure")]
    assert checks(column(*texts)) == set()
    assert checks(column(*(text.upper() for text in texts))) == set()
    assert checks(column(*(text.title() for text in texts))) == set()


def test_no_name_of_a_commune_is_taken_for_a_person():
    areas = sorted({area.name_vi for area in load_register().by_key.values()})
    names = [name.split(" ", 1)[1] for name in areas if name.startswith(("Xã", "Phường"))]
    assert len(names) > 8000
    for texts in (areas, names, [name.upper() for name in names]):
        assert checks(column(*texts)) == set()
        assert checks({f"{'ABCDEFGHIJ'[at % 10]}{at // 10 + 1}": text for at, text in enumerate(texts)}) == set()


NOTATIONS = st.one_of(
    st.integers(0, 10**12).map(str),
    st.integers(0, 10**12).map("{:,}".format),
    st.integers(0, 10**12).map(lambda number: f"{number:,}".replace(",", ".")),
    st.integers(0, 10**12).map(lambda number: f"{number:,}".replace(",", " ")),
    st.decimals(0, 10**7, places=9).map(lambda number: str(number).replace(".", ",")),
    st.decimals(0, 10**7, places=9).map(str),
    st.integers(0, 10**9).map("{} hộ".format),
    st.integers(0, 10**9).map("khoảng {}".format),
    st.tuples(st.integers(0, 10**5), st.integers(0, 10**5)).map(lambda two: f"{two[0]} tổ/{two[1]} khu"),
    st.sampled_from(
        ["1_288", "-5", "(25)", "...", "x", "không phát sinh", "1234567890123456", "1.234.567.890.123.456"]
    ),
)


@pytest.fixture(scope="module")
def form_workbook(tmp_path_factory):
    path = tmp_path_factory.mktemp("forms") / "bieu.xlsx"
    period = parse_period("2021")
    write_form(path, load_register().communes("390", period.end)[0], period)
    return workbook_from(read_members(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_figure_of_a_form_stops_it(form_workbook, data):
    (sheet,) = form_workbook.sheets
    figures = data.draw(st.lists(st.one_of(NOTATIONS, st.integers(0, 10**12)), min_size=60, max_size=60))
    filled = sheet_of({f"E{row}": figure for row, figure in enumerate(figures, start=14)}).cells
    workbook = Workbook(
        [Sheet(sheet.name, sheet.state, sheet.cells | filled, other_texts=sheet.other_texts)],
        form_workbook.properties,
        form_workbook.defined_names,
    )
    assert screen_workbook(workbook, "TQ01_15127_2021.xlsx") == []


def test_a_finding_names_sheet_and_cells_and_quotes_nothing():
    (finding,) = screen_workbook(Workbook([sheet_of({"D14": "0900000000", "D15": "0900000001"})], {}, {}), "b.xlsx")
    assert (finding.severity, finding.sheet, finding.cell) == ("refused", "TQ01", "D14, D15")
    assert finding.as_written is None
    assert finding.message_vi == (
        "Tệp b.xlsx, trang “TQ01”, tại D14, D15: có số điện thoại. Tệp chưa được lưu vào hệ thống."
    )


def test_there_is_one_finding_per_kind_and_sheet():
    sheets = [sheet_of({"A1": "0900000000", "A2": "ten@donvi.vn", "A3": "0900000001"}, name) for name in ("Một", "Hai")]
    found = [(item.sheet, item.check_name) for item in screen_workbook(Workbook(sheets, {}, {}), "b.xlsx")]
    assert found == [
        (name, check) for name in ("Một", "Hai") for check in ("no_telephone_numbers", "no_email_addresses")
    ]


def record_checks(heads, *rows, cells=None):
    records = Records(
        phrase("receipt.csv_sheet"), heads, [(f"dòng {at}", row) for at, row in enumerate(rows, 2)], cells or {}
    )
    return {finding.check_name for finding in screen_records(records, "bieu.csv")}


LONG = ["ref_area", "time_period", "indicator", "obs_value"]


@pytest.mark.parametrize(
    ("heads", "rows", "expected"),
    [
        (LONG, [["15127", "2021", "households_total", "1288"]], set()),
        (LONG, [["15127", "2021", "households_total", "912345678"]], set()),
        (LONG, [["03001", "2021", "households_total", None], ["03004", "2021", "households_total", "1.288"]], set()),
        (LONG, [["15127", "2021", "households_total", "0900000000"]], {"no_telephone_numbers"}),
        ([*LONG, "ghi chú"], [["15127", "2021", "households_total", "5", "ông Nguyễn Văn A"]], {"no_signatures"}),
        (["STT", "Họ và tên"], [["1", "Nguyễn Văn A"]], {"no_lists_of_people"}),
        (["STT", "Số CCCD"], [["1", "038000000000"]], {"no_identity_numbers"}),
        (["x", "tên"], [["1", "Nguyễn Văn A"], ["2", "Trần Thị B"], ["3", "Lê Văn C"]], {"no_lists_of_people"}),
        (["xã", "hộ"], [["Lê Lợi", "1"], ["Nguyễn Phích", "2"], ["Hồ Thị Kỷ", "3"]], set()),
        (["MẬT", "hộ"], [["Lê Lợi", "1"]], {"no_secrecy_stamp"}),
    ],
)
def test_tables_of_text_are_screened_like_sheets(heads, rows, expected):
    assert record_checks(heads, *rows) == expected


def test_a_number_in_json_is_a_figure_unless_its_head_asks_for_a_telephone_number():
    assert record_checks(["hộ"], ["900000000"], cells={(0, 0): cell("A2", "900000000", "number")}) == set()
    assert record_checks(["Số điện thoại"], ["900000000"], cells={(0, 0): cell("A2", "900000000", "number")}) == {
        "no_telephone_numbers"
    }


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("TQ01_15127_2021-M06.xlsx", "TQ01_15127_2021-M06.xlsx"),
        ("bc 0900.000.000.xlsx", "bc ….xlsx"),
        ("gửi ten@donvi.vn", "gửi …"),
        ("Người lập: Nguyễn Văn A", "Người lập: …"),
        ("ông Nguyễn Văn A và bà Trần Thị B", "ông … và bà …"),
        ("CMND 100 000 000", "CMND …"),
        ("SĐT 900000000", "SĐT …"),
        ("máy 123456789", "máy …"),  # in words, any long number may be a person's
        ("038000000000", "…"),
        ("0900000000", "…"),
        ("999999999", "999999999"),  # a figure that is far too high must be shown to be corrected
        ("1.288.000.000", "1.288.000.000"),
        ("234 tổ/119 khu", "234 tổ/119 khu"),
        ("Xã Nguyễn Phích", "Xã Nguyễn Phích"),
        ("１２８８", "１２８８"),
    ],
)
def test_words_that_leave_the_gate_are_masked(written, shown):
    assert mask(written) == shown
    assert quoted(written) == shown
    assert mask(shown) == shown


def test_no_key_of_an_area_looks_like_the_number_of_a_person():
    keys = [row["area_key"] for row in read_seed("areas")]
    assert [key for key in keys if mask(f"tuquan|TQ01|2|{key}|2026-M01") != f"tuquan|TQ01|2|{key}|2026-M01"] == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Nguyễn Văn A.xlsx", "….xlsx"),
        ("BC_Nguyễn_Văn_A.xlsx", "BC_….xlsx"),
        ("Trần Thị B/bc tháng 6.xlsx", "…/bc tháng 6.xlsx"),
        ("BÁO CÁO TRẦN VĂN B 2021.xlsx", "BÁO CÁO … 2021.xlsx"),
        ("Hồ Thị Kỷ.xlsx", "Hồ Thị Kỷ.xlsx"),  # a commune
        ("Xã Long Điền Đông A.xlsx", "Xã Long Điền Đông A.xlsx"),
        ("Mẫu báo cáo số liệu.xlsx", "Mẫu báo cáo số liệu.xlsx"),
    ],
)
def test_a_file_called_after_a_person_is_registered_without_the_name(name, shown):
    assert mask_file_name(name) == shown


def test_no_form_called_after_its_commune_loses_a_word():
    for area in load_register().by_key.values():
        name = f"TQ01 v1 2026-M06 {area.ref_area} {area.name_vi}.xlsx"
        assert mask_file_name(name) == name
