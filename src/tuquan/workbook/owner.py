"""Whose form a sheet is, and of which period: by stamps or print, and held where anything contradicts it."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from tuquan.vocabulary.areas import Area, load_register, padded_code
from tuquan.vocabulary.forms import current_form, load_forms
from tuquan.vocabulary.periods import Period, UnknownPeriod, parse_reported_period, period_in_words
from tuquan.vocabulary.phrases import date_vi, period_vi, phrase
from tuquan.workbook.identity import (
    Printed,
    contradiction,
    contradicts,
    days_of,
    find_area,
    is_certain,
    other_names,
    printed_on,
)
from tuquan.workbook.layout import reason_of_dates
from tuquan.workbook.remarks import quoted, remark
from tuquan.workbook.stamp import Stamp
from tuquan.workbook.submission import Finding
from tuquan.workbook.table import OWN_MARKS, Table, row_of
from tuquan.workbook.words import is_scaled
from tuquan.workbook.written import Sheet


class OwnedSheet:
    """A sheet that holds a form. What is found out about its owner goes to ``claims``, questions to ``findings``."""

    def __init__(
        self, sheet: Sheet, table: Table, properties: Stamp | None, declared_name: str, context: Sequence[str]
    ) -> None:
        self.sheet = sheet
        self.name = quoted(sheet.name)
        self.table = table
        self.stamps = (*table.stamps, *((properties,) if properties else ()))
        self.stamp = self.stamps[0] if self.stamps else None
        self.declared_name = declared_name
        self.file = quoted(declared_name.rsplit("/", 1)[-1])
        self.context = context
        self.claims = self.stamp.properties if self.stamp else {}
        self.findings: list[Finding] = []
        self.is_loadable = True

    def find_owner(self) -> Period | None:
        """Return the period when area and period are known; what contradicts them holds the sheet all the same."""
        if self.stamps and self._stamps_differ():
            return None
        period, area = self._stamped_identity(self.stamp) if self.stamp else self._printed_identity()
        if period is None or area is None:
            return None
        self._compare_with_name(area, period)
        self._refuse_scales()
        return period

    def _stamped_identity(self, stamp: Stamp) -> tuple[Period | None, Area | None]:
        """Return period and area of the stamp, or None where they are not known or do not fit together."""
        form = load_forms().get((stamp.form, stamp.form_version))
        if form is None:
            written = quoted(f"{stamp.form} {stamp.form_version}")
            self._stop("form_is_known", written=written, reason=phrase("reason.form_version", written=written))
            return None, None
        try:
            period = parse_reported_period(stamp.time_period, stamp.calendar)
            _ = period.end
        except UnknownPeriod:
            self._stop("period_is_known", written=quoted(stamp.time_period))
            return None, None
        area = load_register().by_key.get(stamp.area_key)
        if area is None:
            self._stop("area_is_known", written=quoted(stamp.ref_area))
            return period, None
        if not self._is_commune_in_force(area, stamp.ref_area, period):
            return period, None
        self._compare_with_print(area, period)
        return period, area

    def _printed_identity(self) -> tuple[Period | None, Area | None]:
        """Return period and area as the lines above the table tell them, of a form without stamps."""
        form = current_form()
        printed = printed_on(self._lines(), form.calendar)
        self.claims = {"form": form.form, "form_version": form.form_version, "calendar": form.calendar}
        period = self._printed_period(printed)
        if period is None:
            return None, None
        self.claims["time_period"] = period.code
        area = self._printed_area(printed, period)
        if area is None:
            return period, None
        self.claims |= {"area_key": area.area_key, "ref_area": area.ref_area}
        if not self._is_commune_in_force(area, area.ref_area, period):
            return period, None
        for name in other_names(area, printed):
            self._stop("stamps_agree", cell=printed.names[name], written=quoted(name), other_value=area.name_vi)
        told = quoted(f"{area.name_vi} ({area.ref_area}), {period_vi(period)}")
        self._add("form_is_stamped", sheet=self.name, written=told)
        return period, area

    def _printed_period(self, printed: Printed) -> Period | None:
        if len(printed.periods) != 1:
            told = [period_vi(period) for period in printed.periods] or list(printed.unread_periods)
            self._stop("period_is_stated", sheet=self.name, written=quoted("; ".join(told)))
            return None
        period = next(iter(printed.periods))
        for days in printed.days:
            if days != days_of(period):
                written, expected = (
                    phrase("quality.range", low=first, high=last) for first, last in (days, days_of(period))
                )
                self._stop("stamps_agree", written=quoted(written), other_value=expected)
        return period

    def _printed_area(self, printed: Printed, period: Period) -> Area | None:
        register, day, areas = load_register(), period.end, find_area(printed, period.end)
        if not areas:  # a commune that ended inside the period may still report for it
            day, areas = period.start, find_area(printed, period.start)
        told = quoted("; ".join([*printed.codes, *printed.names]))
        if len(areas) == 1 and (areas[0].level != "commune" or is_certain(areas[0], day, printed)):
            return areas[0]
        codes = [written for code in printed.codes for written in (code, padded_code(code))]
        versions = [area for code in codes for area in register.versions(code)]
        if areas or not told:
            self._stop("area_is_stated", sheet=self.name, written=told)
        elif versions and versions[-1].level != "commune":
            self._is_commune_in_force(versions[-1], told, period)
        elif versions:
            self._not_in_force(versions[-1], period)
        else:
            self._stop("area_is_known", written=told)
        return None

    def _is_commune_in_force(self, area: Area, written: str, period: Period) -> bool:
        if area.level != "commune":
            self._stop("area_is_a_commune", written=quoted(written), area=area.name_vi)
        elif area.last_day_within(period.start, period.end) is None:
            self._not_in_force(area, period)
        else:
            return True
        return False

    def _not_in_force(self, area: Area, period: Period) -> None:
        self._stop("area_was_in_force", area=area.name_vi, period=period_vi(period), reason=reason_of_dates(area))

    def _stamps_differ(self) -> bool:
        """Whether two of the stamps claim different things; then what they differ in is not known."""
        other = next((other for other in self.stamps if other != self.stamp), None)
        if other is None:
            return False
        told, claimed = other.properties, self.claims
        self.claims = {name: value for name, value in claimed.items() if told[name] == value}
        differ = [name for name in claimed if name not in self.claims]
        written, expected = (quoted(", ".join(_in_words(stamp, differ))) for stamp in (told, claimed))
        self._stop("stamps_agree", written=written, other_value=expected)
        return True

    def _compare_with_print(self, area: Area, period: Period) -> None:
        """Hold the sheet when its hidden code is not its area's, or when area or period were printed over."""
        if area.ref_area != self.claims["ref_area"]:
            self._stop("stamps_agree", written=quoted(self.claims["ref_area"]), other_value=area.ref_area)
        own = _printed(area, period)
        for place, texts in self._lines():
            if own.issuperset(texts) or not contradicts(printed_on([(place, texts)], period.calendar), area, period):
                continue
            written = next(text for text in texts if text not in own)
            told = f"{area.name_vi} ({area.ref_area}), {period_vi(period)}"
            self._stop("stamps_agree", cell=place, written=quoted(written), other_value=told)

    def _compare_with_name(self, area: Area, period: Period) -> None:
        """Hold the sheet when the name of the file or of a folder claims another area or period."""
        finding = name_contradicts(self.declared_name, self.name, area, period)
        if finding is not None:
            self.findings.append(finding)
            self.is_loadable = False

    def _refuse_scales(self) -> None:
        """Hold a sheet of which a line above the table says that all figures are thousands."""
        for place, texts in self._lines():
            for text in filter(is_scaled, texts):
                self._stop("figures_are_in_units", sheet=self.name, cell=place or None, written=quoted(text))

    def _lines(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the texts of each line above the table, with the place of its first."""
        for text in (*self.context, *self.sheet.lines_above):
            yield "", re.split(r"\s*\t\s*", text)  # two sides of one line, such as the office and the motto
        row, line, place = 0, [], ""
        for address, cell in self.sheet.cells.items():
            at = row_of(address)
            if at >= self.table.head_row:
                break
            if cell.raw_text is None or cell.raw_type == "blank" or cell.raw_text.startswith(OWN_MARKS):
                continue
            if at != row:
                if line:
                    yield place, line
                row, line, place = at, [], cell.cell
            line.append(cell.raw_text)
        if line:
            yield place, line

    def _add(self, check: str, **facts: Any) -> None:
        self.findings.append(remark(check, file=self.file, **facts))

    def _stop(self, check: str, **facts: Any) -> None:
        """Add a finding that keeps the whole sheet from being loaded."""
        self._add(check, **facts)
        self.is_loadable = False


def _in_words(stamp: dict[str, str], fields: Sequence[str]) -> list[str]:
    """Return what a stamp claims in some of its fields: area and period by name, where they are known."""
    values = {name: stamp[name] for name in fields}
    area = load_register().by_key.get(stamp["area_key"])
    if area and "area_key" in values:
        values.pop("ref_area", None)
        values["area_key"] = f"{area.name_vi} ({stamp['ref_area']})"
    if "time_period" in values:
        period = period_in_words(stamp["time_period"])
        values["time_period"] = period_vi(period) if period else stamp["time_period"]
    return list(values.values())


@lru_cache(maxsize=256)
def _printed(area: Area, period: Period) -> frozenset[str]:
    """What the form itself printed above the table, which needs no second look."""
    above = load_register().parents(area, period.end)
    facts = {
        "area": area.name_vi,
        "ref_area": area.ref_area,
        "period": period_vi(period),
        "start": date_vi(period.start),
        "end": date_vi(period.end),
        "receiver": above[0].name_vi if above else area.name_vi,
        "form": current_form().form,
    }
    names = ("reporting_unit", "area_code", "period", "receiving_unit", "code", "legend", "locked")
    lines = [phrase(f"form.{name}", **facts) for name in (*names, "motto", "motto_country")]
    return frozenset([*lines, *(parent.name_vi.upper() for parent in above), current_form().name_vi.upper()])


def name_contradicts(declared_name: str, sheet: str | None, area: Area, period: Period) -> Finding | None:
    """Return what is to be said when the name of the file or of a folder claims another area or period, else None."""
    claimed = contradiction(declared_name, area, period)
    if claimed is None:
        return None
    told = quoted(f"{area.name_vi}, {period_vi(period)}")
    file = quoted(declared_name.rsplit("/", 1)[-1])
    return remark("name_agrees_with_sheet", file=file, sheet=sheet, written=quoted(claimed), other_value=told)
