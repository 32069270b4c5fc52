"""Ten years of a whole country, laid straight into a working warehouse as `tuquan collect` would have left it.

The communes are those of the middle of 2021, all 10,603, and they stay in force for the whole history; then today's
map follows at once, over the real changes since. All of it is moved two years later, so that ten years fit into the
periods that the warehouse knows. The form has 60 rows, all of them monthly, of the kinds that the real one has.

Figures are those of the simulation for one month, so the relations between them hold: stocks stay, and the flows of a
commune move up and down together. One report in two has a blank, one in a thousand a doubtful figure, and as many as
are asked for one that is ten times too large.
"""

import csv
import shutil
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb

from tuquan import settings, warehouse
from tuquan.simulate import illustrate
from tuquan.vocabulary.areas import COUNTRY, load_register
from tuquan.vocabulary.catalogue import load_catalogue
from tuquan.vocabulary.forms import current_form
from tuquan.vocabulary.periods import Period, parse_period
from tuquan.vocabulary.seeds import read_seed

INDICATORS = 60  # on the form
BEGIN, CHANGE = "2015-01-01", "2027-07-01"  # the old map holds in between, then the new one
OLD_MAP_OF, NEW_MAP_OF = "2021-07-01", "2025-07-01"
LAST_MONTH, ONE_MORE = "2027-M05", "2027-M06"  # of a history, and what comes after it, still on the old map

_AREAS = f"""
with old as (select * from areas where valid_from <= '{OLD_MAP_OF}' and coalesce(valid_to, '9999') > '{OLD_MAP_OF}'),
    new as (select * from areas where valid_from <= '{NEW_MAP_OF}' and coalesce(valid_to, '9999') > '{NEW_MAP_OF}')
select * replace ('{BEGIN}' as valid_from, case when level <> 'country' then '{CHANGE}' end as valid_to) from old
union all by name
select * replace ('{CHANGE}' as valid_from, cast(null as varchar) as valid_to) from new where level <> 'country'
order by level, area_key
"""
# Whatever became of a commune until July 2025 is one change; the shares along a way are multiplied.
_CHANGES = f"""
with recursive ways as (
    select area_key as from_key, area_key as to_key, cast(1 as double) as share
    from history_areas where level = 'commune' and valid_from = '{BEGIN}'
    union all
    select ways.from_key, changes.to_key, ways.share * cast(changes.share as double)
    from ways inner join area_changes as changes on ways.to_key = changes.from_key
    where changes.event_date > '{OLD_MAP_OF}' and changes.event_date <= '{NEW_MAP_OF}'
        and changes.from_key <> changes.to_key and cast(changes.share as double) > 0
)
select '{CHANGE}' as event_date, old.ref_area as from_area, ways.from_key, new.ref_area as to_area, ways.to_key,
    case when sum(ways.share) = 1 then 'whole' else 'part' end as relation,
    cast(cast(sum(ways.share) as decimal(9, 6)) as varchar) as share,
    case when sum(ways.share) = 1 then 'only_successor' else 'equal_split_estimate' end as share_basis
from ways
inner join history_areas as old on ways.from_key = old.area_key
inner join history_areas as new on ways.to_key = new.area_key and new.valid_from = '{CHANGE}'
group by all order by all
"""
# One report a commune. `chance` decides what is odd about it, and how much happened in that month.
_REPORTS = """
create or replace temp table reports as
select
    sha256(communes.area_key || $time_period) as sha256,
    substr(sha256, 1, 16) || '-1' as submission_id,
    $first_number + communes.number as report_number,
    communes.*,
    $time_period as time_period,
    $received_at as received_at,
    hash(communes.area_key, $time_period) as chance,
    case when chance % 2 = 0 then chance // 8 % $indicators end as blank_row,
    case when chance % 1000 = 1 then chance // 8 % $indicators end as held_row,
    case when chance // 8 % 100 < $wrong_per_100 then chance // 1024 % $indicators end as wrong_row,
    0.8 + 0.2 * (chance // 1024 % 1001) / 1000 as activity
from communes
order by communes.number
"""
_TABLES = {
    "raw.arrivals": """
        select
            report_number as arrival_id,
            'folder' as channel,
            ref_area || ' ' || name_vi || '.xlsx' as declared_name,
            sha256,
            16000 as size_bytes,
            received_at,
            'tq01_xlsx' as file_format,
            'raw' as stored_in,
            'accepted' as status
        from reports
    """,
    "raw.submissions": """
        select
            submission_id,
            report_number as arrival_id,
            report_number,
            'Biểu' as sheet,
            $form as form,
            $form_version as form_version,
            $calendar as calendar,
            ref_area,
            area_key,
            time_period,
            1 as version,
            'accepted' as status,
            true as is_loaded,
            received_at as loaded_at,
            $indicators - count(*) filter (row in (blank_row, held_row)) as figures_read,
            count(*) filter (usual_value = 0 and row not in (ifnull(blank_row, -1), ifnull(held_row, -1)))
                as figures_zero,
            count(*) filter (row = blank_row) as figures_blank,
            count(*) filter (row = held_row) as figures_held,
            sha256 as figures_digest
        from reports
        inner join figures using (number)
        group by all
        order by report_number
    """,
    "raw.cells": """
        select
            submission_id,
            report_number,
            'Biểu' as sheet,
            'D' || (14 + row) as cell,
            indicator,
            'period' as measure,
            case row when blank_row then null when held_row then '~' || value else cast(value as varchar) end
                as raw_text,
            case row when blank_row then 'blank' when held_row then 'text' else 'number' end as raw_type,
            'General' as number_format,
            false as is_formula,
            false as is_hidden,
            false as is_merged,
            case row when blank_row then null when held_row then null else value end as obs_value,
            case row when blank_row then 'blank' when held_row then 'words' else 'number_cell' end as reading_rule,
            case row when blank_row then 'blank' when held_row then 'held' else 'read' end as status,
            true as stands
        from (
            select
                *,
                cast(
                    case when is_flow then round(usual_value * activity) else usual_value end
                    * case row when wrong_row then 10 else 1 end as bigint
                ) as value
            from figures
            inner join reports using (number)
        )
    """,
}


def write_seeds(folder: Path, indicators: int = INDICATORS, *, is_judged: bool = False) -> None:
    """Write the seeds of the history into ``folder``: the real ones with another map, form and duty.

    Judging how likely each figure is has benches of its own (benchmarks/plausibility); the minimum does not do it.
    """
    real = settings.load().seeds
    shutil.copytree(real, folder)
    rows = read_seed("indicators", real)
    for row in rows:
        row |= {"frequency": "month", "valid_from": "", "valid_to": ""}
    asked = [row for row in rows if row["form"]]
    for number in range(1, indicators - len(asked) + 1):  # the form grows by copies of its last lines
        order = int(asked[-1]["form_order"]) + 10 * number
        rows.append(asked[-number] | {"indicator": f"one_more_{number}", "form_order": str(order)})
    _write_csv(folder / "indicators.csv", rows)
    duty = next(row for row in read_seed("reporting_duties", real) if row["ref_area"] == COUNTRY)
    _write_csv(folder / "reporting_duties.csv", [duty | {"frequency": "month", "valid_from": BEGIN, "valid_to": ""}])
    if not is_judged:
        thresholds = [
            row | {"value": "0"} if row["threshold"] == "judged_periods" else row
            for row in read_seed("thresholds", real)
        ]
        _write_csv(folder / "thresholds.csv", thresholds)
    with duckdb.connect() as connection:
        for name in ("areas", "area_changes", "area_groups"):
            connection.execute(f"create table {name} as from read_csv('{real / name}.csv', all_varchar = true)")
        connection.execute(f"create table history_areas as {_AREAS}")
        queries = {
            "areas": "from history_areas",
            "area_changes": f"(from area_changes limit 0) union all by name ({_CHANGES})",
            "area_groups": "select area_groups.* exclude (valid_from, valid_to), history_areas.valid_from, "
            "history_areas.valid_to from area_groups inner join history_areas using (area_key)",
        }
        for name, query in queries.items():
            connection.execute(f"copy ({query}) to '{folder / name}.csv' (header)")


def write_seeds_of_today(
    folder: Path, first_day: date, indicators: int = INDICATORS, *, is_judged: bool = False
) -> None:
    """Write the same seeds with the real map, and reports that are owed from ``first_day`` on alone."""
    real = settings.load().seeds
    write_seeds(folder, indicators, is_judged=is_judged)
    for name in ("areas", "area_changes", "area_groups"):
        (folder / f"{name}.csv").write_bytes((real / f"{name}.csv").read_bytes())
    duties = (folder / "reporting_duties.csv").read_text(encoding="utf-8")
    (folder / "reporting_duties.csv").write_text(duties.replace(BEGIN, f"{first_day}"), encoding="utf-8")


def write_history(last: str, months: int, wrong_per_100: int = 0) -> None:
    """Lay the reports of ``months`` months up to ``last`` into the warehouse, all but ``last`` as released.

    Seeds and warehouse are those of the environment. Called for a history and again for what comes after it.
    """
    form = current_form()
    periods = [parse_period(last, form.calendar)]
    while len(periods) < months:
        periods.insert(0, periods[0].previous)
    with warehouse.connect() as connection:
        communes, rows = _lay_out_figures(connection, periods[-1])
        (before,) = connection.execute("select count(*) from raw.submissions").fetchone()
        for number, period in enumerate(periods):
            values = {
                "time_period": period.code,
                "received_at": datetime.combine(period.end, time(2)) + timedelta(days=3),
                "first_number": before + number * communes,
                "indicators": rows,
                "wrong_per_100": wrong_per_100,
                "form": form.form,
                "form_version": form.form_version,
                "calendar": form.calendar,
            }
            _execute(connection, _REPORTS, values)
            with warehouse.transaction(connection):
                for table, query in _TABLES.items():
                    _execute(connection, f"insert into {table} by name {query}", values)
                if period.code != last:
                    connection.execute(
                        "insert into meta.releases by name select $code as time_period, 1 as revision, '' as digest, "
                        "'' as content_digest, '' as approver, $end + interval 20 days as released_at",
                        {"code": period.code, "end": period.end},
                    )


def _lay_out_figures(connection: warehouse.Connection, period: Period) -> tuple[int, int]:
    """Make temporary tables of the communes and of what each usually has in each row; return how many there are."""
    communes = load_register().communes(COUNTRY, period.end)
    usual = illustrate(communes, period)
    items = load_catalogue().on_form(current_form().form, period)
    movements = {row["inflow"]: row["outflow"] for row in read_seed("indicators") if row["inflow"]}
    connection.execute("create or replace temp table communes (number int, ref_area text, area_key text, name_vi text)")
    connection.execute(
        "create or replace temp table figures (number int, row int, indicator text, is_flow boolean, usual_value int)"
    )
    warehouse.append(
        connection,
        "communes",
        (
            {"number": number, "ref_area": area.ref_area, "area_key": area.area_key, "name_vi": area.name_vi}
            for number, area in enumerate(communes, start=1)
        ),
    )
    warehouse.append(
        connection,
        "figures",
        (
            # As many come as go, so that a stock that stays follows from its movements.
            {"number": number, "row": row, "indicator": item.indicator, "is_flow": item.is_flow,
             "usual_value": usual[area.area_key][movements.get(item.indicator, item.indicator)]}
            for number, area in enumerate(communes, start=1)
            for row, item in enumerate(items)
        ),
    )  # fmt: skip
    return len(communes), len(items)


def _execute(connection: warehouse.Connection, statement: str, values: Mapping[str, object]) -> None:
    """Run a statement with those of ``values`` that it names."""
    connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})


def _write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
