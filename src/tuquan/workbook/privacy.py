"""Stop a file that holds personal data or a secrecy stamp, before anything of it is stored.

A false alarm costs a commune its report and a miss stores what nobody may store, so every sign is judged by where it
stands: a name counts in a block of signatures, after a label, or as one of three in a column; see
``seeds/privacy_signs.csv``. Findings name the sheet and the cells and quote nothing. Hidden sheets count: the file
would be stored as a whole.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from tuquan import settings
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.phrases import phrase
from tuquan.vocabulary.privacy_signs import Signs, load_signs, plain
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.submission import Finding
from tuquan.workbook.written import Records, Sheet, Workbook, WrittenCell

NAMES_OF_A_LIST = 3
MOST_PLACES = 5  # that one sentence names
ROWS_OF_A_SIGNATURE, COLUMNS_OF_A_SIGNATURE = 10, 4
LONGEST_HEADING = 60
_DAY = re.compile(r"(?:\d{1,2}[/.-]){0,2}(?:19|20)\d\d")
_CHECKS = {
    "telephone": "no_telephone_numbers",
    "identity_number": "no_identity_numbers",
    "email": "no_email_addresses",
    "secrecy": "no_secrecy_stamp",
    "signature": "no_signatures",
    "people": "no_lists_of_people",
}


class _Spot(NamedTuple):
    """One cell or line: where it stands, how it is called, and what it holds as plain text."""

    row: int
    column: int
    place: str
    text: str
    raw_type: str = "text"


def screen_workbook(workbook: Workbook, declared_name: str) -> list[Finding]:
    """Return one finding per kind of sign and sheet; none when the file may be stored."""
    file = quoted(declared_name)
    findings = _of_file(workbook, declared_name, file)
    for sheet in workbook.sheets:
        found = _Screening(_unknown_texts(sheet), partial(_spots, sheet)).kinds()
        beside = {"privacy.beside_the_cells": sheet.other_texts, "privacy.lines_above": sheet.lines_above}
        for name, texts in beside.items():
            for kind in _of_lines(texts):
                found[kind].append(phrase(name))
        for kind in _of_lines((sheet.name,)):
            found[kind].append(phrase("privacy.sheet_name"))
        head = "privacy.sheet" if sheet.state == "visible" else "privacy.hidden_sheet"
        findings += _findings(found, file, sheet.name, head)
    return findings


def screen_records(records: Records, declared_name: str) -> list[Finding]:
    """Return one finding per kind of sign in a table of text; none when the file may be stored."""
    file = quoted(declared_name)
    spots = list(_record_spots(records))
    known = _known_texts(settings.load().seeds)
    texts = [spot for spot in spots if spot.text not in known and not (spot.text.isdigit() and len(spot.text) < 9)]
    found = _Screening((spot for spot in texts if spot.raw_type == "text"), lambda: iter(spots)).kinds()
    return [*_of_name(declared_name, file), *_findings(found, file, records.sheet, "privacy.sheet")]


class _Screening:
    """Judges the texts of one sheet together: a name means another thing below a signature line or in a column."""

    def __init__(self, texts: Iterable[_Spot], all_spots: Callable[[], Iterable[_Spot]]) -> None:
        self.signs: Signs = load_signs()
        self.all_spots = all_spots
        self.found: dict[str, list[str]] = defaultdict(list)
        self.names: list[tuple[_Spot, str]] = []
        self.signature_lines: list[_Spot] = []
        self.headings: list[tuple[str, _Spot]] = []
        for spot in texts:
            self._read(spot)

    def kinds(self) -> dict[str, list[str]]:
        """Return the places of each kind of sign, in the order of the sheet."""
        if self.names:
            self._judge_names()
        if self.headings:
            self._look_at_headings(list(self.all_spots()))
        return self.found

    def _add(self, kind: str, place: str) -> None:
        if place not in self.found[kind]:
            self.found[kind].append(place)

    def _read(self, spot: _Spot) -> None:
        signs, text = self.signs, spot.text
        for kind in signs.kinds_in(text):
            self._add(kind, spot.place)
        if signs.secrecy_mark.search(text):
            self._add("secrecy", spot.place)
        if signs.told_names(text):
            self._add("signature", spot.place)
        if len(text) <= LONGEST_HEADING:
            for kind, word in (("telephone", signs.telephone_word), ("identity_number", signs.identity_word)):
                if word.search(text):
                    self.headings.append((kind, spot))
        for line in text.split("\n"):
            self._read_line(spot, line.strip())

    def _read_line(self, spot: _Spot, line: str) -> None:
        signs, folded = self.signs, line.casefold()
        if signs.secrecy_line.fullmatch(folded):
            self._add("secrecy", spot.place)
        elif signs.signature_line.fullmatch(folded):
            self.signature_lines.append(spot)
        elif len(folded) <= LONGEST_HEADING and (heading := signs.heading.fullmatch(folded.rstrip(" :*"))):
            self.headings.append((heading.lastgroup or "", spot))
        elif signs.names_in(line, may_be_a_place=True):
            self.names.append((spot, line))

    def _judge_names(self) -> None:
        """Tell signatures and lists from names that merely occur."""
        columns: dict[tuple[str, int], list[_Spot]] = defaultdict(list)
        for spot, line in self.names:
            if any(_belongs_to(spot, above) for above in self.signature_lines) and self._signs_here(line):
                self._add("signature", spot.place)
            for _ in range(self.signs.names_in(line)):
                columns["column", spot.column].append(spot)
                columns["row", spot.row].append(spot)
        for (direction, _), spots in columns.items():
            if len(spots) >= NAMES_OF_A_LIST and not self._names_places(spots, direction):
                for spot in spots:
                    self._add("people", spot.place)

    def _signs_here(self, line: str) -> bool:
        return bool(self.signs.names_in(line, may_be_a_place=len(line.split()) > 2))

    def _names_places(self, spots: list[_Spot], direction: str) -> bool:
        """Whether the nearest text above the first name (or to its left) says that places are listed."""
        first = min(spots)
        if direction == "column":
            before = [spot for spot in self.all_spots() if spot.column == first.column and spot.row < first.row]
        else:
            before = [spot for spot in self.all_spots() if spot.row == first.row and spot.column < first.column]
        texts = [spot for spot in before if spot.raw_type == "text" and len(spot.text) > 3]
        return bool(texts) and self.signs.place_heading.fullmatch(max(texts).text.strip().casefold()) is not None

    def _look_at_headings(self, spots: list[_Spot]) -> None:
        for kind, head in self.headings:
            is_list = kind in ("name", "birth", "origin")
            for spot in spots:
                is_below = spot.column == head.column and spot.row > head.row
                is_beside = spot.row == head.row and spot.column > head.column
                if (is_below or (is_beside and kind != "origin")) and self._answers(kind, spot, is_below=is_below):
                    self._add("people" if is_list else kind, spot.place)

    def _answers(self, kind: str, spot: _Spot, *, is_below: bool) -> bool:
        """Whether what stands below or beside a heading is what it asks for."""
        text = spot.text.strip()
        if kind in ("telephone", "identity_number"):
            digits = re.sub(r"[ .-]", "", text.removesuffix(".0"))
            return spot.raw_type in ("number", "text") and digits.isdigit() and 9 <= len(digits) <= 12
        if kind == "birth":
            return spot.raw_type == "date" or _DAY.fullmatch(text) is not None
        if spot.raw_type != "text" or text in _known_texts(settings.load().seeds) or self._is_a_head(spot):
            return False
        if kind == "origin":
            return any(letter.isalpha() for letter in text[2:])
        # Heads stand beside heads, in capitals: only below a head is a name of any family a name.
        any_family = is_below and not text.isupper()
        return any(self.signs.is_name(line.strip(), any_family=any_family) for line in text.split("\n"))

    def _is_a_head(self, spot: _Spot) -> bool:
        return any(spot.place == head.place for _, head in self.headings) or spot in self.signature_lines


def _belongs_to(name: _Spot, line: _Spot) -> bool:
    return 0 <= name.row - line.row <= ROWS_OF_A_SIGNATURE and abs(name.column - line.column) <= COLUMNS_OF_A_SIGNATURE


def _of_lines(lines: Iterable[str]) -> dict[str, list[str]]:
    """Return the kinds of signs in texts outside of cells, which stand one below the other."""
    texts = [text for entry in lines for text in plain(entry).split("\n")]
    spots = [_Spot(row, 0, "", text) for row, text in enumerate(texts)]
    return _Screening(spots, lambda: spots).kinds() if spots else {}


def _of_file(workbook: Workbook, declared_name: str, file: str) -> list[Finding]:
    """Return what is to be said about the file as a whole: its name, its properties, its pictures."""
    findings = _of_name(declared_name, file)
    found = {kind: [phrase("privacy.properties")] for kind in _of_lines(workbook.properties.values())}
    findings += _findings(found, file, None, "")
    if workbook.pictures:
        findings.append(remark("no_pictures", file=file, written=str(len(workbook.pictures))))
    return findings


def _of_name(declared_name: str, file: str) -> list[Finding]:
    if not load_signs().secrecy_in_file_name.search(plain(declared_name)):
        return []
    return _findings({"secrecy": [phrase("privacy.file_name")]}, file, None, "")


def _findings(found: dict[str, list[str]], file: str, sheet: str | None, head: str) -> list[Finding]:
    return [
        remark(
            check,
            file=file,
            sheet=None if sheet is None else quoted(sheet),
            cell=_listed(found[kind]) if sheet is not None else None,
            place=_listed(found[kind])
            if sheet is None
            else phrase(head, sheet=quoted(sheet), places=_listed(found[kind])),
        )
        for kind, check in _CHECKS.items()
        if found.get(kind)
    ]


def _listed(places: list[str]) -> str:
    return ", ".join([*places[:MOST_PLACES], *(["…"] if len(places) > MOST_PLACES else [])])


def _unknown_texts(sheet: Sheet) -> Iterator[_Spot]:
    """Yield the texts that are not our own words, and what a number format makes look like a telephone number."""
    known = _known_texts(settings.load().seeds)
    for cell in sheet.cells.values():
        if cell.raw_type == "text":
            if cell.raw_text and cell.raw_text not in known:
                yield _spot(cell)
        elif cell.number_format and cell.number_format.startswith("00000") and cell.raw_type == "number":
            yield _spot(cell)


def _spots(sheet: Sheet) -> Iterator[_Spot]:
    return (_spot(cell) for cell in sheet.cells.values() if cell.raw_text)


def _spot(cell: WrittenCell) -> _Spot:
    letters = cell.cell.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = 26 * column + ord(letter) - 64
    text = plain(cell.raw_text or "")
    if cell.raw_type == "number" and cell.number_format and cell.number_format.startswith("00000"):
        text = text.removesuffix(".0").zfill(cell.number_format.count("0"))
    return _Spot(int(cell.cell[len(letters) :]), column, cell.cell, text, cell.raw_type)


def _record_spots(records: Records) -> Iterator[_Spot]:
    for column, text in enumerate(records.heads):
        yield _Spot(0, column, phrase("privacy.heads"), plain(text))
    for row, (place, texts) in enumerate(records.rows, start=1):
        for column, text in enumerate(texts):
            if text:
                known = records.cells.get((row - 1, column))
                yield _Spot(row, column, place, plain(text), known.raw_type if known else "text")


@cache
def _known_texts(seeds: Path) -> frozenset[str]:
    """Return our own words, which need no look: those of the catalogue and of the form.

    A phrase of the form that stands above a signature is not among them: what stands below it is judged by it.
    """
    catalogue = load_catalogue(seeds)
    words = {
        *(text for item in catalogue for text in (item.indicator, item.name_vi, item.unit_measure)),
        *(row["name_vi"] for row in read_seed("indicator_groups", seeds)),
        *(row["text_vi"] for row in read_seed("phrases", seeds) if row["phrase"].startswith("form.")),
    }
    is_above_a_name = load_signs(seeds).signature_line.fullmatch
    return frozenset(text for text in words if not is_above_a_name(text.casefold()))
