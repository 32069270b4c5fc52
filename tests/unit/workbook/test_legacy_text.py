import unicodedata

import pytest

from tuquan import settings
from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.legacy_text import READINGS, _labels, decode_bytes, decode_workbook
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

LEGACY = ("cp1258", "tcvn3", "vni")


@pytest.fixture
def shown(encode):
    """Text as a program without the legacy font shows it."""
    return lambda text, encoding: encode(text, encoding).decode("cp1252")


def sheet_of(*texts, fonts=None, **more):
    fonts = fonts or [None] * len(texts)
    cells = {
        f"A{row}": WrittenCell("Biểu", f"A{row}", text, "text", None, False, False, False, font)
        for row, (text, font) in enumerate(zip(texts, fonts, strict=True), start=1)
    }
    return Workbook([Sheet("Biểu", "visible", cells, **more)], {}, {})


def texts_of(workbook):
    return [cell.raw_text for cell in workbook.sheets[0].cells.values()]


def test_there_are_134_letters_with_signs(vietnamese_letters):
    assert len({letter for letter in vietnamese_letters if not letter.isascii()}) == 134


@pytest.mark.parametrize("encoding", LEGACY)
def test_every_letter_comes_back_from_every_encoding(encode, vietnamese_letters, encoding):
    for letter in vietnamese_letters:
        text = f"Tổng số hộ\nx{letter}x"
        assert decode_bytes(encode(text, encoding)) == (text, encoding)


def test_tcvn3_capitals_with_a_tone_may_share_the_code_of_the_small_letter():
    assert READINGS["tcvn3"]("thÞ trÊn M\u00adêng ¶ng").casefold() == "thị trấn mường ảng"


def test_a_vni_sign_takes_the_case_of_its_letter():
    assert READINGS["vni"]("Aùnh") == "Ánh"


@pytest.mark.parametrize("encoding", LEGACY)
def test_a_sentence_comes_back_from_every_encoding(encode, encoding):
    text = "Đơn vị báo cáo: Xã Cẩm Thủy\r\nSố buổi tuyên truyền;hộ;“1.288” – được\r\nXoong, quyền, giường, khuỷu"
    assert decode_bytes(encode(text, encoding)) == (text, encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_recognised_with_and_without_its_mark(encoding):
    text = "ref_area,ghi_chu\n15127,hộ nghèo"
    assert decode_bytes(text.encode(encoding))[0] == text


def test_text_in_parts_is_put_together():
    assert decode_bytes(unicodedata.normalize("NFD", "Tổng số hộ").encode())[0] == "Tổng số hộ"


@pytest.mark.parametrize(
    ("content", "check"),
    [
        ("Gửi ủy ban, hộ nghèo".encode()[:-1] + b"\xff", "text_encoding_is_known"),
        ("Déjà vu, naïve".encode("latin-1"), "text_encoding_is_known"),
        (b"\xef\xbb\xbf\xff", "text_encoding_is_known"),
        (b"\xff\xfe\x00\xd8", "text_encoding_is_known"),
        (b"a,b\0c\n" * 5, "file_format_is_supported"),
        (bytes(range(256)), "file_format_is_supported"),
        (bytes(range(0x80, 0x100)), "text_encoding_is_known"),
        (b"\x01\xff\xfa", "file_format_is_supported"),
        ("ref\0".encode("utf-16"), "file_format_is_supported"),
    ],
)
def test_bytes_without_a_word_that_we_know_are_not_guessed(content, check):
    with pytest.raises(UnreadableFile) as error:
        decode_bytes(content)
    assert error.value.check == check


def test_text_that_was_decoded_wrongly_before_is_not_repaired():
    text = "Xã Cẩm Thủy".encode().decode("latin-1")
    assert decode_bytes(text.encode())[0] == text


def test_no_word_that_we_know_reads_as_another_one_under_a_wrong_encoding(shown):
    labels = [label for label in _labels(settings.load().seeds) if not label.isascii()]
    known = set(labels)
    wrong = {
        (label, encoding, other)
        for label in labels
        for encoding in READINGS
        for other, read in READINGS.items()
        if other != encoding and (told := read(shown(label, encoding))) in known and told != label
    }
    assert wrong == set()


def test_an_ordinary_form_is_returned_as_it_is():
    workbook = sheet_of("Xã Hà Lan", "Tổng số hộ", "Ghi chú", "hà", "1288")
    assert decode_workbook(workbook) is workbook


@pytest.mark.parametrize(
    ("font", "encoding"), [(".VnTime", "tcvn3"), ("VNI-Times", "vni"), (".VnArial NarrowH", "tcvn3")]
)
def test_a_cell_in_a_legacy_font_is_read_by_the_table_of_its_font(shown, font, encoding):
    meant = "Ghi chép riêng của xã"
    workbook = decode_workbook(sheet_of(shown(meant, encoding), "1288", "Tổng số hộ", fonts=[font, font, font]))
    assert texts_of(workbook) == [meant.upper() if font.endswith("H") else meant, "1288", "Tổng số hộ"]


@pytest.mark.parametrize("encoding", ["tcvn3", "vni"])
def test_without_a_font_two_words_that_we_know_make_a_table_believed(shown, encoding):
    texts = ["Tổng số hộ", "Dân số", "Chữ viết thêm"]
    legacy = [shown(text, encoding) for text in (*texts, "Đơn vị báo cáo: Xã Cẩm Thủy")]
    workbook = sheet_of(*legacy[:3], "Xã Hà Lan", lines_above=(legacy[3],))
    read = decode_workbook(workbook)
    assert texts_of(read) == [*texts, "Xã Hà Lan"]
    assert read.sheets[0].lines_above == ("Đơn vị báo cáo: Xã Cẩm Thủy",)


def test_one_word_alone_may_be_chance(shown):
    workbook = sheet_of(shown("Tổng số hộ", "tcvn3"), "©®ª")
    assert decode_workbook(workbook) is workbook
