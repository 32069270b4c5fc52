"""Administrative areas over time. Source: ``seeds/areas.csv``.

A code alone is not a key: 3,316 of the 3,321 communes of July 2025 carry the code of an older commune. An area is its
code and the day from which it held (``15127.20191201``); ``valid_to`` is the first day on which it no longer held.
"""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path

from tuquan import settings
from tuquan.vocabulary.seeds import as_date, read_seed

CODE_WIDTH = {"province": 2, "district": 3, "commune": 5}
COUNTRY = "VN"
_OLD_TONE_PLACEMENT = {
    **{"oà": "òa", "oá": "óa", "oả": "ỏa", "oã": "õa", "oạ": "ọa"},
    **{"oè": "òe", "oé": "óe", "oẻ": "ỏe", "oẽ": "õe", "oẹ": "ọe"},
    **{"uỳ": "ùy", "uý": "úy", "uỷ": "ủy", "uỹ": "ũy", "uỵ": "ụy"},
}
_NEW_TONE = re.compile(r"(?<!q)(?:" + "|".join(_OLD_TONE_PLACEMENT) + r")(?!\w)")
TYPE_WORDS = {"tt": "thị trấn", "tx": "thị xã", "tp": "thành phố", "x": "xã", "p": "phường", "h": "huyện", "t": "tỉnh"}
_TYPE_SHORT = re.compile(r"^(tt|tx|tp|x|p|h|t)\.\s*")


@dataclass(frozen=True)
class Area:
    """One version of an administrative area."""

    area_key: str
    ref_area: str
    name_vi: str
    level: str
    area_type: str
    parent_area: str
    valid_from: date
    valid_to: date | None

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def last_day_within(self, first: date, last: date) -> date | None:
        """Return the last day of a period on which it held; when areas change inside it, both vintages have one.

        None = it held on none of its days, or began and ended in between.
        """
        if self.in_force(last):
            return last
        ended_inside = self.valid_to is not None and first < self.valid_to <= last and self.in_force(first)
        return self.valid_to - timedelta(days=1) if ended_inside else None


class AreaRegister:
    """All versions of all areas, looked up by code and day, by key, or by exact name."""

    def __init__(self, areas: list[Area]) -> None:
        self.by_key = {area.area_key: area for area in areas}
        self._versions: dict[str, list[Area]] = defaultdict(list)
        self._children: dict[str, list[Area]] = defaultdict(list)
        for area in areas:
            self._versions[area.ref_area].append(area)
            self._children[area.parent_area].append(area)

    def at(self, ref_area: str, day: date) -> Area | None:
        """Return the version of ``ref_area`` in force on ``day``, or None."""
        return next((area for area in self._versions.get(ref_area, ()) if area.in_force(day)), None)

    def within(self, ref_area: str, first: date, last: date) -> Area | None:
        """Return the version of ``ref_area`` in force on ``last``, else one that ended after ``first``, or None."""
        held = (area for area in self._versions.get(ref_area, ()) if area.last_day_within(first, last))
        return max(held, key=lambda area: area.valid_from, default=None)

    def versions(self, ref_area: str) -> list[Area]:
        """Return every version of ``ref_area``, whenever it held."""
        return list(self._versions.get(ref_area, ()))

    def named(self, name: str, day: date) -> list[Area]:
        """Return every area with exactly this name (type and name, canonical spelling) in force on ``day``."""
        return [area for area in self._by_name.get(canonical_name(name), ()) if area.in_force(day)]

    @cached_property
    def _by_name(self) -> dict[str, list[Area]]:
        by_name: dict[str, list[Area]] = defaultdict(list)
        for area in self.by_key.values():
            by_name[canonical_name(area.name_vi)].append(area)
        return by_name

    def children(self, ref_area: str, day: date) -> list[Area]:
        """Return the areas directly below ``ref_area`` on ``day``, ordered by code."""
        below = (area for area in self._children.get(ref_area, ()) if area.in_force(day))
        return sorted(below, key=lambda area: area.ref_area)

    def communes(self, ref_area: str, day: date) -> list[Area]:
        """Return the communes in force on ``day`` that are ``ref_area`` or lie below it, ordered by code."""
        area = self.at(ref_area, day)
        if area is None:
            return []
        if area.level == "commune":
            return [area]
        found = [commune for child in self.children(ref_area, day) for commune in self.communes(child.ref_area, day)]
        return sorted(found, key=lambda commune: commune.ref_area)

    def parents(self, area: Area, day: date) -> list[Area]:
        """Return the areas above ``area`` on ``day``, nearest first, without the country."""
        above: list[Area] = []
        parent = self.at(area.parent_area, day)
        while parent is not None and parent.level != "country":
            above.append(parent)
            parent = self.at(parent.parent_area, day)
        return above


def load_register(folder: Path | None = None) -> AreaRegister:
    """Read the register from ``folder`` (default: the seeds of the settings)."""
    return _load_register(folder or settings.load().seeds)


@cache
def _load_register(folder: Path) -> AreaRegister:
    return AreaRegister(
        [
            Area(
                area_key=row["area_key"],
                ref_area=row["ref_area"],
                name_vi=row["name_vi"],
                level=row["level"],
                area_type=row["area_type"],
                parent_area=row["parent_area"],
                valid_from=date.fromisoformat(row["valid_from"]),
                valid_to=as_date(row["valid_to"]),
            )
            for row in read_seed("areas", folder)
        ]
    )


def padded_code(text: str, level: str = "commune") -> str:
    """Give an area code back the leading zeros that a spreadsheet took.

    >>> padded_code("4")
    '00004'
    """
    return text.zfill(CODE_WIDTH[level]) if text.isascii() and text.isdigit() else text


def canonical_name(name: str) -> str:
    """Return the form under which two spellings of one name are equal: NFC, case, spaces, place of the tone mark.

    Accents are never dropped: Xã Cẩm Giang and Xã Cẩm Giàng are two communes.

    >>> canonical_name("Huyện  Cẩm Thuỷ") == canonical_name("huyện Cẩm Thủy")
    True
    """
    text = " ".join(unicodedata.normalize("NFC", name).replace("’", "'").casefold().split())
    text = _TYPE_SHORT.sub(lambda match: TYPE_WORDS[match[1]] + " ", text)
    return _NEW_TONE.sub(lambda match: _OLD_TONE_PLACEMENT[match[0]], text)
