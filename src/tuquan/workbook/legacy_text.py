"""Turn text in any encoding that Vietnamese offices used into Unicode (NFC), or say that nobody can tell which it is.

Old documents are in windows-1258, TCVN3 ("ABC", fonts called .VnTime) or VNI (fonts called VNI-Times). Their bytes all
look like each other, so an encoding is believed only when words that we know (indicators, headings, areas) read exactly
under it. The same happens inside workbooks, where such fonts show letters of Western Europe as Vietnamese ones.
Sources: TCVN 5712:1993 (VN3) and the tables of the VNI company, as published with the Vietnamese keyboard programs.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path

from msgspec import structs

from tuquan import settings
from tuquan.vocabulary.areas import canonical_name, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.container import UnreadableFile
from tuquan.workbook.written import Sheet, Workbook, WrittenCell

LEAST_LABELS_ON_A_SHEET = 2  # one word may read by chance
MOST_BYTES_JUDGED = 200_000  # a form has 6,000
Reading = Callable[[str], str]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BETWEEN_FIELDS = re.compile(r'[,;\t|\r\n"]+')
_NOT_OF_TEXT = re.compile(rb"[\0-\x08\x0e-\x19\x1c-\x1f]")

# Bytes 80-9F hold no letters in any of the fonts: they are the quotes and dashes of windows-1252.
_PUNCTUATION = {code: bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
_ONE_BYTE_EACH = re.compile(f"[\\x00-\\xff{re.escape(''.join(_PUNCTUATION.values()))}]*")
# Signs that legacy text is full of and that Unicode text in Vietnamese does not have.
_MARKS = re.compile("[^\x00-\xa0ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúý\u0100-\U0010ffff]")

_TCVN3_RUNS = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB0: "\u0300\u0309\u0303\u0301\u0323",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}
_TCVN3 = {first + place: letter for first, run in _TCVN3_RUNS.items() for place, letter in enumerate(run)}
_TONES = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}

_VNI_SINGLE = dict(zip("ôöñíìæóòî", "ơưđíìỉĩịỵ", strict=True))
_VNI_SIGNS = {
    # base letters that take them: sign → what it adds
    "aeouyôö": {"ø": "\u0300", "ù": "\u0301", "û": "\u0309", "õ": "\u0303", "ï": "\u0323"},
    "aeo": dict(zip("âàáåãä", ("", *"\u0300\u0301\u0309\u0303\u0323"), strict=True)),
    "a": dict(zip("êèéúüë", ("", *"\u0300\u0301\u0309\u0303\u0323"), strict=True)),
}
_VNI_MARKS = {"aeouyôö": "", "aeo": "\u0302", "a": "\u0306"}


def decode_bytes(content: bytes) -> tuple[str, str]:
    """Return the text of a file (NFC, without byte order mark) and the name of its encoding.

    Raises:
        UnreadableFile: it is no text, or text in an encoding under which no word that we know reads exactly.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], encoding), encoding
    if b"\0" in content:
        encoding = _utf16_without_mark(content)
        return _decoded(content, encoding), encoding
    try:
        return unicodedata.normalize("NFC", content.decode("utf-8")), "utf-8"
    except UnicodeDecodeError:
        pass
    if _NOT_OF_TEXT.search(content):
        raise UnreadableFile("file_format_is_supported", "unknown")
    fields = _BETWEEN_FIELDS.split(_as_letters(content[:MOST_BYTES_JUDGED]))
    readings = {"cp1258": _from_cp1258, **READINGS}
    best = _best_reading({field for field in fields if not field.isascii()}, readings, least=1)
    if best is None:
        raise UnreadableFile("text_encoding_is_known", "text_encoding")
    return readings[best](_as_letters(content)), best


def decode_workbook(workbook: Workbook) -> Workbook:
    """Return the workbook with its legacy text as Unicode; the same object when there is none.

    A cell in a legacy font is read by the table of its font. Without such a font a table is believed for a sheet when
    at least two of its cells become words that we know. What already reads as such a word stays as it is.
    """
    sheets = [_decoded_sheet(sheet) for sheet in workbook.sheets]
    if all(new is old for new, old in zip(sheets, workbook.sheets, strict=True)):
        return workbook
    return structs.replace(workbook, sheets=sheets)


def is_known_label(text: str) -> bool:
    """Whether ``text`` is a whole heading, indicator, group, unit, area, or the beginning of such a line of a form."""
    name = canonical_name(text.strip(' "\ufeff'))
    labels = _labels(settings.load().seeds)
    return name in labels or (":" in name and name.partition(":")[0] + ":" in labels)


def _decoded(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile("text_encoding_is_known", "text_encoding") from error
    if "\0" in text:
        raise UnreadableFile("file_format_is_supported", "unknown")
    return unicodedata.normalize("NFC", text)


def _as_letters(content: bytes) -> str:
    """Return a letter of Western Europe, or a sign of punctuation, for each byte."""
    return content.decode("latin-1").translate(_PUNCTUATION)


def _utf16_without_mark(content: bytes) -> str:
    """Western letters have a zero byte in UTF-16: always the second one of a pair, or always the first."""
    first, second = content[::2].count(0), content[1::2].count(0)
    if len(content) % 2 or max(first, second) * 4 < len(content) or min(first, second):
        raise UnreadableFile("file_format_is_supported", "unknown")
    return "utf-16-be" if first else "utf-16-le"


def _from_tcvn3(text: str) -> str:
    """Read TCVN3. A capital with a tone is its lower-case code, or that code after the plain capital: "Aµ" is À."""
    text = unicodedata.normalize("NFC", text.translate(_TCVN3))
    return _CAPITAL_AND_LETTER.sub(lambda match: match[0][1].upper(), text)


def _from_vni(text: str) -> str:
    return _VNI_LETTER.sub(lambda match: _VNI[match[0]], text)


def _from_cp1258(text: str) -> str:
    content = text.translate(_BYTES_OF_PUNCTUATION).encode("latin-1")
    return unicodedata.normalize("NFC", content.decode("cp1258", "replace"))


def _without_tone(letter: str) -> str:
    parts = unicodedata.normalize("NFD", letter)
    return unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))


def _vni_letters() -> dict[str, str]:
    """One or two signs of a VNI font → the letter that they show. The case is that of the base letter."""
    letters = dict(_VNI_SINGLE)
    for bases, signs in _VNI_SIGNS.items():
        for base in bases:
            meant = _VNI_SINGLE.get(base, base) + _VNI_MARKS[bases]
            letters |= {base + sign: unicodedata.normalize("NFC", meant + tone) for sign, tone in signs.items()}
    capitals = {signs.upper(): letter.upper() for signs, letter in letters.items()}
    mixed = {signs[0].upper() + signs[1]: letter.upper() for signs, letter in letters.items() if len(signs) > 1}
    return letters | mixed | capitals


_BYTES_OF_PUNCTUATION = {ord(sign): code for code, sign in _PUNCTUATION.items()}
_VNI = _vni_letters()
_VNI_LETTER = re.compile("|".join(sorted(_VNI, key=len, reverse=True)))
_CAPITAL_AND_LETTER = re.compile(
    "|".join(
        _without_tone(letter).upper() + letter
        for letter in _TCVN3.values()
        if _without_tone(letter) not in ("", letter)
    )
)
READINGS: dict[str, Reading] = {"tcvn3": _from_tcvn3, "vni": _from_vni}


def _best_reading(texts: Iterable[str], readings: dict[str, Reading], *, least: int) -> str | None:
    """Return the reading under which the most of ``texts`` are words that we know, if it is one alone."""
    texts = list(texts)
    counts = {name: sum(is_known_label(read(text)) for text in texts) for name, read in readings.items()}
    most = max(counts.values(), default=0)
    best = [name for name, count in counts.items() if count == most]
    return best[0] if most >= least and len(best) == 1 else None


def _decoded_sheet(sheet: Sheet) -> Sheet:
    around = (*sheet.lines_above, *sheet.other_texts)
    texts = [(cell.raw_text, cell.font) for cell in sheet.cells.values() if cell.raw_type == "text"]
    # Most sheets end here, so this is one cached look at each text.
    if not any(_may_be_legacy(*text) for text in texts) and not any(_may_be_legacy(text, None) for text in around):
        return sheet
    in_question = [cell for cell in sheet.cells.values() if cell.raw_type == "text" and _is_in_question(cell.raw_text)]
    lines = [line for line in around if _is_in_question(line)]
    doubtful = [*(cell.raw_text or "" for cell in in_question), *lines]
    of_sheet = _best_reading(doubtful, READINGS, least=LEAST_LABELS_ON_A_SHEET)
    changed = {cell.cell: new for cell in in_question if (new := _decoded_cell(cell, of_sheet)) is not cell}
    read_line = READINGS.get(of_sheet or "", str)
    new_lines = {line: read_line(line) for line in lines}
    if not changed and all(new == line for line, new in new_lines.items()):
        return sheet
    return structs.replace(
        sheet,
        cells=sheet.cells | changed,
        lines_above=tuple(new_lines.get(line, line) for line in sheet.lines_above),
        other_texts=tuple(new_lines.get(line, line) for line in sheet.other_texts),
    )


def _decoded_cell(cell: WrittenCell, of_sheet: str | None) -> WrittenCell:
    of_font, has_capitals = _reading_of_font(cell.font)
    name = of_font or of_sheet
    if name is None:
        return cell
    text = READINGS[name](cell.raw_text or "")
    return structs.replace(cell, raw_text=text.upper() if has_capitals else text)


@lru_cache(maxsize=256)
def _reading_of_font(font: str | None) -> tuple[str | None, bool]:
    """Return the reading that a font asks for, and whether it shows every letter as a capital (.VnTimeH)."""
    name = (font or "").strip().casefold()
    if name.startswith(".vn"):
        return "tcvn3", name.endswith("h")
    return ("vni" if name.startswith("vni") else None), False


@lru_cache(maxsize=8192)
def _may_be_legacy(text: str | None, font: str | None) -> bool:
    if not text or text.isascii():
        return False
    return _MARKS.search(text) is not None or _reading_of_font(font)[0] is not None


def _is_in_question(text: str | None) -> bool:
    """Whether a text can be legacy: its signs have one byte each, and it is no word that we know as it is."""
    return bool(text) and not text.isascii() and _ONE_BYTE_EACH.fullmatch(text) is not None and not is_known_label(text)


@cache
def _labels(seeds: Path) -> frozenset[str]:
    catalogue = load_catalogue(seeds)
    lines = (
        row["text_vi"].partition("{")[0]
        for row in read_seed("phrases", seeds)
        if row["phrase"].startswith(("form.", "csv.head."))
    )
    items = (text for item in catalogue for text in (item.name_vi, item.unit_measure))
    areas = {area.name_vi for area in load_register(seeds).by_key.values()}
    labels = (canonical_name(text) for text in (*lines, *items, *catalogue.groups.values(), *areas))
    return frozenset(label for label in labels if label)
