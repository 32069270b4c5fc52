"""Blank forms out to the communes, prefilled with area, period and the figures of the period before."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from tuquan import warehouse
from tuquan.vocabulary.areas import COUNTRY, load_register, padded_code
from tuquan.vocabulary.duties import owes_report
from tuquan.vocabulary.forms import Form, current_form, current_forms
from tuquan.vocabulary.periods import Period, parse_reported_period
from tuquan.workbook.template import write_form

_PREVIOUS = """
select area_key, indicator, obs_value from marts.commune_observations
where time_period = ? and obs_value is not null
"""


class UnknownArea(LookupError):
    """There is no commune with this code in the period."""


def write_blank_form(ref_area: str, time_period: str, out_file: Path) -> Path:
    """Write the form of one commune for one period to ``out_file``.

    Raises:
        UnknownPeriod: ``time_period`` is not a period code.
        UnknownArea: no commune has this code on the last day of the period.
    """
    period = parse_reported_period(time_period, current_form().calendar)
    area = load_register().at(padded_code(ref_area), period.end)
    if area is None or area.level != "commune":
        raise UnknownArea(
            f"no commune has the code {ref_area!r} on {period.end}, the last day of {period}; see seeds/areas.csv"
        )
    out_file.parent.mkdir(parents=True, exist_ok=True)
    write_form(out_file, area, period, previous=_previous(period).get(area.area_key, {}))
    return out_file


def write_owed_forms(time_period: str, folder: Path, below: str = COUNTRY) -> list[Path]:
    """Write each form that a commune owes for the period, in a folder for each province or district.

    Args:
        time_period: code of the period, in the calendar of each form.
        folder: where the forms go; made when it is not there.
        below: code of an area of any level; only its communes get forms.

    Raises:
        UnknownPeriod: ``time_period`` is not a period code.
        UnknownArea: no area has the code ``below``, or none of its communes owes a report for the period.
    """
    written = [path for form in current_forms() for path in _write_owed(form, time_period, folder, below)]
    if not written:
        raise UnknownArea(f"no commune of {below} owes a report for {time_period}; see seeds/reporting_duties.csv")
    return written


def _write_owed(form: Form, time_period: str, folder: Path, below: str) -> Iterator[Path]:
    period = parse_reported_period(time_period, form.calendar)
    register = load_register()
    communes = register.communes(below, period.end)
    if not communes:
        raise UnknownArea(
            f"no area has the code {below!r} on {period.end}, the last day of {period}; see seeds/areas.csv"
        )
    owing = [area for area in communes if owes_report(area, form.form, period, register)]
    previous = _previous(period) if owing else {}
    for area in owing:
        above = (f"{parent.ref_area} {parent.name_vi}" for parent in reversed(register.parents(area, period.end)))
        name = f"{form.form} v{form.form_version} {period} {area.ref_area} {area.name_vi}.xlsx"
        target = folder.joinpath(*above, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_form(target, area, period, previous=previous.get(area.area_key, {}), form=form)
        yield target


def _previous(period: Period) -> dict[str, dict[tuple[str, str], Decimal]]:
    """Return the figures of the period before by area_key; none when nothing has been built yet."""
    found: dict[str, dict[tuple[str, str], Decimal]] = {}
    with warehouse.look() as connection:
        if warehouse.has_table(connection, "marts.commune_observations"):
            for area_key, indicator, value in connection.execute(_PREVIOUS, [period.previous.code]).fetchall():
                found.setdefault(area_key, {})[indicator, "period"] = value
    return found
