"""Whose figures these are, and of which period: as printed on a sheet, and as claimed by the name of the file.

What the sheet says decides. Names of files and folders can only contradict it: they are typed in haste and copied.
Names are compared exactly but for spelling (see :func:`tuquan.vocabulary.areas.canonical_name`); nothing is guessed.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import lru_cache

from tuquan.vocabulary.areas import TYPE_WORDS, Area, canonical_name, load_register, padded_code
from tuquan.vocabulary.periods import Period, named_periods, period_in_words
from tuquan.vocabulary.phrases import date_vi
from tuquan.workbook.words import line_of, without_organisation

LONGEST_NAME = 7  # words of the longest name of an area
_DAY = r"(?:ngày)?\s*([\d/.-]+)"
_DAYS = re.compile(rf"\(?\s*từ\s*{_DAY}\s*(?:đến|-|–)\s*(?:hết\s*)?{_DAY}\s*\)?\s*$", re.IGNORECASE)
_CODE_IN_NAME = re.compile(r"(?<![\w.-])\d{5}(?!\w|[.-]\d)")
_DATE_IN_NAME = re.compile(r"\d{1,2}[-./]\d{1,2}[-./]\d{4}|\d{4}([-./]\d{1,2}){1,2}(?!\d)|\d{1,2}[-.]\d{4}")
_BARE_YEAR = re.compile(r"(?<![\w.-])(?:19|20)\d\d(?!\w|[.-]\d)")
_EXTENSION = re.compile(r"\.\w{1,5}$", re.ASCII)
_COMMUNE_TYPES = r"xã|phường|thị trấn|đặc khu"
_TYPE_WORD = re.compile(rf"(?<!\w)(?:{_COMMUNE_TYPES}|huyện|quận|thị xã|thành phố|tỉnh)(?=\s)")
_LEADING_COMMUNE = re.compile(rf"(?:{_COMMUNE_TYPES})\s")
_SHORT_TYPE = re.compile(r"(?<!\w)(tt|tx|tp|x|p|h|t)\.\s*")


@dataclass
class Printed:
    """What the lines above a table say; several different answers to one question stay several."""

    codes: dict[str, str] = field(default_factory=dict)  # as written → place
    names: dict[str, str] = field(default_factory=dict)
    periods: dict[Period, str] = field(default_factory=dict)
    unread_periods: dict[str, str] = field(default_factory=dict)  # lines that say period and are none
    days: list[tuple[str, str]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # lines that may name the parent

    def parents(self, day: date) -> list[Area]:
        """Return the provinces and districts that are named in these lines, in force on ``day``."""
        found = [area for text in self.others for area in _areas_in(text, day)]
        return [area for area in found if area.level in ("province", "district")]


def printed_on(lines: Iterable[tuple[str, list[str]]], calendar: str) -> Printed:
    """Collect what lines say: each is its place and its texts from left to right."""
    printed = Printed()
    for place, texts in lines:
        for number, text in enumerate(texts):
            told = line_of(text)
            if told is None:
                _unlabelled(printed, place, text, calendar)
                continue
            meaning, rest = told
            rest = rest or next((later for later in texts[number + 1 :] if line_of(later) is None), "")
            if not rest:
                continue
            if meaning == "code":
                printed.codes[rest.strip(" .")] = place
            elif meaning == "area":
                printed.names[rest] = place
            elif meaning == "period":
                _period(printed, place, rest, calendar)
            else:
                printed.others.append(rest)
    return printed


def _unlabelled(printed: Printed, place: str, text: str, calendar: str) -> None:
    name = without_organisation(text)
    if name != canonical_name(text) and _LEADING_COMMUNE.match(name):
        printed.names.setdefault(name, place)
        return
    period = period_in_words(_DAYS.sub("", text).strip("() "), calendar)
    if period is not None and not text.strip().isdigit():
        _period(printed, place, text.strip("() "), calendar)
    else:
        printed.others.append(text)


def _period(printed: Printed, place: str, text: str, calendar: str) -> None:
    days = _DAYS.search(text)
    told = _DAYS.sub("", text).strip(" ()")
    period = period_in_words(told, calendar)
    if period is None:
        printed.unread_periods[text] = place
        return
    printed.periods[period] = place
    if days:
        printed.days.append((_as_day(days[1]), _as_day(days[2])))


def _as_day(text: str) -> str:
    """A day as ``01/06/2026``, whatever stands between its parts."""
    parts = re.split(r"\D+", text.strip(".-/ "))
    return "/".join(part.zfill(2) for part in parts)


def days_of(period: Period) -> tuple[str, str]:
    """Return first and last day of ``period`` as a form prints them."""
    return date_vi(period.start), date_vi(period.end)


def find_area(printed: Printed, day: date) -> list[Area]:
    """Return the areas that the lines may mean on ``day``: exactly one when it is certain, none when nothing fits.

    A code decides. A name alone is enough when it is the only one of that name in a parent that the sheet names.
    """
    register = load_register()
    by_code = [
        area for code in printed.codes if (area := register.at(padded_code(code), day) or register.at(code, day))
    ]
    if printed.codes:
        return _different(by_code) if len(by_code) == len(printed.codes) else []
    named = [area for name in printed.names for area in register.named(without_organisation(_short(name)), day)]
    parents = printed.parents(day) + [area for name in printed.names for area in _areas_in(name, day)]
    above = {parent.area_key for parent in parents}
    communes = [area for area in named if area.level == "commune"]
    within = [area for area in communes if above & {parent.area_key for parent in register.parents(area, day)}]
    return _different(within or communes or named)


def other_names(area: Area, printed: Printed) -> list[str]:
    """Return the printed names of the reporting area that are not ``area``'s: a code and a name that disagree."""
    return [name for name in printed.names if without_organisation(_short(name)) != canonical_name(area.name_vi)]


def contradicts(printed: Printed, area: Area, period: Period) -> bool:
    """Whether lines say anything else than this area and this period; what they don't say is no contradiction."""
    above = {parent.area_key for parent in load_register().parents(area, period.end)}
    named = [found for name in printed.names for found in _areas_in(name, period.end) if found.level != "commune"]
    return (
        any(padded_code(code) != area.ref_area for code in printed.codes)
        or bool(other_names(area, printed))
        or bool(named and not any(parent.area_key in above for parent in named))
        or bool(printed.unread_periods)
        or any(told != period for told in printed.periods)
        or any(days != days_of(period) for days in printed.days)
    )


def is_certain(area: Area, day: date, printed: Printed) -> bool:
    """Whether the sheet itself says which of the areas of this name it is: by a code, or by a parent."""
    if printed.codes:
        return True
    above = {parent.area_key for parent in load_register().parents(area, day)}
    named = printed.parents(day) + [found for name in printed.names for found in _areas_in(name, day)]
    return any(parent.area_key in above for parent in named)


def _short(name: str) -> str:
    """The first name of "Xã Cẩm Tú, huyện Cẩm Thủy, tỉnh Thanh Hóa": its own, before those of its parents."""
    return re.split(r"\s*[,;–(]\s*|\s+-\s+", name.strip(), maxsplit=1)[0].strip(" .")


def _different(areas: Iterable[Area]) -> list[Area]:
    return list({area.area_key: area for area in areas}.values())


@dataclass(frozen=True)
class NameClaims:
    """What the name of a file, or of one of its folders, claims on the day for which it was read."""

    codes: tuple[Area, ...] = ()
    communes: tuple[Area, ...] = ()
    parents: tuple[Area, ...] = ()
    periods: tuple[Period, ...] = ()
    years: tuple[int, ...] = ()

    def __add__(self, other: "NameClaims") -> "NameClaims":
        return NameClaims(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def claims_of_name(declared_name: str, day: date, calendar: str) -> NameClaims:
    """Return what ``declared_name``, with the folders of its channel, says about area and period on ``day``."""
    *folders, file = unicodedata.normalize("NFC", declared_name).split("/")
    claims = _claims_of_part(_EXTENSION.sub("", file), day, calendar)
    for folder in folders:
        # A folder may be called after the year in which it was made; that says nothing about the period.
        claims += replace(_claims_of_part(folder, day, calendar), years=())
    return claims


@lru_cache(maxsize=256)  # thousands of files share their folders
def _claims_of_part(part: str, day: date, calendar: str) -> NameClaims:
    text = re.sub(r"[_\s]+", " ", part).strip()
    areas = tuple(_areas_in(text, day))
    periods = tuple(period for period, _ in named_periods(text, calendar))
    codes = (load_register().at(code, day) for code in _CODE_IN_NAME.findall(text))
    return NameClaims(
        codes=tuple(area for area in codes if area is not None),
        communes=tuple(area for area in areas if area.level == "commune"),
        parents=tuple(area for area in areas if area.level != "commune"),
        periods=periods,
        years=() if periods else tuple(int(year) for year in _BARE_YEAR.findall(_DATE_IN_NAME.sub(" ", text))),
    )


def meant_by_name(declared_name: str, day: date, calendar: str) -> tuple[Area | None, Period | None]:
    """Return the one commune and the one period that a name of a file can mean: for an answer, never for data."""
    claims = claims_of_name(declared_name, day, calendar)
    communes = _different(claims.codes or claims.communes)
    above = {parent.area_key for parent in claims.parents}
    if len(communes) > 1 and above:
        register = load_register()
        communes = [one for one in communes if above & {parent.area_key for parent in register.parents(one, day)}]
    periods = set(claims.periods)
    return communes[0] if len(communes) == 1 else None, periods.pop() if len(periods) == 1 else None


def contradiction(declared_name: str, area: Area, period: Period) -> str | None:
    """Return what in the name of the file or its folders contradicts the sheet, as it would be printed, or None."""
    claims = claims_of_name(declared_name, period.end, period.calendar)
    if claims.codes and area not in claims.codes:
        return claims.codes[0].ref_area
    own = canonical_name(area.name_vi)
    if claims.communes and not any(canonical_name(claim.name_vi) == own for claim in claims.communes):
        return claims.communes[0].name_vi
    above = {canonical_name(parent.name_vi) for parent in load_register().parents(area, period.end)}
    if claims.parents and not any(canonical_name(parent.name_vi) in above for parent in claims.parents):
        return claims.parents[0].name_vi
    if claims.periods and period not in claims.periods:
        return str(claims.periods[0])
    if claims.years and not claims.periods and period.year not in claims.years:
        return str(claims.years[0])
    return None


def _areas_in(text: str, day: date) -> Iterator[Area]:
    """Yield the areas in force on ``day`` whose whole name stands in ``text`` with its type; the longest name wins."""
    told = canonical_name(_SHORT_TYPE.sub(lambda match: TYPE_WORDS[match[1]] + " ", canonical_name(text)))
    end = 0
    for match in _TYPE_WORD.finditer(told):
        if match.start() < end:
            continue
        words = re.findall(r"[\w'’-]+", told[match.start() : match.start() + 80])
        for count in range(min(len(words), LONGEST_NAME), 1, -1):
            name = " ".join(words[:count])
            if found := load_register().named(name, day):
                yield from found
                end = match.start() + len(name)
                break
