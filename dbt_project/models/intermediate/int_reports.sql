-- depends_on: {{ ref('int_reported_periods') }}
-- Every report that is owed or came, with the areas above its commune on the day whose map holds
-- for it: the last day of the period, or the commune's own last day when it ended inside the
-- period. Of such a period either vintage is taken, never both for one territory: a report of a
-- commune that ended counts unless a successor reported too, and then nothing is owed by the
-- successors that did not. Of a commune without known successor the last report counts. Where there
-- are as many rows as reports, numbers are joined and not words.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=[
            "{{ spread_sizes(this) }}",
            "{{ forget_reports(this) }}",
            "{{ sides_as_written() }}",
        ],
        post_hook=["{{ sides_as_estimated() }}", "{{ note_laid_out() }}"],
    )
}}
with recursive

    all_periods as (select * from {{ ref("int_form_periods") }}),

    -- Outside of the closed periods nothing is owed and nothing came.
    periods as (
        select all_periods.*
        from all_periods
        inner join
            {{ ref("int_reported_periods") }} as reported
            on all_periods.form_period = reported.form_period
        where reported.is_closed {% if is_incremental() %} and reported.is_to_lay_out {% endif %}
    ),

    -- Whether anybody is known to have taken over the commune, or a part of it.
    areas as (
        select
            *,
            area_key in (
                select changes.from_key
                from {{ ref("dim_area_changes") }} as changes
                inner join
                    all_periods
                    on changes.event_date > all_periods.period_start
                    and changes.event_date <= all_periods.period_end
            ) as is_handed_over
        from {{ ref("int_areas") }}
    ),

    expected as (
        select {{ report_key("area_number", "form_period") }} as report_key, due_date
        from {{ ref("int_expected_submissions") }}
        {% if is_incremental() %} where is_to_lay_out {% endif %}
    ),

    submissions as not materialized(
        select
            {{ report_key("areas.area_number", "periods.form_period") }} as report_key,
            submissions.*
        from {{ ref("stg_submissions") }} as submissions
        inner join
            periods
            on submissions.time_period = periods.time_period
            and submissions.form = periods.form
        inner join areas on submissions.area_key = areas.area_key
    ),

    current_submissions as (
        select
            report_key,
            report_number,
            submission_id,
            version,
            received_at,
            first_received_at,
            figures_read,
            figures_zero,
            figures_blank,
            figures_held,
            -- As good as the digest, and short.
            case
                when figures_digest is not null then cast(hash(figures_digest) >> 1 as bigint)
            end as figures_digest
        from submissions
        where is_current
    ),

    held_submissions as (
        select distinct report_key from submissions where status = 'held' and not is_loaded
    ),

    ancestors as (
        select areas.area_number, ancestors.*
        from {{ ref("int_area_ancestors") }} as ancestors
        inner join areas on ancestors.area_key = areas.area_key
        where ancestors.ancestor_level in ('district', 'province')
    ),

    districts as (select * from ancestors where ancestor_level = 'district'),

    provinces as (select * from ancestors where ancestor_level = 'province'),

    sizes as (select * from {{ ref("int_commune_sizes") }} where households is not null),

    decided as (
        select distinct ref_area, time_period
        from {{ ref("stg_decisions") }}
        where choice in ('correct', 'return', 'hold')
    ),

    -- In the periods that contain a change: who hands over to whom, through several changes if need
    -- be.
    changes as (
        select periods.form_period, periods.period_start, changes.from_key, changes.to_key
        from {{ ref("dim_area_changes") }} as changes
        inner join
            periods
            on changes.event_date > periods.period_start
            and changes.event_date <= periods.period_end
    ),

    chains as (
        select form_period, period_start, from_key, to_key
        from changes
        union
        select chains.form_period, chains.period_start, chains.from_key, changes.to_key
        from chains
        inner join
            changes on chains.form_period = changes.form_period and chains.to_key = changes.from_key
    ),

    handovers as (
        select
            chains.form_period,
            chains.period_start,
            {{ report_key("befores.area_number", "chains.form_period") }} as from_report,
            {{ report_key("afters.area_number", "chains.form_period") }} as to_report,
            befores.valid_from as before_began,
            afters.valid_from as began
        from chains
        inner join areas as befores on chains.from_key = befores.area_key
        inner join areas as afters on chains.to_key = afters.area_key
    ),

    received_at_change as (
        select report_key
        from current_submissions
        where
            report_key in (
                select from_report
                from handovers
                union all
                select to_report
                from handovers
            )
    ),

    handovers_with_reports as (
        select
            handovers.*,
            befores.report_key is not null as is_before_received,
            afters.report_key is not null as is_after_received
        from handovers
        left join received_at_change as befores on handovers.from_report = befores.report_key
        left join received_at_change as afters on handovers.to_report = afters.report_key
    ),

    old_vintage as (
        select from_report
        from handovers_with_reports
        group by from_report
        having bool_or(is_before_received) and not bool_or(is_after_received)
    ),

    -- Territories of new communes for which the old ones report: all old ones there are asked.
    old_territories as (
        select distinct
            handovers.from_report,
            handovers.to_report,
            handovers.before_began,
            handovers.is_before_received,
            handovers.began,
            handovers.period_start
        from handovers_with_reports as handovers
        where
            not is_after_received
            and handovers.to_report in (
                select others.to_report
                from handovers_with_reports as others
                inner join old_vintage using (from_report)
            )
    ),

    still_asked as (
        select from_report as report_key
        from old_territories
        where
            from_report
            not in (select from_report from handovers_with_reports where is_after_received)
            -- One that began inside the period, too, is asked only for what it sent.
            and (before_began <= period_start or is_before_received)
        group by from_report
    ),

    -- An old vintage has the deadline of those that it stands for.
    deadlines as (
        select handovers.from_report as report_key, min(expected.due_date) as due_date
        from handovers
        inner join expected on handovers.to_report = expected.report_key
        group by handovers.from_report
    ),

    replaced as (
        select distinct to_report as report_key from old_territories where began > period_start
    ),

    -- What only few reports have, so that all of them are joined to it once.
    peculiarities as (
        select
            report_key,
            bool_or(is_held) as is_held,
            bool_or(is_still_asked) as is_still_asked,
            bool_or(is_replaced) as is_replaced,
            min(due_date) as due_date
        from
            (
                select report_key, true as is_held
                from held_submissions
                union all by name
                select report_key, true as is_still_asked
                from still_asked
                union all by name
                select report_key, true as is_replaced
                from replaced
                union all by name
                select report_key, due_date
                from deadlines
            )
        group by report_key
    ),

    owed_or_received as (
        select
            coalesce(current_submissions.report_key, expected.report_key) as report_key,
            expected.report_key is not null as is_expected,
            expected.due_date,
            current_submissions.* exclude (report_key)
        from current_submissions
        full outer join expected on current_submissions.report_key = expected.report_key
    ),

    neither as (
        select report_key
        from peculiarities
        anti join current_submissions using (report_key)
        anti join expected using (report_key)
        where is_held or is_still_asked
    ),

    reports as (
        select *
        from owed_or_received
        union all by name
        select neither.*, false as is_expected
        from neither
    ),

    numbered as (
        select
            reports.* exclude (due_date, is_expected),
            areas.area_number,
            periods.form_period,
            periods.period_end,
            coalesce(areas.valid_to <= periods.period_end, false) as is_area_ended,
            reports.is_expected
            and peculiarities.is_replaced is null
            or peculiarities.is_still_asked is not null as is_owed,
            coalesce(reports.due_date, peculiarities.due_date) as due_date,
            coalesce(peculiarities.is_held, false) as is_held,
            coalesce(peculiarities.is_replaced, false) as is_replaced,
            coalesce(peculiarities.is_still_asked, false) as is_still_asked,
            sizes.households
        from reports
        inner join periods on {{ form_period_of("reports.report_key") }} = periods.form_period
        inner join areas on {{ area_number_of("reports.report_key") }} = areas.area_number
        left join peculiarities on reports.report_key = peculiarities.report_key
        left join
            sizes on areas.area_number = sizes.area_number and periods.period_end = sizes.period_end
    ),

    -- Of a commune with several reports for one period one counts it.
    shared_periods as (
        select periods.time_period
        from periods
        where periods.form_period in (select distinct form_period from numbered)
        group by periods.time_period
        having count(*) > 1
    ),

    first_forms as (
        select numbered.area_number, periods.time_period, min(numbered.form_period) as form_period
        from numbered
        inner join periods on numbered.form_period = periods.form_period
        where periods.time_period in (select time_period from shared_periods)
        group by numbered.area_number, periods.time_period
    ),

    -- A report that does not say itself how large its commune is: last known size before the
    -- period, else the first one after it.
    unsized as (select report_key, area_number, period_end from numbered where households is null),

    sizes_of_unsized as (
        select * from sizes where area_number in (select area_number from unsized)
    ),

    first_sizes as (
        select area_number, arg_min(households, period_end) as households
        from sizes_of_unsized
        group by area_number
    ),

    neighbouring_sizes as (
        select unsized.report_key, coalesce(befores.households, firsts.households) as households
        from unsized
        asof left join
            sizes_of_unsized as befores
            on unsized.area_number = befores.area_number
            and unsized.period_end >= befores.period_end
        left join first_sizes as firsts on unsized.area_number = firsts.area_number
    ),

    -- A commune that ended inside the period lies where its successor lies at the end, so that no
    -- district or province has two rows.
    ended as (
        select
            numbered.report_key,
            areas.area_key,
            areas.area_number,
            periods.period_end,
            least(periods.period_end, areas.valid_to - to_days(1)) as area_day
        from numbered
        inner join areas on numbered.area_number = areas.area_number
        inner join periods on numbered.form_period = periods.form_period
        where numbered.is_area_ended
    ),

    moved as (
        select
            ended.report_key,
            coalesce(
                same_districts.ref_area, new_districts.ref_area, districts.ancestor_area
            ) as district_area,
            coalesce(
                same_districts.area_key, new_districts.area_key, districts.ancestor_key
            ) as district_key,
            coalesce(
                same_provinces.ref_area, new_provinces.ref_area, provinces.ancestor_area
            ) as province_area,
            coalesce(
                same_provinces.area_key, new_provinces.area_key, provinces.ancestor_key
            ) as province_key
        from ended
        inner join
            {{ ref("area_map") }} as area_map
            on ended.area_key = area_map.from_key
            and area_map.position = 1
        left join
            districts
            on ended.area_number = districts.area_number
            and {{ in_force("districts", "ended.area_day") }}
        left join
            provinces
            on ended.area_number = provinces.area_number
            and {{ in_force("provinces", "ended.area_day") }}
        left join
            areas as same_districts
            on districts.ancestor_area = same_districts.ref_area
            and same_districts.area_level = 'district'
            and {{ in_force("same_districts", "ended.period_end") }}
        left join
            areas as new_districts
            on area_map.district_area = new_districts.ref_area
            and new_districts.area_level = 'district'
            and {{ in_force("new_districts", "ended.period_end") }}
        left join
            areas as same_provinces
            on provinces.ancestor_key = same_provinces.area_key
            and {{ in_force("same_provinces", "ended.period_end") }}
        left join
            areas as new_provinces
            on area_map.province_area = new_provinces.ref_area
            and new_provinces.area_level = 'province'
            and {{ in_force("new_provinces", "ended.period_end") }}
    ),

    placed as (
        select
            numbered.*,
            areas.ref_area,
            areas.area_key,
            areas.name_vi as area_name_vi,
            areas.is_handed_over,
            areas.valid_from <= periods.period_end
            and not numbered.is_area_ended as is_area_in_force,
            cast(
                case
                    when numbered.is_area_ended
                    then areas.valid_to - to_days(1)
                    else periods.period_end
                end as date
            ) as area_day,
            periods.form,
            periods.series,
            periods.calendar,
            periods.frequency,
            periods.time_period,
            periods.period_start,
            periods.months
        from numbered
        inner join areas on numbered.area_number = areas.area_number
        inner join periods on numbered.form_period = periods.form_period
    ),

    located as (
        select
            placed.* replace(
                coalesce(placed.households, neighbouring_sizes.households) as households
            ),
            coalesce(moved.district_area, districts.ancestor_area) as district_area,
            coalesce(moved.district_key, districts.ancestor_key) as district_key,
            coalesce(moved.province_area, provinces.ancestor_area) as province_area,
            coalesce(moved.province_key, provinces.ancestor_key) as province_key,
            decided.ref_area is not null and placed.report_number is not null as has_decisions,
            coalesce(first_forms.form_period = placed.form_period, true) as is_first_form
        from placed
        left join
            districts
            on placed.area_number = districts.area_number
            and {{ in_force("districts", "placed.area_day") }}
        left join
            provinces
            on placed.area_number = provinces.area_number
            and {{ in_force("provinces", "placed.area_day") }}
        left join moved on placed.report_key = moved.report_key
        left join neighbouring_sizes on placed.report_key = neighbouring_sizes.report_key
        left join
            decided
            on placed.ref_area = decided.ref_area
            and placed.time_period = decided.time_period
        left join
            first_forms
            on placed.area_number = first_forms.area_number
            and placed.time_period = first_forms.time_period
    )

select
    report_key,
    ref_area,
    area_number,
    area_key,
    area_name_vi,
    district_area,
    district_key,
    province_area,
    province_key,
    form,
    form_period,
    series,
    calendar,
    frequency,
    time_period,
    period_start,
    period_end,
    months,
    area_day,
    is_area_in_force,
    (
        (is_area_in_force and not is_replaced)
        or is_still_asked
        or (
            area_day between period_start and period_end - to_days(1)
            and report_number is not null
            and not is_handed_over
        )
    ) as is_counted,
    is_owed,
    case
        when report_number is not null then 'received' when is_held then 'held' else 'missing'
    end as report_status,
    due_date,
    report_number,
    submission_id,
    version,
    received_at,
    first_received_at,
    coalesce({{ day_in_vietnam("first_received_at") }} > due_date, false) as is_late,
    figures_read,
    figures_zero,
    figures_blank,
    figures_held,
    figures_digest,
    households,
    has_decisions,
    is_first_form,
    -- As good as a number while one version of DuckDB hashes; with another all is built again.
    cast(hash(time_period, form, province_key, district_key) >> 1 as bigint) as part_key
from located
