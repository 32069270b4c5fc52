import unicodedata

import pytest

from tuquan import settings
from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.legacy_text import READINGS, _labels, decode_bytes, decode_workbook
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

BASES = "aăâeêioôơuưy"
TONES = ["", *"\u0300\u0301\u0309\u0303\u0323"]
LOWER = [unicodedata.normalize("NFC", base + tone) for base in BASES for tone in TONES] + ["đ"]
LETTERS = LOWER + [letter.upper() for letter in LOWER]

# The published charts, in the order of LOWER: level, grave, acute, hook, tilde, dot below.
TCVN3_CHART = dict(
    zip(
        LOWER,
        "aµ¸¶·¹¨»¾¼½Æ©ÇÊÈÉËeÌÐÎÏÑªÒÕÓÔÖi×ÝØÜÞoßãáâä«åèæçé¬êíëìîuïóñòô\u00adõøö÷ùyúýûüþ®",
        strict=True,
    )
)
TCVN3_CAPITALS = dict(zip("ĂÂÊÔƠƯĐ", "¡¢£¤¥¦§", strict=True))
VNI_ROWS = (
    "a aø aù aû aõ aï aê aè aé aú aü aë aâ aà aá aå aã aä",
    "e eø eù eû eõ eï eâ eà eá eå eã eä i ì í æ ó ò",
    "o oø où oû oõ oï oâ oà oá oå oã oä ô ôø ôù ôû ôõ ôï",
    "u uø uù uû uõ uï ö öø öù öû öõ öï y yø yù yû yõ î ñ",
)
VNI_CHART = dict(zip(LOWER, " ".join(VNI_ROWS).split(), strict=True))


def plain_capital(letter):
    base = "".join(sign for sign in unicodedata.normalize("NFD", letter) if sign not in TONES)
    return unicodedata.normalize("NFC", base)


def tcvn3(text):
    """Capitals with a tone as the keyboard programs write them in a font without capitals."""
    return "".join(
        TCVN3_CHART.get(sign)
        or TCVN3_CAPITALS.get(sign)
        or (TCVN3_CAPITALS.get(plain_capital(sign), plain_capital(sign)) + TCVN3_CHART[sign.lower()])
        if sign in LETTERS and sign not in "AEIOUY"
        else sign
        for sign in text
    )


def vni(text):
    return "".join(
        VNI_CHART[sign] if sign in VNI_CHART else VNI_CHART[sign.lower()].upper() if sign in LETTERS else sign
        for sign in text
    )


def cp1258(text):
    """Windows-1258 holds the vowels and some tones whole, and the other tones as signs behind the vowel."""
    signs = []
    for sign in text:
        try:
            signs.append(sign.encode("cp1258"))
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", sign)
            tone = next(part for part in parts if part in TONES)
            signs.append((unicodedata.normalize("NFC", parts.replace(tone, "")) + tone).encode("cp1258"))
    return b"".join(signs)


ENCODERS = {
    "cp1258": cp1258,
    "tcvn3": lambda text: tcvn3(text).encode("cp1252"),
    "vni": lambda text: vni(text).encode("cp1252"),
}


def sheet_of(*texts, fonts=None, **more):
    fonts = fonts or [None] * len(texts)
    cells = {
        f"A{row}": WrittenCell("Biểu", f"A{row}", text, "text", None, False, False, False, font)
        for row, (text, font) in enumerate(zip(texts, fonts, strict=True), start=1)
    }
    return Workbook([Sheet("Biểu", "visible", cells, **more)], {}, {})


def texts_of(workbook):
    return [cell.raw_text for cell in workbook.sheets[0].cells.values()]


def test_there_are_134_letters():
    assert len(set(LETTERS)) == 146  # 134 and the twelve plain vowels
    assert len([letter for letter in set(LETTERS) if not letter.isascii()]) == 134


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_comes_back_from_every_encoding(encoding, letter):
    content = ENCODERS[encoding](f"Tổng số hộ\nx{letter}x")
    assert decode_bytes(content) == (f"Tổng số hộ\nx{letter}x", encoding)


def test_tcvn3_capitals_with_a_tone_may_share_the_code_of_the_small_letter():
    assert READINGS["tcvn3"]("thÞ trÊn M\u00adêng ¶ng").casefold() == "thị trấn mường ảng"


def test_a_vni_sign_takes_the_case_of_its_letter():
    assert READINGS["vni"]("Aùnh") == "Ánh"


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
def test_a_sentence_comes_back_from_every_encoding(encoding):
    text = "Đơn vị báo cáo: Xã Cẩm Thủy\r\nSố buổi tuyên truyền;hộ;“1.288” – được\r\nXoong, quyền, giường, khuỷu"
    assert decode_bytes(ENCODERS[encoding](text)) == (text, encoding)


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


def test_no_word_that_we_know_reads_as_another_one_under_a_wrong_encoding():
    labels = [label for label in _labels(settings.load().seeds) if not label.isascii()]
    known = set(labels)
    wrong = {
        (label, encoding, other)
        for label in labels
        for encoding, encode in (("tcvn3", tcvn3), ("vni", vni))
        for other, read in READINGS.items()
        if other != encoding and (told := read(encode(label))) in known and told != label
    }
    assert wrong == set()


def test_an_ordinary_form_is_returned_as_it_is():
    workbook = sheet_of("Xã Hà Lan", "Tổng số hộ", "Ghi chú", "hà", "1288")
    assert decode_workbook(workbook) is workbook


@pytest.mark.parametrize(("font", "encode"), [(".VnTime", tcvn3), ("VNI-Times", vni), (".VnArial NarrowH", tcvn3)])
def test_a_cell_in_a_legacy_font_is_read_by_the_table_of_its_font(font, encode):
    meant = "Ghi chép riêng của xã"
    workbook = decode_workbook(sheet_of(encode(meant), "1288", "Tổng số hộ", fonts=[font, font, font]))
    assert texts_of(workbook) == [meant.upper() if font.endswith("H") else meant, "1288", "Tổng số hộ"]


@pytest.mark.parametrize("encode", [tcvn3, vni])
def test_without_a_font_two_words_that_we_know_make_a_table_believed(encode):
    texts = ["Tổng số hộ", "Dân số", "Chữ viết thêm"]
    workbook = sheet_of(*map(encode, texts), "Xã Hà Lan", lines_above=(encode("Đơn vị báo cáo: Xã Cẩm Thủy"),))
    read = decode_workbook(workbook)
    assert texts_of(read) == [*texts, "Xã Hà Lan"]
    assert read.sheets[0].lines_above == ("Đơn vị báo cáo: Xã Cẩm Thủy",)


def test_one_word_alone_may_be_chance():
    workbook = sheet_of(tcvn3("Tổng số hộ"), "©®ª")
    assert decode_workbook(workbook) is workbook
