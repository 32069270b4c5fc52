"""Blank forms out to the communes, prefilled with area, period and the figures of the period before."""

from decimal import Decimal
from pathlib import Path

from tuquan import settings, warehouse
from tuquan.vocabulary.areas import Area, load_register, padded_code
from tuquan.vocabulary.duties import owes_report
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import Period, parse_period
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
    period = _period(time_period)
    area = load_register().at(padded_code(ref_area), period.end)
    if area is None or area.level != "commune":
        raise UnknownArea(
            f"no commune has the code {ref_area!r} on {period.end}, the last day of {period}; see seeds/areas.csv"
        )
    out_file.parent.mkdir(parents=True, exist_ok=True)
    write_form(out_file, area, period, previous=_previous(period).get(area.area_key, {}))
    return out_file


def write_owed_forms(time_period: str, folder: Path) -> list[Path]:
    """Write one form for every commune that owes a report for the period, in a folder for each district or province.

    Raises:
        UnknownPeriod: ``time_period`` is not a period code.
        UnknownArea: nobody owes a report for this period.
    """
    period = _period(time_period)
    register = load_register()
    form = current_form()
    owing = [area for area in register.communes("VN", period.end) if owes_report(area, form.form, period, register)]
    if not owing:
        raise UnknownArea(f"nobody owes {form.form} for {period}; see seeds/reporting_duties.csv")
    previous = _previous(period)
    written = []
    for area in owing:
        target = folder.joinpath(*_folders(area, period)) / f"{form.form} {period} {area.ref_area} {area.name_vi}.xlsx"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_form(target, area, period, previous=previous.get(area.area_key, {}))
        written.append(target)
    return written


def _folders(area: Area, period: Period) -> list[str]:
    return [f"{parent.ref_area} {parent.name_vi}" for parent in reversed(load_register().parents(area, period.end))]


def _period(time_period: str) -> Period:
    return parse_period(time_period, current_form().calendar)


def _previous(period: Period) -> dict[str, dict[tuple[str, str], Decimal]]:
    """Return the figures of the period before by area_key; none when nothing has been built yet."""
    found: dict[str, dict[tuple[str, str], Decimal]] = {}
    if settings.load().warehouse_file.exists():
        with warehouse.connect() as connection:
            if warehouse.has_table(connection, "marts.commune_observations"):
                for area_key, indicator, value in connection.execute(_PREVIOUS, [period.previous.code]).fetchall():
                    found.setdefault(area_key, {})[indicator, "period"] = value
    return found
