"""Forms to test with: a commune, a period, and a filled workbook with sensible defaults."""

import unicodedata
from io import BytesIO

import openpyxl
import pytest

from tuquan.vocabulary.areas import load_register
from tuquan.vocabulary.periods import parse_period
from tuquan.workbook.reading import read_file
from tuquan.workbook.template import write_form

CAM_THUY = "390"  # a district of Thanh Hóa; 17 communes in December 2021

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


LEGACY_ENCODERS = {
    "cp1258": cp1258,
    "tcvn3": lambda text: tcvn3(text).encode("cp1252"),
    "vni": lambda text: vni(text).encode("cp1252"),
}


@pytest.fixture
def period():
    return parse_period("2021")


@pytest.fixture
def commune(period):
    return load_register().communes(CAM_THUY, period.end)[0]


@pytest.fixture
def form_file(tmp_path, commune, period):
    """Writes a form and returns its path; ``values`` by (indicator, measure)."""

    def write(values=None, *, area=commune, of_period=period, name="bieu.xlsx", **more):
        path = tmp_path / name
        write_form(path, area, of_period, values={("households_total", "period"): 1288} | (values or {}), **more)
        return path

    return write


@pytest.fixture
def edited(form_file):
    """Writes a form, lets a clerk (openpyxl) change it, and returns what is read."""

    def edit(change, values=None, **more):
        path = form_file(values, **more)
        book = openpyxl.load_workbook(path)
        for merged in list(book.worksheets[0].merged_cells.ranges):
            book.worksheets[0].unmerge_cells(str(merged))  # openpyxl does not move them with inserted rows
        change(book.worksheets[0])
        book.save(path)
        return read_file(path, path.name)

    return edit


@pytest.fixture
def form_bytes():
    def write(area, period, **more):
        buffer = BytesIO()
        write_form(buffer, area, period, **more)
        return buffer.getvalue()

    return write


@pytest.fixture
def vietnamese_letters():
    return LETTERS


@pytest.fixture
def encode():
    """Writes text in an encoding of Python or of old Vietnamese fonts."""
    return lambda text, encoding: LEGACY_ENCODERS.get(encoding, lambda text: text.encode(encoding))(text)
