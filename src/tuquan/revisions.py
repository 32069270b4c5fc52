"""What changed between two releases of one period: every figure, why, and what that does to the totals above it.

Told from what the two releases hold and from the decisions that their manifests name, so anybody can check it. The
effects of the communes on an additive total add up to the difference of that total, exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuquan import candidates, warehouse
from tuquan.vocabulary.phrases import phrase

TABLE = "marts.revisions"
CAUSES = (
    "late_report",
    "held_report_settled",
    "corrected_by_commune",
    "report_withdrawn",
    "confirmed",
    "corrected_by_office",
    "returned",
    "held_by_office",
    "areas_changed",
    "catalogue_changed",
    "rules_changed",
    "several",
    "unexplained",
)
# What of a line of the register or the catalogue can change a figure.
AREA_FACTS = ("valid_from", "valid_to", "parent_area")
INDICATOR_FACTS = (
    *("statistical_kind", "form", "frequency", "numerator", "denominator", "rollup_areas", "rollup_time"),
    *("valid_from", "valid_to"),
)
_CHOICES = {"confirm": "confirmed", "correct": "corrected_by_office", "return": "returned", "hold": "held_by_office"}


@dataclass(frozen=True)
class Side:
    """One of two releases: the attached database with its tables, and what its manifest says about their making."""

    database: str
    revision: int
    decisions: Sequence[Mapping[str, Any]]
    code_version: str
    seeds: Mapping[str, str]


def write_revisions(connection: warehouse.Connection, old: Side, new: Side) -> None:
    """Fill ``marts.revisions`` of ``new`` with what became of the figures of ``old``."""
    for name, query in _steps(connection, old, new).items():
        connection.execute(f"create or replace temp table {name} as {query}")
    connection.executemany(
        "insert into new_decisions values (?, ?, ?, ?)",
        [
            [row["ref_area"], row["indicator"], row["choice"], row["new_value"]]
            for row in _decided_since(old, new)  # in the order in which they were taken
        ]
        or [[None] * 4],
    )
    connection.executemany(
        "insert into cause_names values (?, ?)", [[cause, phrase(f"revision.cause.{cause}")] for cause in CAUSES]
    )
    is_other_rule = (old.code_version, old.seeds) != (new.code_version, new.seeds)
    connection.execute(
        f"insert into {new.database}.{TABLE} by name {_TOLD}",
        {"old": old.revision, "new": new.revision, "is_other_rule": is_other_rule},
    )


def _decided_since(old: Side, new: Side) -> list[Mapping[str, Any]]:
    known = [_decision(row) for row in old.decisions]
    return [row for row in new.decisions if _decision(row) not in known]


def _decision(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A decision as text: one of them comes from the warehouse, the other from a manifest."""
    return tuple(str(row[name]) for name in sorted(row))


def _steps(connection: warehouse.Connection, old: Side, new: Side) -> dict[str, str]:
    """Return the tables to make, in order, before the causes can be told."""
    key = ", ".join(candidates.FIGURE_KEY)
    both = ", ".join(
        f"max({name}) filter (not is_new) as old_{name}, max({name}) filter (is_new) as new_{name}"
        for name in (*candidates.FIGURE_STATE, *candidates.FIGURE_ORIGIN, "area_name_vi")
    )
    changed = " or ".join(f"old_{name} is distinct from new_{name}" for name in candidates.FIGURE_STATE)
    return {
        "changed_figures": f"""
            select * from (
                select {key}, {both}, bool_or(not is_new) as was_there, bool_or(is_new) as is_there
                from (
                    select false as is_new, * from ({candidates.all_levels(connection, old.database)})
                    union all
                    select true as is_new, * from ({candidates.all_levels(connection, new.database)})
                )
                group by {key}
            )
            where {changed} or not was_there or not is_there
        """,
        "changed_areas": _changed_lines(old, new, "dim_areas", "area_key", AREA_FACTS),
        "changed_indicators": _changed_lines(old, new, "dim_indicators", "indicator", INDICATOR_FACTS),
        "rollups": f"""
            select indicator, unit_measure, rollup_areas, numerator, denominator
            from {new.database}.marts.dim_indicators
            union all
            select indicator, unit_measure, rollup_areas, numerator, denominator
            from {old.database}.marts.dim_indicators
            where indicator not in (select indicator from {new.database}.marts.dim_indicators)
        """,
        "new_decisions": (
            "select null::varchar as ref_area, null::varchar as indicator, null::varchar as choice, "
            "null::decimal(18, 4) as new_value where false"
        ),
        "cause_names": "select null::varchar as cause, null::varchar as cause_vi where false",
    }


def _changed_lines(old: Side, new: Side, table: str, key: str, columns: Sequence[str]) -> str:
    """Keys of a dimension whose line is not the same in both, and whether it is missing in one of them."""
    line = f"{key}, struct_pack({', '.join(f'{name} := {name}' for name in columns)})::varchar as line"
    return f"""
        select {key}, count(*) = 1 as is_missing
        from (
            select {line} from {old.database}.marts.{table}
            union all
            select {line} from {new.database}.marts.{table}
        )
        group by {key}
        having count(*) = 1 or count(distinct line) > 1
    """


_TOLD = f"""
with decided as (
    select decisions.ref_area, concerned.indicator, arg_max(decisions.choice, decisions.number) as choice,
        arg_max(decisions.new_value, decisions.number) as new_value
    from (select *, row_number() over () as number from new_decisions where choice is not null) as decisions
    inner join (
        select indicator as decided, indicator from rollups
        union all select numerator, indicator from rollups where numerator is not null
        union all select denominator, indicator from rollups where denominator is not null
    ) as concerned on decisions.indicator = concerned.decided
    group by all
),
weighed as (
    select changed_figures.*, rollups.rollup_areas, decided.choice, decided.new_value as decided_value,
        rollups.unit_measure, changed_areas.area_key is not null as is_area_changed,
        coalesce(changed_areas.is_missing, false) as is_area_gone,
        changed_indicators.indicator is not null as is_line_changed,
        coalesce(changed_indicators.is_missing, false) as is_line_gone,
        case
            when rollups.rollup_areas in ('sum', 'register')
                or rollups.rollup_areas = 'count_true' and level <> 'commune'
            then coalesce(new_obs_value, 0) - coalesce(old_obs_value, 0)
            when rollups.rollup_areas = 'count_true'
            then (coalesce(new_obs_value, 0) > 0)::integer - (coalesce(old_obs_value, 0) > 0)::integer
        end as effect_on_totals,
        case rollups.rollup_areas
            when 'recompute' then 'ratio_is_recomputed' when 'bounds' then 'distinct_count_has_bounds'
        end as no_effect_reason
    from changed_figures
    left join rollups on changed_figures.indicator = rollups.indicator
    left join changed_areas on changed_figures.area_key = changed_areas.area_key
    left join changed_indicators on changed_figures.indicator = changed_indicators.indicator
    left join decided on changed_figures.level = 'commune'
        and changed_figures.ref_area = decided.ref_area and changed_figures.indicator = decided.indicator
),
rules as (
    select *,
        case
            when is_line_gone then 'catalogue_changed'
            when is_area_gone then 'areas_changed'
        end as cause_of_absence,
        case
            when is_area_changed then 'areas_changed'
            when is_line_changed then 'catalogue_changed'
            when $is_other_rule then 'rules_changed'
            else 'unexplained'
        end as cause_of_rules
    from weighed
),
communes as (
    select *,
        case
            when cause_of_absence is not null then cause_of_absence
            when choice = 'correct' and decided_value = new_obs_value then 'corrected_by_office'
            when choice = 'return' and new_value_status = 'held' then 'returned'
            when choice = 'hold' and new_value_status = 'held' then 'held_by_office'
            when old_submission_id is null and new_submission_id is not null and old_value_status = 'held'
            then 'held_report_settled'
            when old_submission_id is null and new_submission_id is not null then 'late_report'
            when old_submission_id is not null and new_submission_id is null then 'report_withdrawn'
            when old_submission_id <> new_submission_id then 'corrected_by_commune'
            {" ".join(f"when choice = '{choice}' then '{cause}'" for choice, cause in _CHOICES.items())}
            else cause_of_rules
        end as cause,
        null::integer as communes_changed
    from rules
    where level = 'commune'
),
homes as (
    select 'district' as level, district_area as ref_area, * exclude (level, ref_area) from communes
    union all by name
    select 'province' as level, province_area as ref_area, * exclude (level, ref_area) from communes
    union all by name
    select 'national' as level, null as ref_area, * exclude (level, ref_area) from communes
),
below as (
    select level, ref_area, indicator, count(*)::integer as communes_changed,
        case when count(distinct cause) = 1 then any_value(cause) else 'several' end as cause
    from homes
    group by all
),
totals as (
    select rules.*,
        coalesce(rules.cause_of_absence, below.cause, rules.cause_of_rules) as cause,
        coalesce(below.communes_changed, 0) as communes_changed
    from rules
    left join below
        on rules.level = below.level
        and (rules.ref_area = below.ref_area or rules.level = 'national')
        and rules.indicator = below.indicator
    where rules.level <> 'commune'
),
told as (
    select * from totals
    union all by name
    select * from communes
)
select level, ref_area, area_key, coalesce(new_area_name_vi, old_area_name_vi) as area_name_vi,
    district_area, province_area, coalesce(new_calendar, old_calendar) as calendar, time_period, indicator,
    unit_measure,
    $old::integer as old_revision, $new::integer as new_revision,
    old_obs_value as old_value, new_obs_value as new_value,
    (new_obs_value - old_obs_value)::decimal(18, 4) as difference,
    old_value_status as old_status, new_value_status as new_status,
    old_numerator, new_numerator, old_denominator, new_denominator,
    old_lower_bound, new_lower_bound, old_upper_bound, new_upper_bound,
    old_areas_included, new_areas_included,
    told.cause, cause_names.cause_vi, communes_changed,
    effect_on_totals::decimal(18, 4) as effect_on_totals, no_effect_reason,
    old_submission_id, new_submission_id, old_version, new_version
from told
left join cause_names on told.cause = cause_names.cause
order by array_position(['national', 'province', 'district', 'commune'], level), {", ".join(candidates.FIGURE_KEY[1:])}
"""
