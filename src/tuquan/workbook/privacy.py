"""Stop a file that holds personal data or a secrecy stamp, before anything of it is stored.

A false alarm costs a commune its report and a miss stores what nobody may store, so every sign is judged by where it
stands: a name counts in a block of signatures, after a label, or as one of three in a column; see
``seeds/privacy_signs.csv``. Findings name the sheet and the cells and quote nothing. Hidden sheets count: the file
would be stored as a whole.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache, partial
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple

from tuquan import settings
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.forms import load_forms
from tuquan.vocabulary.phrases import phrase
from tuquan.vocabulary.privacy_signs import load_signs, plain
from tuquan.vocabulary.seeds import read_seed
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.submission import Finding
from tuquan.workbook.written import Records, Sheet, Workbook, WrittenCell

NAMES_OF_A_LIST = 3
MOST_NAMES = 5_000  # of people or places with such names; a table with more of them is one of people
MOST_PLACES = 5  # that one sentence names
ROWS_OF_A_SIGNATURE, COLUMNS_OF_A_SIGNATURE = 10, 4
SHORTEST_SIGN = 3  # of letters without accents, such as "tel"
LONGEST_HEADING = 60
_DAY = re.compile(r"(?:\d{1,2}[/.-]){0,2}(?:19|20)\d\d")
_SEPARATORS = re.compile(r"[ .-]")
Found = dict[str, dict[str, None]]  # kind → places, as an ordered set
HEADS = ("telephone", "identity_number", "name", "birth", "origin")
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


class _Reading(NamedTuple):
    """What one text holds by itself: kinds of signs, what it is the head of, and lines that are names."""

    kinds: frozenset[str]
    headings: tuple[str, ...]
    is_signature_line: bool
    names: tuple[str, ...]


def screen_workbook(workbook: Workbook, declared_name: str) -> list[Finding]:
    """Return one finding per kind of sign and sheet; none when the file may be stored."""
    seeds, file = settings.load().seeds, quoted(declared_name.rsplit("/", 1)[-1])
    findings = _of_file(workbook, declared_name, file, seeds)
    for sheet in workbook.sheets:
        found = _Screening(_texts_of(sheet, seeds), partial(_spots_of, sheet), seeds).kinds()
        texts = {"privacy.beside_the_cells": sheet.other_texts, "privacy.lines_above": sheet.lines_above}
        for name, lines in {**texts, "privacy.sheet_name": (sheet.name,)}.items():
            for kind in _kinds_in_lines(lines, seeds):
                found[kind][phrase(name)] = None
        head = "privacy.sheet" if sheet.state == "visible" else "privacy.hidden_sheet"
        findings += _findings(found, file, sheet.name, head)
    return findings


def screen_records(records: Records, declared_name: str) -> list[Finding]:
    """Return one finding per kind of sign in a table of text; none when the file may be stored."""
    seeds, file = settings.load().seeds, quoted(declared_name.rsplit("/", 1)[-1])
    found = _Screening(_texts_in(records, seeds), partial(_spots_in, records), seeds).kinds()
    for kind in _kinds_in_lines(records.other_texts, seeds):
        found[kind][phrase("privacy.beside_the_cells")] = None
    return [*_of_name(declared_name, file, seeds), *_findings(found, file, records.sheet, "privacy.sheet")]


def screen_text(text: str, declared_name: str) -> list[Finding]:
    """Return one finding per kind of sign in the text of a file that is no report; none when it may be kept apart."""
    seeds, file = settings.load().seeds, quoted(declared_name.rsplit("/", 1)[-1])
    found = {kind: {phrase("privacy.text"): None} for kind in _kinds_in_lines((text,), seeds)}
    return [*_of_name(declared_name, file, seeds), *_findings(found, file, None, "")]


class _Screening:
    """Judges the texts of one sheet together: a name means another thing below a signature line or in a column.

    Hostile sheets are full of names and heads, so that nothing here compares each of them with each other.
    """

    def __init__(
        self, texts: Iterable[tuple[_Reading, _Spot]], all_spots: Callable[[], Iterable[_Spot]], seeds: Path
    ) -> None:
        self.signs, self.ours = load_signs(seeds), _known_texts(seeds)
        self.all_spots = all_spots
        self.found: Found = defaultdict(dict)
        self.names: list[tuple[_Spot, str]] = []
        self.signature_lines: set[tuple[int, int]] = set()
        self.heads: set[str] = set()
        self.first_below: dict[tuple[str, int], int] = {}  # (kind, column) → row of the topmost head
        self.first_beside: dict[tuple[str, int], int] = {}  # (kind, row) → column of the leftmost head
        for reading, spot in texts:
            self._take(reading, spot)
            if len(self.names) > MOST_NAMES:
                self.found["people"][spot.place] = None
                break

    def kinds(self) -> Found:
        """Return the places of each kind of sign, in the order of the sheet."""
        if 0 < len(self.names) <= MOST_NAMES:
            self._judge_names()
        if self.heads:
            for spot in self.all_spots():
                self._judge_answer(spot)
        return self.found

    def _take(self, reading: _Reading, spot: _Spot) -> None:
        for kind in reading.kinds:
            self.found[kind][spot.place] = None
        if reading.is_signature_line:
            self.signature_lines.add((spot.row, spot.column))
        for kind in reading.headings:
            self.heads.add(spot.place)
            self.first_below.setdefault((kind, spot.column), spot.row)
            self.first_beside.setdefault((kind, spot.row), spot.column)
        self.names += [(spot, name) for name in reading.names]

    def _judge_names(self) -> None:
        """Tell signatures and lists from names that merely occur."""
        lists: dict[tuple[str, int], list[_Spot]] = defaultdict(list)
        for spot, line in self.names:
            # Below a signature line stands a signatory, even when a commune bears the same name.
            if self._is_near_a_signature_line(spot) and self.signs.names_in(line, may_be_a_place=len(line.split()) > 2):
                self.found["signature"][spot.place] = None
            for _ in range(self.signs.names_in(line)):
                lists["column", spot.column].append(spot)
                lists["row", spot.row].append(spot)
        lists = {where: spots for where, spots in lists.items() if len(spots) >= NAMES_OF_A_LIST}
        of_places = self._lists_of_places(lists) if lists else set()
        for where, spots in lists.items():
            if where not in of_places:
                self.found["people"].update(dict.fromkeys(spot.place for spot in spots))

    def _is_near_a_signature_line(self, spot: _Spot) -> bool:
        return bool(self.signature_lines) and any(
            (row, column) in self.signature_lines
            for row in range(spot.row - ROWS_OF_A_SIGNATURE, spot.row + 1)
            for column in range(spot.column - COLUMNS_OF_A_SIGNATURE, spot.column + COLUMNS_OF_A_SIGNATURE + 1)
        )

    def _lists_of_places(self, lists: dict[tuple[str, int], list[_Spot]]) -> set[tuple[str, int]]:
        """Return the lists of which the nearest text above (or to the left of) the first name says: places."""
        first = {where: min(spots) for where, spots in lists.items()}
        nearest: dict[tuple[str, int], _Spot] = {}
        last_row = max(spot.row for spot in first.values())
        for spot in takewhile(lambda spot: spot.row <= last_row, self.all_spots()):
            if spot.raw_type == "text" and len(spot.text) > 1 and not spot.text.startswith("("):
                for where in (("column", spot.column), ("row", spot.row)):
                    if where in first and spot < first[where]:
                        nearest[where] = max(spot, nearest.get(where, spot))
        says_places = self.signs.place_heading.fullmatch
        return {where for where, spot in nearest.items() if says_places(spot.text.strip().casefold())}

    def _judge_answer(self, spot: _Spot) -> None:
        """Tell whether what stands below or beside a head is what it asks for."""
        for kind in HEADS:
            is_below = spot.row > self.first_below.get((kind, spot.column), spot.row)
            is_beside = spot.column > self.first_beside.get((kind, spot.row), spot.column) and kind != "origin"
            if (is_below or is_beside) and self._answers(kind, spot, is_below=is_below):
                self.found[kind if kind in _CHECKS else "people"][spot.place] = None

    def _answers(self, kind: str, spot: _Spot, *, is_below: bool) -> bool:
        text = spot.text.strip()
        if kind in _CHECKS:
            digits = _SEPARATORS.sub("", text.removesuffix(".0"))
            return spot.raw_type in ("number", "text") and digits.isdigit() and 9 <= len(digits) <= 12
        if kind == "birth":
            return spot.raw_type == "date" or _DAY.fullmatch(text) is not None
        if spot.raw_type != "text" or text in self.ours or self._is_a_head(spot):
            return False
        if kind == "origin":
            return any(letter.isalpha() for letter in text[2:])
        # Heads stand beside heads, in capitals: only below a head is a name of any family a name.
        any_family = is_below and not text.isupper()
        return any(self.signs.is_name(line.strip(), any_family=any_family) for line in text.split("\n"))

    def _is_a_head(self, spot: _Spot) -> bool:
        return spot.place in self.heads or (spot.row, spot.column) in self.signature_lines


@lru_cache(maxsize=4096)  # most lines of a form are the same on every form
def _read(text: str, seeds: Path) -> _Reading | None:
    """Return what ``text`` holds by itself; None when there is nothing to look at."""
    signs, text = load_signs(seeds), plain(text)
    kinds, headings, names, is_signature_line = signs.kinds_in(text), [], [], False
    if signs.secrecy_mark.search(text):
        kinds.add("secrecy")
    if signs.told_names(text):
        kinds.add("signature")
    if len(text) <= LONGEST_HEADING:
        words = {"telephone": signs.telephone_word, "identity_number": signs.identity_word}
        headings += [kind for kind, word in words.items() if word.search(text)]
    for line in map(str.strip, text.split("\n")):
        folded = line.casefold()
        if signs.secrecy_line.fullmatch(folded):
            kinds.add("secrecy")
        elif signs.signature_line.fullmatch(folded):
            is_signature_line = True
        elif len(folded) <= LONGEST_HEADING and (heading := signs.heading.fullmatch(folded.rstrip(" :*"))):
            headings.append(heading.lastgroup or "")
        elif signs.names_in(line, may_be_a_place=True):
            names.append(line)
    if not (kinds or headings or names or is_signature_line):
        return None
    return _Reading(frozenset(kinds), tuple(headings), is_signature_line, tuple(names))


def _kinds_in_lines(lines: Iterable[str], seeds: Path) -> Found:
    """Return the kinds of signs in texts outside of cells, which stand one below the other."""
    texts = [text for entry in lines for text in plain(entry).split("\n")]
    spots = [_Spot(row, 0, str(row), text) for row, text in enumerate(texts)]
    read = [(reading, spot) for spot in spots if (reading := _read(spot.text, seeds)) is not None]
    return _Screening(read, lambda: spots, seeds).kinds() if read else {}


def _of_file(workbook: Workbook, declared_name: str, file: str, seeds: Path) -> list[Finding]:
    """Return what is to be said about the file as a whole: its name, its properties, its pictures."""
    findings = _of_name(declared_name, file, seeds)
    found = {
        kind: {phrase("privacy.properties"): None} for kind in _kinds_in_lines(workbook.properties.values(), seeds)
    }
    findings += _findings(found, file, None, "")
    if workbook.pictures:
        findings.append(remark("no_pictures", file=file, written=str(len(workbook.pictures))))
    return findings


def _of_name(declared_name: str, file: str, seeds: Path) -> list[Finding]:
    if not load_signs(seeds).secrecy_in_file_name.search(plain(declared_name)):
        return []
    return _findings({"secrecy": {phrase("privacy.file_name"): None}}, file, None, "")


def _findings(found: Found, file: str, sheet: str | None, head: str) -> list[Finding]:
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


def _listed(places: Iterable[str]) -> str:
    first = list(islice(places, MOST_PLACES + 1))
    return ", ".join(first[:MOST_PLACES] + (["…"] if len(first) > MOST_PLACES else []))


def _texts_of(sheet: Sheet, seeds: Path) -> Iterator[tuple[_Reading, _Spot]]:
    """Yield what there is to look at among the texts that are not our own words."""
    known = _known_texts(seeds)
    for cell in sheet.cells.values():
        text = cell.raw_text
        if cell.raw_type == "text":
            if not text or text in known or (len(text) < SHORTEST_SIGN and text.isascii()):
                continue
            reading = _read(text, seeds)
        elif text and cell.raw_type == "number" and (cell.number_format or "").startswith("00000"):
            reading = _read(_as_shown(text, cell), seeds)
        else:
            continue
        if reading is not None:
            yield reading, _spot(cell)


def _spots_of(sheet: Sheet) -> Iterator[_Spot]:
    return (_spot(cell) for cell in sheet.cells.values() if cell.raw_text)


def _spot(cell: WrittenCell) -> _Spot:
    letters = cell.cell.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = 26 * column + ord(letter) - 64
    return _Spot(int(cell.cell[len(letters) :]), column, cell.cell, plain(cell.raw_text or ""), cell.raw_type)


def _as_shown(number: str, cell: WrittenCell) -> str:
    """Return a number with the zeros that its format puts in front: telephone numbers are kept like that."""
    return number.removesuffix(".0").zfill((cell.number_format or "").count("0"))


def _texts_in(records: Records, seeds: Path) -> Iterator[tuple[_Reading, _Spot]]:
    known = _known_texts(seeds)
    for spot in _spots_in(records, without=lambda text: text in known or (len(text) < 9 and text.isdigit())):
        if spot.raw_type == "text":
            reading = _read(spot.text, seeds)
            if reading is not None:
                yield reading, spot


def _spots_in(records: Records, without: Callable[[str], bool] = lambda _: False) -> Iterator[_Spot]:
    for column, text in enumerate(records.heads):
        yield _Spot(0, column, phrase("privacy.heads"), plain(text))
    for row, (place, texts) in enumerate(records.rows):
        for column, text in enumerate(texts):
            if text and not without(text):
                known = records.cells.get((row, column))
                yield _Spot(row + 1, column, place, plain(text), known.raw_type if known else "text")


@cache
def _known_texts(seeds: Path) -> frozenset[str]:
    """Return our own words, which need no look: those of the catalogue and of the form.

    A phrase of the form that stands above a signature is not among them: what stands below it is judged by it.
    """
    catalogue, forms = load_catalogue(seeds), load_forms(seeds).values()
    words = {
        *(text for item in catalogue for text in (item.indicator, item.name_vi, item.unit_measure)),
        *(row["name_vi"] for row in read_seed("indicator_groups", seeds)),
        *(form.name_vi.upper() for form in forms),
        *(row["text_vi"] for row in read_seed("phrases", seeds) if row["phrase"].startswith("form.")),
    }
    is_above_a_name = load_signs(seeds).signature_line.fullmatch
    return frozenset(text for text in words if not is_above_a_name(text.casefold()))
