-- depends_on: {{ ref('int_changed_periods') }}
-- The only big sum: communes by the part of a district that lies in one province, for every period
-- and indicator. Districts, provinces and the country are sums of these. Each figure counts once:
-- sums are summed, a rate keeps numerator and denominator of the communes that reported both, a
-- classification counts communes, of a distinct count the bounds are kept. Narrow, because it is
-- long: int_part_totals adds what follows from its keys.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="time_period",
    )
}}
with

    reports as not materialized(
        select *
        from {{ ref("int_reports") }}
        where
            is_counted
            {% if is_incremental() %}
                and time_period
                in (select time_period from {{ ref("int_changed_periods") }} where is_to_build)
            {% endif %}
    ),

    indicators as (select * from {{ ref("stg_indicators") }}),

    sent as not materialized({{ sent_figures("reports", "period") }}),

    parts as (
        select
            part_number,
            any_value(district_key) as district_key,
            any_value(province_key) as province_key,
            any_value(form) as form,
            any_value(time_period) as time_period,
            any_value(period_end) as period_end,
            any_value(months) as months,
            count(*) as areas_expected,
            count(report_number) as areas_received,
            count(*) filter (report_status = 'held') as areas_waiting,
            count(*) filter (is_late) as areas_late,
            sum(sizes_over_areas := households) as households_expected,
            count(households) as areas_expected_sized
        from reports
        group by part_number
    ),

    asked as (
        select parts.part_number, indicators.indicator
        from parts
        inner join indicators on {{ is_asked("parts", "indicators") }}
    ),

    summed as (
        select
            part_number,
            indicator,
            sum(upper_bound_over_areas := obs_value) as sum_of_values,
            max(obs_value) as largest_value,
            count(*) filter (obs_value > 0) as areas_in_class,
            count(obs_value) as areas_included,
            count(*) filter (status in ('held', 'refused')) as areas_held,
            sum(
                sizes_over_areas := case when obs_value is not null then households end
            ) as households_included,
            count(case when obs_value is not null then households end) as areas_included_sized
        from sent
        group by part_number, indicator
    ),

    registered as (
        select
            reports.part_number,
            indicators.indicator,
            count(*) as communes,
            sum(sizes_over_areas := reports.households) as households,
            count(reports.households) as areas_sized
        from reports
        inner join indicators on indicators.rollup_areas = 'register'
        where reports.is_first_form
        group by reports.part_number, indicators.indicator
    ),

    numerators as not materialized(
        select sent.*, indicators.indicator as ratio, indicators.denominator
        from sent
        inner join indicators on sent.indicator = indicators.numerator
    ),

    denominators as not materialized(
        select sent.*, indicators.indicator as ratio
        from sent
        inner join indicators on sent.indicator = indicators.denominator
        where indicators.rollup_areas = 'recompute'
    ),

    pairs as not materialized(
        select
            numerators.part_number,
            numerators.ratio,
            numerators.obs_value as numerator,
            denominators.obs_value as denominator,
            numerators.status in ('held', 'refused')
            or denominators.status in ('held', 'refused') as is_held,
            numerators.households
        from numerators
        inner join
            denominators
            on numerators.report_number = denominators.report_number
            and numerators.ratio = denominators.ratio
        union all
        select
            numerators.part_number,
            numerators.ratio,
            numerators.obs_value as numerator,
            1 as denominator,
            numerators.status in ('held', 'refused') as is_held,
            numerators.households
        from numerators
        inner join
            indicators
            on numerators.denominator = indicators.indicator
            and indicators.rollup_areas = 'register'
    ),

    rated as (
        select
            part_number,
            ratio as indicator,
            sum(parts_over_areas := numerator) filter (denominator is not null) as numerator,
            sum(parts_over_areas := denominator) filter (numerator is not null) as denominator,
            count(numerator + denominator) as areas_included,
            count(*) filter (is_held and (numerator is null or denominator is null)) as areas_held,
            sum(sizes_over_areas := households) filter (
                numerator is not null and denominator is not null
            ) as households_included,
            count(households) filter (
                numerator is not null and denominator is not null
            ) as areas_included_sized
        from pairs
        group by part_number, ratio
    ),

    figures as (
        select
            summed.part_number,
            summed.indicator,
            summed.sum_of_values,
            summed.largest_value,
            summed.areas_in_class,
            null as numerator,
            null as denominator,
            summed.areas_included,
            summed.areas_held,
            summed.households_included,
            summed.areas_included_sized
        from summed
        inner join indicators on summed.indicator = indicators.indicator
        where indicators.rollup_areas not in ('recompute', 'register')
        union all
        select
            part_number,
            indicator,
            null as sum_of_values,
            null as largest_value,
            null as areas_in_class,
            numerator,
            denominator,
            areas_included,
            areas_held,
            households_included,
            areas_included_sized
        from rated
        union all
        select
            part_number,
            indicator,
            communes as sum_of_values,
            1 as largest_value,
            communes as areas_in_class,
            null as numerator,
            null as denominator,
            communes as areas_included,
            0 as areas_held,
            households as households_included,
            areas_sized as areas_included_sized
        from registered
    ),

    complete as (
        select
            part_number,
            indicator,
            asked.indicator is not null as is_asked,
            figures.* exclude (part_number, indicator)
        from figures
        full outer join asked using (part_number, indicator)
    )

select
    parts.form,
    parts.district_key,
    parts.province_key,
    parts.time_period,
    complete.indicator,
    cast(complete.sum_of_values as decimal(18, 4)) as sum_of_values,
    cast(complete.largest_value as decimal(18, 4)) as largest_value,
    cast(complete.areas_in_class as integer) as areas_in_class,
    cast(complete.numerator as decimal(18, 4)) as numerator,
    cast(complete.denominator as decimal(18, 4)) as denominator,
    cast(
        case
            when complete.is_asked
            then parts.areas_expected
            else complete.areas_included + complete.areas_held
        end as integer
    ) as areas_expected,
    cast(
        case
            when complete.is_asked
            then parts.areas_received
            else complete.areas_included + complete.areas_held
        end as integer
    ) as areas_received,
    cast(coalesce(complete.areas_included, 0) as integer) as areas_included,
    cast(
        coalesce(complete.areas_held, 0)
        + case when complete.is_asked then parts.areas_waiting else 0 end as integer
    ) as areas_held,
    cast(case when complete.is_asked then parts.areas_late end as integer) as areas_late,
    cast(
        case
            when complete.is_asked then parts.households_expected else complete.households_included
        end as bigint
    ) as households_expected,
    cast(complete.households_included as bigint) as households_included,
    cast(
        case
            when complete.is_asked
            then parts.areas_expected_sized
            else complete.areas_included_sized
        end as integer
    ) as areas_expected_sized,
    cast(complete.areas_included_sized as integer) as areas_included_sized
from complete
inner join parts on complete.part_number = parts.part_number
where complete.is_asked or complete.areas_included + complete.areas_held > 0
