"""Turn what a reader noticed into findings, with the sentences of ``seeds/checks.csv``."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache

from tuquan.vocabulary.catalogue import Indicator
from tuquan.vocabulary.figures import Reading, as_written
from tuquan.vocabulary.phrases import load_checks, number_vi, phrase, shown
from tuquan.vocabulary.privacy_signs import mask
from tuquan.workbook.submission import Finding

LONGEST_QUOTE = 60
_ADDRESS = re.compile(r"[A-Z]{1,3}[0-9]")


def remark(
    check: str,
    *,
    severity: str | None = None,
    sheet: str | None = None,
    cell: str | None = None,
    indicator: Indicator | None = None,
    written: str | None = None,
    read_as: str | None = None,
    suggestion: str | None = None,
    **facts: object,
) -> Finding:
    """Return a finding of ``check``; ``facts`` fill places of its sentence that the other arguments do not."""
    line = load_checks()[check]
    places: dict[str, object] = {
        "sheet": sheet or "",
        "cell": cell or "",
        "place": place_of(sheet, cell, facts.get("file")),
        "indicator": indicator.name_vi if indicator else "",
        "unit": indicator.unit_measure if indicator else "",
        "value": written or "",
        "suggestion": suggestion or "",  # plain digits, as they are to be typed
        "other_value": _number_vi(read_as),
        **facts,
    }
    return Finding(
        check_name=check,
        severity=severity or line.severity,
        sheet=sheet,
        cell=cell,
        indicator=indicator.indicator if indicator else None,
        as_written=written,
        read_as=read_as,
        suggested_value=suggestion,
        message_vi=line.message(**places),
    )


def with_advice(check: str, message: str, suggestion: str | None) -> str:
    """Return what was found and what to do about it; ``suggestion`` is the value that a reading suggests."""
    example = suggestion or phrase("receipt.example_number")
    return f"{message} {load_checks()[check].advice(suggestion=example)}".rstrip()


def asks_for_figures(check_names: Iterable[str]) -> bool:
    """Return whether any of these checks is about a cell or row: something is to be typed again."""
    checks = load_checks()
    return any(checks[name].level in ("cell", "row") for name in check_names)


def place_of(sheet: str | None, cell: str | None, file: object = None) -> str:
    """Name a cell, a line or a sheet for people."""
    name = "receipt.place" if cell is None or _ADDRESS.match(cell) else "receipt.place_csv"  # else "dòng 7"
    return phrase(name, sheet=sheet or "", cell=cell or "", file=file or "")


def figure_remark(
    reading: Reading,
    place: Mapping[str, str],
    indicator: Indicator,
    raw_text: str | None,
    raw_type: str,
    highest: Decimal | None,
    file: str,
) -> Finding:
    """Return the finding for a figure that was not simply read. ``place`` holds sheet and cell."""
    return remark(
        reading.check or "value_is_a_number",
        indicator=indicator,
        written=quoted(as_written(raw_text, raw_type)) or phrase("receipt.empty_cell"),
        read_as=None if reading.value is None else str(reading.value),
        suggestion=reading.suggestion,
        limit=_limits(indicator.value_min, highest),
        file=file,
        **place,
    )


def quoted(text: str) -> str:
    """Return ``text`` on one line, short enough for a sentence, without personal data."""
    masked = _masked(text) if len(text) <= LONGEST_QUOTE else mask(shown(text))
    return masked if len(masked) <= LONGEST_QUOTE else masked[: LONGEST_QUOTE - 1] + "…"


@lru_cache(maxsize=4096)  # names of sheets, forms and periods are those of thousands of files
def _masked(text: str) -> str:
    return mask(shown(text))


def _limits(lowest: Decimal | None, highest: Decimal | None) -> str:
    if highest is None:
        return phrase("quality.at_least", low=number_vi(lowest))
    if lowest is None:
        return phrase("quality.at_most", high=number_vi(highest))
    return phrase("quality.range", low=number_vi(lowest), high=number_vi(highest))


def _number_vi(text: str | None) -> str:
    if text is None:
        return ""
    number = Decimal(text)
    return number_vi(number, max(0, -int(number.normalize().as_tuple().exponent)))
