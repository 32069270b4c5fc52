-- What an office looks at first: for each province and period, and for the country, of what kind
-- the reports are, how much of what was asked is there, and which questions wait for an answer.
{% set states = ["real", "declared_nil", "late", "unchanged_copy", "empty", "held", "missing"] %}
{% set figures = ["asked", "filled", "zero", "held"] %}
{% set questions = ["open_critical", "open_warning", "answered_critical", "answered_warning"] %}
with

    completeness as (select * from {{ ref("completeness") }}),

    reports as (
        select
            province_key,
            calendar,
            time_period,
            count(*) as reports_owed,
            {% for state in states %}
                count(*) filter (state = '{{ state }}') as reports_{{ state }},
            {% endfor %}
            {% for kind in figures %}
                sum(of_counts := cells_{{ kind }}) as figures_{{ kind }}
                {% if not loop.last %}, {% endif %}
            {% endfor %}
        from completeness
        where status <> 'not_owed'
        group by province_key, calendar, time_period
    ),

    flags as (
        select *, case when is_open then 'open_' else 'answered_' end || severity as kind
        from {{ ref("flags") }}
    ),

    -- The province of what is asked about: a commune, or the district of a statement.
    places as (
        select area_key, calendar, time_period, min(province_key) as province_key
        from
            (
                select area_key, calendar, time_period, province_key
                from completeness
                union all
                select district_key as area_key, calendar, time_period, province_key
                from completeness
            )
        where area_key in (select area_key from flags)
        group by area_key, calendar, time_period
    ),

    asked as (
        select
            case
                when flags.area_level = 'province' then flags.area_key else places.province_key
            end as province_key,
            flags.calendar,
            flags.time_period,
            {% for kind in questions %}
                count(*) filter (kind = '{{ kind }}') as questions_{{ kind }}
                {% if not loop.last %}, {% endif %}
            {% endfor %}
        from flags
        left join
            places
            on flags.area_key = places.area_key
            and flags.calendar = places.calendar
            and flags.time_period = places.time_period
        group by all
    ),

    provinces as (
        select
            coalesce(reports.province_key, asked.province_key) as province_key,
            coalesce(reports.calendar, asked.calendar) as calendar,
            coalesce(reports.time_period, asked.time_period) as time_period,
            reports.* exclude (province_key, calendar, time_period),
            asked.* exclude (province_key, calendar, time_period)
        from reports
        full outer join
            asked
            on reports.province_key = asked.province_key
            and reports.calendar = asked.calendar
            and reports.time_period = asked.time_period
    ),

    placed as (
        select
            'province' as area_level,
            provinces.province_key as area_key,
            periods.frequency,
            periods.period_end,
            provinces.*
        from provinces
        inner join
            {{ ref("int_periods") }} as periods
            on provinces.calendar = periods.calendar
            and provinces.time_period = periods.time_period
    ),

    countries as (select * from {{ ref("stg_areas") }} where area_level = 'country'),

    levels as (
        select *
        from placed
        where area_key is not null
        union all
        select placed.* replace('country' as area_level, countries.area_key as area_key)
        from placed
        inner join countries on {{ in_force("countries", "placed.period_end") }}
    ),

    summed as (
        select
            area_level,
            area_key,
            calendar,
            frequency,
            time_period,
            period_end,
            coalesce(sum(of_counts := reports_owed), 0) as reports_owed,
            {% for state in states %}
                coalesce(sum(of_counts := reports_{{ state }}), 0) as reports_{{ state }},
            {% endfor %}
            {% for kind in figures %}
                coalesce(sum(of_counts := figures_{{ kind }}), 0) as figures_{{ kind }},
            {% endfor %}
            {% for kind in questions %}
                coalesce(sum(of_counts := questions_{{ kind }}), 0) as questions_{{ kind }}
                {% if not loop.last %}, {% endif %}
            {% endfor %}
        from levels
        group by area_level, area_key, calendar, frequency, time_period, period_end
    ),

    areas as (select * from {{ ref("stg_areas") }})

select
    areas.ref_area,
    summed.area_key,
    areas.name_vi as area_name_vi,
    summed.area_level,
    summed.calendar,
    summed.frequency,
    summed.time_period,
    summed.period_end,
    cast(summed.reports_owed as integer) as reports_owed,
    {% for state in states %}
        cast(summed.reports_{{ state }} as integer) as reports_{{ state }},
    {% endfor %}
    {% for kind in figures %}
        cast(summed.figures_{{ kind }} as bigint) as figures_{{ kind }},
    {% endfor %}
    cast(
        summed.figures_asked - summed.figures_filled - summed.figures_held as bigint
    ) as figures_missing,
    cast(
        round(
            100
            * (summed.figures_asked - summed.figures_filled - summed.figures_held)
            / nullif(summed.figures_asked, 0),
            4
        ) as decimal(18, 4)
    ) as figures_missing_pct,
    cast(
        round(100 * summed.figures_held / nullif(summed.figures_asked, 0), 4) as decimal(18, 4)
    ) as figures_held_pct,
    {% for kind in questions %}
        cast(summed.questions_{{ kind }} as integer) as questions_{{ kind }}
        {% if not loop.last %}, {% endif %}
    {% endfor %}
from summed
inner join areas on summed.area_key = areas.area_key
