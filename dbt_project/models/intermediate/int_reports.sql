-- Every report that is owed or came, with the areas above its commune on the day whose map holds
-- for it: the last day of the period, or the commune's own last day when it ended inside the
-- period. Of such a period either vintage is taken, never both for one territory: a report of a
-- commune that ended counts unless a successor reported too, and then nothing is owed by the
-- successors that did not. Of a commune without known successor the last report counts.
with recursive

    expected as (select * from {{ ref("int_expected_submissions") }}),

    submissions as (select * from {{ ref("stg_submissions") }}),

    current_submissions as (select * from submissions where is_current),

    held_submissions as (
        select distinct area_key, form, time_period
        from submissions
        where status = 'held' and not is_loaded
    ),

    areas as (select * from {{ ref("stg_areas") }}),

    ancestors as (select * from {{ ref("int_area_ancestors") }}),

    sizes as (select * from {{ ref("int_commune_sizes") }} where households is not null),

    decided as (
        select distinct ref_area, time_period
        from {{ ref("stg_decisions") }}
        where choice in ('correct', 'return')
    ),

    periods as (
        select forms.form, periods.*
        from {{ ref("int_periods") }} as periods
        inner join {{ ref("stg_forms") }} as forms on periods.calendar = forms.calendar
    ),

    -- In the periods that contain a change: who hands over to whom, through several changes if need
    -- be.
    changes as (
        select
            periods.form,
            periods.time_period,
            periods.period_start,
            changes.from_key,
            changes.to_key
        from {{ ref("dim_area_changes") }} as changes
        inner join
            periods
            on changes.event_date > periods.period_start
            and changes.event_date <= periods.period_end
    ),

    chains as (
        select form, time_period, period_start, from_key, to_key
        from changes
        union
        select chains.form, chains.time_period, chains.period_start, chains.from_key, changes.to_key
        from chains
        inner join
            changes
            on chains.form = changes.form
            and chains.time_period = changes.time_period
            and chains.to_key = changes.from_key
    ),

    handovers as (
        select chains.*, befores.valid_from as before_began, afters.valid_from as began
        from chains
        inner join areas as befores on chains.from_key = befores.area_key
        inner join areas as afters on chains.to_key = afters.area_key
    ),

    handovers_with_reports as (
        select
            handovers.*,
            befores.area_key is not null as is_before_received,
            afters.area_key is not null as is_after_received
        from handovers
        left join
            current_submissions as befores
            on handovers.from_key = befores.area_key
            and handovers.form = befores.form
            and handovers.time_period = befores.time_period
        left join
            current_submissions as afters
            on handovers.to_key = afters.area_key
            and handovers.form = afters.form
            and handovers.time_period = afters.time_period
    ),

    old_vintage as (
        select from_key, form, time_period
        from handovers_with_reports
        group by from_key, form, time_period
        having bool_or(is_before_received) and not bool_or(is_after_received)
    ),

    -- Territories of new communes for which the old ones report: all old ones there are asked.
    old_territories as (
        select distinct
            handovers.from_key,
            handovers.to_key,
            handovers.form,
            handovers.time_period,
            handovers.before_began,
            handovers.is_before_received,
            handovers.began,
            handovers.period_start
        from handovers_with_reports as handovers
        where
            not is_after_received
            and (handovers.to_key, handovers.form, handovers.time_period) in (
                select others.to_key, others.form, others.time_period
                from handovers_with_reports as others
                inner join old_vintage using (from_key, form, time_period)
            )
    ),

    still_asked as (
        select from_key as area_key, form, time_period
        from old_territories
        where
            (from_key, form, time_period) not in (
                select from_key, form, time_period
                from handovers_with_reports
                where is_after_received
            )
            -- One that began inside the period, too, is asked only for what it sent.
            and (before_began <= period_start or is_before_received)
        group by from_key, form, time_period
    ),

    -- An old vintage has the deadline of those that it stands for.
    deadlines as (
        select
            handovers.from_key as area_key,
            handovers.form,
            handovers.time_period,
            min(expected.due_date) as due_date
        from handovers
        inner join
            expected
            on handovers.to_key = expected.area_key
            and handovers.form = expected.form
            and handovers.time_period = expected.time_period
        group by handovers.from_key, handovers.form, handovers.time_period
    ),

    replaced as (
        select distinct to_key as area_key, form, time_period
        from old_territories
        where began > period_start
    ),

    owed_or_received as (
        select
            area_key,
            form,
            time_period,
            expected.form is not null as is_expected,
            expected.due_date,
            current_submissions.report_number
        from expected
        full outer join current_submissions using (area_key, form, time_period)
    ),

    neither as (
        select area_key, form, time_period
        from held_submissions
        union
        select area_key, form, time_period
        from still_asked
    ),

    reports as (
        select *
        from owed_or_received
        union all by name
        select neither.*, false as is_expected
        from neither
        anti join owed_or_received using (area_key, form, time_period)
    ),

    -- Of a commune with several reports for one period one counts it.
    first_forms as (
        select area_key, time_period, min(form) as form
        from reports
        where
            time_period
            in (select time_period from reports group by time_period having min(form) <> max(form))
        group by area_key, time_period
    ),

    dated as (
        select
            areas.ref_area,
            areas.area_key,
            areas.name_vi as area_name_vi,
            reports.is_expected,
            reports.due_date,
            reports.report_number,
            periods.form,
            periods.calendar,
            periods.frequency,
            periods.time_period,
            periods.period_start,
            periods.period_end,
            periods.months,
            {{ in_force("areas", "periods.period_end") }} as is_area_in_force,
            cast(
                least(
                    periods.period_end, coalesce(areas.valid_to - to_days(1), periods.period_end)
                ) as date
            ) as area_day
        from reports
        inner join areas on reports.area_key = areas.area_key
        inner join
            periods on reports.form = periods.form and reports.time_period = periods.time_period
    ),

    -- Last known size at or before the period, else the first one after it.
    sized as (
        select dated.*, coalesce(befores.households, firsts.households) as households
        from dated
        asof left join
            sizes as befores
            on dated.area_key = befores.area_key
            and dated.period_end >= befores.period_end
        left join
            (
                select area_key, arg_min(households, period_end) as households
                from sizes
                group by area_key
            ) as firsts
            on dated.area_key = firsts.area_key
    ),

    located as (
        select
            sized.*,
            districts.ancestor_area as district_area,
            districts.ancestor_key as district_key,
            provinces.ancestor_area as province_area,
            provinces.ancestor_key as province_key,
            area_map.from_key as moved_key,
            area_map.district_area as new_district_area,
            area_map.province_area as new_province_area
        from sized
        left join
            ancestors as districts
            on sized.area_key = districts.area_key
            and districts.ancestor_level = 'district'
            and {{ in_force("districts", "sized.area_day") }}
        left join
            ancestors as provinces
            on sized.area_key = provinces.area_key
            and provinces.ancestor_level = 'province'
            and {{ in_force("provinces", "sized.area_day") }}
        left join
            {{ ref("area_map") }} as area_map
            on case when sized.area_day < sized.period_end then sized.area_key end
            = area_map.from_key
            and area_map.position = 1
    ),

    -- A commune that ended inside the period lies where its successor lies at the end, so that no
    -- district or province has two rows.
    placed as (
        select
            located.* replace(
                coalesce(
                    same_districts.ref_area, new_districts.ref_area, located.district_area
                ) as district_area,
                coalesce(
                    same_districts.area_key, new_districts.area_key, located.district_key
                ) as district_key,
                coalesce(
                    same_provinces.ref_area, new_provinces.ref_area, located.province_area
                ) as province_area,
                coalesce(
                    same_provinces.area_key, new_provinces.area_key, located.province_key
                ) as province_key
            )
        from located
        left join
            areas as same_districts
            on case when located.moved_key is not null then located.district_area end
            = same_districts.ref_area
            and same_districts.area_level = 'district'
            and {{ in_force("same_districts", "located.period_end") }}
        left join
            areas as new_districts
            on located.new_district_area = new_districts.ref_area
            and new_districts.area_level = 'district'
            and {{ in_force("new_districts", "located.period_end") }}
        left join
            areas as same_provinces
            on case when located.moved_key is not null then located.province_key end
            = same_provinces.area_key
            and {{ in_force("same_provinces", "located.period_end") }}
        left join
            areas as new_provinces
            on located.new_province_area = new_provinces.ref_area
            and new_provinces.area_level = 'province'
            and {{ in_force("new_provinces", "located.period_end") }}
    )

select
    placed.ref_area,
    placed.area_key,
    placed.area_name_vi,
    placed.district_area,
    placed.district_key,
    placed.province_area,
    placed.province_key,
    placed.form,
    placed.calendar,
    placed.frequency,
    placed.time_period,
    placed.period_start,
    placed.period_end,
    placed.months,
    placed.area_day,
    placed.is_area_in_force,
    (
        (placed.is_area_in_force and replaced.area_key is null)
        or still_asked.area_key is not null
        or (
            placed.area_day between placed.period_start and placed.period_end - to_days(1)
            and placed.report_number is not null
            and placed.area_key not in (select from_key from handovers)
        )
    ) as is_counted,
    (
        (placed.is_expected and replaced.area_key is null) or still_asked.area_key is not null
    ) as is_owed,
    case
        when placed.report_number is not null
        then 'received'
        when held_submissions.area_key is not null
        then 'held'
        else 'missing'
    end as report_status,
    coalesce(placed.due_date, deadlines.due_date) as due_date,
    placed.report_number,
    current_submissions.submission_id,
    current_submissions.version,
    current_submissions.received_at,
    current_submissions.first_received_at,
    coalesce(
        {{ day_in_vietnam("current_submissions.first_received_at") }}
        > coalesce(placed.due_date, deadlines.due_date),
        false
    ) as is_late,
    current_submissions.figures_read,
    current_submissions.figures_zero,
    current_submissions.figures_blank,
    current_submissions.figures_held,
    current_submissions.figures_digest,
    placed.households,
    decided.ref_area is not null and placed.report_number is not null as has_decisions,
    coalesce(first_forms.form = placed.form, true) as is_first_form,
    -- As good as a number while one version of DuckDB hashes; with another all is built again.
    cast(
        hash(placed.time_period, placed.form, placed.province_key, placed.district_key)
        >> 1 as bigint
    ) as part_key
from placed
left join current_submissions on placed.report_number = current_submissions.report_number
left join
    held_submissions
    on placed.area_key = held_submissions.area_key
    and placed.form = held_submissions.form
    and placed.time_period = held_submissions.time_period
left join
    still_asked
    on placed.area_key = still_asked.area_key
    and placed.form = still_asked.form
    and placed.time_period = still_asked.time_period
left join
    replaced
    on placed.area_key = replaced.area_key
    and placed.form = replaced.form
    and placed.time_period = replaced.time_period
left join
    deadlines
    on placed.area_key = deadlines.area_key
    and placed.form = deadlines.form
    and placed.time_period = deadlines.time_period
left join decided on placed.ref_area = decided.ref_area and placed.time_period = decided.time_period
left join
    first_forms
    on placed.area_key = first_forms.area_key
    and placed.time_period = first_forms.time_period
