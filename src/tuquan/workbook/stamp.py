"""What makes a sheet ours: a stamp that is written three times, and hidden tags for rows and columns.

The stamp stands in a hidden first row, at the head of the hidden column of row ids, and in the document properties.
A copied sheet may lose one of them; three that disagree mean that somebody mixed two forms.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from tuquan.vocabulary.catalogue import Indicator

ROW_MARK = "tuquan-form"
COLUMN_MARK = "tuquan-rows"
COLUMN_SIGNS = "#columns"
END_OF_ROWS = "#end"
COLUMN_TAGS = ("#indicator", "#unit", "#period", "#previous", "#year_to_date")
NAME_PREFIX = "in_"


@dataclass(frozen=True)
class Stamp:
    """Which form this is, of which area and period. ``layout`` is the digest of the rows that were asked."""

    form: str
    form_version: str
    area_key: str
    ref_area: str
    calendar: str
    time_period: str
    layout: str

    @property
    def properties(self) -> dict[str, str]:
        """The stamp as custom document properties."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def written(self, mark: str) -> str:
        """The stamp as the text of one cell."""
        return "|".join((mark, *self.properties.values()))


def stamp_from_text(text: str, mark: str) -> Stamp | None:
    """Return the stamp in the text of a cell, or None when it is none with this mark.

    >>> stamp_from_text("a word", ROW_MARK) is None
    True
    """
    first, *parts = text.strip().split("|")
    return Stamp(*parts) if first == mark and len(parts) == len(fields(Stamp)) else None


def stamp_from_properties(properties: Mapping[str, str]) -> Stamp | None:
    """Return the stamp among the document properties, or None when one of its parts is missing."""
    try:
        return Stamp(**{field.name: properties[field.name] for field in fields(Stamp)})
    except KeyError:
        return None


def layout_digest(asked: Iterable[Indicator]) -> str:
    """Return 16 digits that change with any row that a form asks: its id, name, unit or place."""
    digest = hashlib.sha256()
    for item in asked:
        digest.update(f"{item.indicator}\t{item.name_vi}\t{item.unit_measure}\n".encode())
    return digest.hexdigest()[:16]
