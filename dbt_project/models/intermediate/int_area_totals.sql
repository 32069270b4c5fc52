-- depends_on: {{ ref('int_changed_periods') }}
-- Totals of the communes by the part of a district that lies in one province, for every period and
-- indicator. Districts, provinces and the country are sums of these. Each figure counts once: sums
-- are summed, a rate keeps numerator and denominator of the communes that reported both, a
-- classification counts communes, of a distinct count the bounds are kept. Narrow, because it is
-- long: int_part_totals adds what follows from its keys.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_periods(this, 'is_to_build') }}",
    )
}}
with

    reports as not materialized(
        select * from {{ ref("int_reports") }} where is_counted and {{ of_periods_to_build() }}
    ),

    indicators as (select * from {{ ref("stg_indicators") }}),

    sent as not materialized({{ sent_figures("reports", "period") }}),

    parts as (select * from {{ ref("int_parts") }} where {{ of_periods_to_build() }}),

    asked as (
        select parts.part_key, indicators.indicator
        from parts
        inner join indicators on {{ is_asked("parts", "indicators") }}
    ),

    summed as (select * from {{ ref("int_area_sums") }} where {{ of_periods_to_build() }}),

    classed as (
        select
            part_key,
            indicator,
            max(obs_value) as largest_value,
            cast(count(*) filter (obs_value > 0) as integer) as areas_in_class
        from sent
        where
            indicator
            in (select indicator from indicators where rollup_areas in ('bounds', 'count_true'))
        group by part_key, indicator
    ),

    -- Few cells have no figure and fewer reports lack a cell. What a total includes is told from
    -- them: what came without what is silent.
    thin as (
        select summed.part_key, summed.indicator
        from summed
        inner join parts on summed.part_key = parts.part_key
        where summed.areas_answered < parts.areas_received
    ),

    thin_reports as not materialized(
        select *
        from reports
        where report_number is not null and part_key in (select part_key from thin)
    ),

    sent_in_thin as not materialized({{ sent_figures("thin_reports", "period") }}),

    silent as (
        select
            part_key, report_number, indicator, households, status in ('held', 'refused') as is_held
        from sent
        where obs_value is null
        union all
        select
            thin_reports.part_key,
            thin_reports.report_number,
            thin.indicator,
            thin_reports.households,
            false as is_held
        from thin_reports
        inner join thin on thin_reports.part_key = thin.part_key
        where
            (thin_reports.report_number, thin.indicator)
            not in (select report_number, indicator from sent_in_thin)
    ),

    -- What is divided by what: a figure by a figure, or by the number of the communes themselves.
    ratios as (
        select
            ratios.indicator as ratio,
            ratios.numerator,
            ratios.denominator,
            denominators.rollup_areas = 'register' as is_by_register
        from indicators as ratios
        inner join indicators as denominators on ratios.denominator = denominators.indicator
        where ratios.rollup_areas = 'recompute'
    ),

    -- A ratio is silent where one of its parts is.
    gaps as (
        select
            silent.part_key,
            silent.report_number,
            ratios.ratio,
            ratios.numerator,
            ratios.denominator,
            any_value(silent.households) as households,
            bool_or(silent.is_held) as is_held
        from silent
        inner join ratios on silent.indicator in (ratios.numerator, ratios.denominator)
        group by all
    ),

    -- Of such reports the other part was added, too, and is taken off again: to pair the figures of
    -- all reports would cost more than all the rest.
    gap_reports as not materialized(
        select * from reports where report_number in (select report_number from gaps)
    ),

    sent_beside_gaps as not materialized({{ sent_figures("gap_reports", "period") }}),

    lone_parts as (
        select
            sent.part_key,
            gaps.ratio,
            case when sent.indicator = gaps.numerator then sent.obs_value end as numerator,
            case when sent.indicator = gaps.denominator then sent.obs_value end as denominator
        from sent_beside_gaps as sent
        inner join
            gaps
            on sent.report_number = gaps.report_number
            and sent.indicator in (gaps.numerator, gaps.denominator)
    ),

    unpaired as (
        select
            part_key,
            ratio,
            sum(parts_over_areas := numerator) as numerator,
            sum(parts_over_areas := denominator) as denominator
        from lone_parts
        group by part_key, ratio
    ),

    rated as (
        select
            numerators.part_key,
            ratios.ratio as indicator,
            ratios.is_by_register,
            cast(
                numerators.sum_of_values - coalesce(unpaired.numerator, 0) as decimal(18, 4)
            ) as numerator,
            cast(
                denominators.sum_of_values - coalesce(unpaired.denominator, 0) as decimal(18, 4)
            ) as denominator
        from ratios
        inner join summed as numerators on ratios.numerator = numerators.indicator
        left join
            summed as denominators
            on numerators.part_key = denominators.part_key
            and ratios.denominator = denominators.indicator
        left join
            unpaired on numerators.part_key = unpaired.part_key and ratios.ratio = unpaired.ratio
        where ratios.is_by_register or denominators.indicator is not null
    ),

    silences as (
        select
            part_key,
            indicator,
            cast(count(*) as integer) as areas_silent,
            cast(count(*) filter (is_held) as integer) as areas_held,
            cast(sum(sizes_over_areas := households) as bigint) as households_silent,
            cast(count(households) as integer) as areas_silent_sized
        from
            (
                select part_key, indicator, households, is_held
                from silent
                union all
                select part_key, ratio, households, is_held
                from gaps
            )
        group by part_key, indicator
    ),

    registered as (
        select
            reports.part_key,
            indicators.indicator,
            cast(count(*) as integer) as communes,
            cast(sum(sizes_over_areas := reports.households) as bigint) as households,
            cast(count(reports.households) as integer) as areas_sized
        from reports
        inner join indicators on indicators.rollup_areas = 'register'
        where reports.is_first_form
        group by reports.part_key, indicators.indicator
    ),

    figures as (
        select
            summed.part_key,
            summed.indicator,
            summed.sum_of_values,
            classed.largest_value,
            classed.areas_in_class
        from summed
        inner join indicators on summed.indicator = indicators.indicator
        left join
            classed on summed.part_key = classed.part_key and summed.indicator = classed.indicator
        where indicators.rollup_areas not in ('recompute', 'register')
        union all by name
        select part_key, indicator, numerator, denominator, is_by_register
        from rated
    ),

    covered as (
        select
            figures.*,
            parts.areas_received - coalesce(silences.areas_silent, 0) as areas_included,
            coalesce(silences.areas_held, 0) as areas_held,
            parts.households_received
            - coalesce(silences.households_silent, 0) as households_included,
            parts.areas_received_sized
            - coalesce(silences.areas_silent_sized, 0) as areas_included_sized
        from figures
        inner join parts on figures.part_key = parts.part_key
        left join
            silences
            on figures.part_key = silences.part_key
            and figures.indicator = silences.indicator
    ),

    known as (
        select
            part_key,
            indicator,
            case when areas_included > 0 then sum_of_values end as sum_of_values,
            case when areas_included > 0 then largest_value end as largest_value,
            areas_in_class,
            case when areas_included > 0 then numerator end as numerator,
            case
                when areas_included = 0
                then null
                when is_by_register
                then cast(areas_included as decimal(18, 4))
                else denominator
            end as denominator,
            areas_included,
            areas_held,
            case when areas_included_sized > 0 then households_included end as households_included,
            areas_included_sized
        from covered
        union all by name
        select
            part_key,
            indicator,
            cast(communes as decimal(18, 4)) as sum_of_values,
            communes as areas_included,
            0 as areas_held,
            households as households_included,
            areas_sized as areas_included_sized
        from registered
    ),

    complete as (
        select
            part_key,
            indicator,
            asked.indicator is not null as is_asked,
            known.* exclude (part_key, indicator, areas_included, areas_held),
            coalesce(known.areas_included, 0) as areas_included,
            coalesce(known.areas_held, 0) as areas_held
        from known
        full outer join asked using (part_key, indicator)
    )

select parts.time_period, complete.*
from complete
inner join parts on complete.part_key = parts.part_key
where complete.is_asked or complete.areas_included + complete.areas_held > 0
