-- depends_on: {{ ref('int_changed_periods') }}, {{ ref('int_form_periods') }}
-- Totals of the communes by the part of a district that lies in one province, for every period and
-- indicator. Districts, provinces and the country are sums of these. Each figure counts once: sums
-- are summed, a rate keeps numerator and denominator of the communes that reported both, a
-- classification counts communes, of a distinct count the bounds are kept. Narrow, because it is
-- long: int_part_totals adds what follows from its keys.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_form_periods(this, 'is_to_build') }}", "{{ sides_as_written() }}"],
        post_hook="{{ sides_as_estimated() }}",
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
        select periods.form_period, indicators.indicator_number
        from (select distinct form_period, form, months, period_end from parts) as periods
        inner join indicators on {{ is_asked("periods", "indicators") }}
    ),

    summed as (
        select *
        from {{ ref("int_area_sums") }}
        {% if is_incremental() %} where part_key in (select part_key from parts) {% endif %}
    ),

    -- Where something is missing is asked first of whole periods, since nearly all are complete.
    answered as (
        select
            form_period,
            indicator_number,
            count(*) as parts,
            sum(of_counts := areas_answered) as areas_answered
        from summed
        group by form_period, indicator_number
    ),

    received as (
        select form_period, count(*) as parts, sum(of_counts := areas_received) as areas_received
        from parts
        group by form_period
    ),

    thin_periods as (
        select answered.form_period, answered.indicator_number
        from answered
        inner join received on answered.form_period = received.form_period
        where answered.areas_answered < received.areas_received
    ),

    -- Few cells have no figure and fewer reports lack a cell. What a total includes is told from
    -- them: what came without what is silent.
    thin as (
        select summed.part_key, indicators.indicator_number, indicators.indicator
        from summed
        inner join
            thin_periods
            on summed.form_period = thin_periods.form_period
            and summed.indicator_number = thin_periods.indicator_number
        inner join parts on summed.part_key = parts.part_key
        inner join indicators on summed.indicator_number = indicators.indicator_number
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
            sent.part_key,
            sent.report_number,
            indicators.indicator_number,
            sent.households,
            sent.status in ('held', 'refused') as is_held
        from sent
        inner join indicators on sent.indicator = indicators.indicator
        where sent.obs_value is null
        union all
        select
            thin_reports.part_key,
            thin_reports.report_number,
            thin.indicator_number,
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
            ratios.indicator_number as ratio_number,
            ratios.numerator,
            ratios.denominator,
            numerators.indicator_number as numerator_number,
            denominators.indicator_number as denominator_number,
            denominators.rollup_areas = 'register' as is_by_register
        from indicators as ratios
        inner join indicators as numerators on ratios.numerator = numerators.indicator
        inner join indicators as denominators on ratios.denominator = denominators.indicator
        where ratios.rollup_areas = 'recompute'
    ),

    parts_of_ratios as (
        select numerator_number as part_number
        from ratios
        union
        select denominator_number
        from ratios
    ),

    -- A ratio is silent where one of its parts is.
    gaps as (
        select
            silent.part_key,
            silent.report_number,
            ratios.ratio,
            ratios.ratio_number,
            ratios.numerator,
            ratios.denominator,
            any_value(silent.households) as households,
            bool_or(silent.is_held) as is_held
        from silent
        inner join
            ratios
            on silent.indicator_number in (ratios.numerator_number, ratios.denominator_number)
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
        where {{ is_part_of_a_ratio("sent.indicator") }}
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

    divided as (
        select * from summed where indicator_number in (select part_number from parts_of_ratios)
    ),

    rated as (
        select
            numerators.form_period,
            numerators.part_key,
            ratios.ratio_number as indicator_number,
            ratios.is_by_register,
            cast(
                numerators.sum_of_values - coalesce(unpaired.numerator, 0) as decimal(18, 4)
            ) as numerator,
            cast(
                denominators.sum_of_values - coalesce(unpaired.denominator, 0) as decimal(18, 4)
            ) as denominator
        from ratios
        inner join divided as numerators on ratios.numerator_number = numerators.indicator_number
        left join
            divided as denominators
            on numerators.part_key = denominators.part_key
            and ratios.denominator_number = denominators.indicator_number
        left join
            unpaired on numerators.part_key = unpaired.part_key and ratios.ratio = unpaired.ratio
        where ratios.is_by_register or denominators.indicator_number is not null
    ),

    silences as (
        select
            part_key,
            indicator_number,
            cast(count(*) as integer) as areas_silent,
            cast(count(*) filter (is_held) as integer) as areas_held,
            -- A figure again before it is a number: a sum of that width costs more to round.
            cast(
                cast(sum(sizes_over_areas := households) as decimal(18, 4)) as bigint
            ) as households_silent,
            cast(count(households) as integer) as areas_silent_sized
        from
            (
                select part_key, indicator_number, households, is_held
                from silent
                union all
                select part_key, ratio_number, households, is_held
                from gaps
            )
        group by part_key, indicator_number
    ),

    registered as (
        select
            reports.form_period,
            reports.part_key,
            indicators.indicator_number,
            cast(count(*) as integer) as communes,
            cast(sum(sizes_over_areas := reports.households) as bigint) as households,
            cast(count(reports.households) as integer) as areas_sized
        from reports
        inner join indicators on indicators.rollup_areas = 'register'
        where reports.is_first_form
        group by reports.form_period, reports.part_key, indicators.indicator_number
    ),

    figures as (
        select
            summed.form_period,
            summed.part_key,
            summed.indicator_number,
            summed.sum_of_values,
            summed.largest_value,
            -- It is 1 where the commune is in the class, else 0: no other figure is possible.
            case
                when indicators.rollup_areas = 'count_true'
                then cast(coalesce(summed.sum_of_values, 0) as integer)
            end as areas_in_class
        from summed
        inner join indicators on summed.indicator_number = indicators.indicator_number
        where indicators.rollup_areas not in ('recompute', 'register')
        union all by name
        select form_period, part_key, indicator_number, numerator, denominator, is_by_register
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
            and figures.indicator_number = silences.indicator_number
    ),

    known as (
        select
            form_period,
            part_key,
            indicator_number,
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
            form_period,
            part_key,
            indicator_number,
            cast(communes as decimal(18, 4)) as sum_of_values,
            communes as areas_included,
            0 as areas_held,
            households as households_included,
            areas_sized as areas_included_sized
        from registered
    ),

    -- What is asked and nobody of a part has a cell for is looked for where some part has no
    -- total: to lay all of both side by side costs as much as to add them up.
    found as (
        select answered.form_period, answered.indicator_number, answered.parts
        from answered
        inner join indicators on answered.indicator_number = indicators.indicator_number
        where indicators.rollup_areas not in ('recompute', 'register')
        union all
        select form_period, indicator_number, count(*) as parts
        from rated
        group by form_period, indicator_number
        union all
        select form_period, indicator_number, count(*) as parts
        from registered
        group by form_period, indicator_number
    ),

    wanting as (
        select asked.form_period, asked.indicator_number
        from asked
        inner join received on asked.form_period = received.form_period
        left join
            found
            on asked.form_period = found.form_period
            and asked.indicator_number = found.indicator_number
        where coalesce(found.parts, 0) < received.parts
    ),

    keys as (
        select summed.form_period, summed.part_key, summed.indicator_number
        from summed
        inner join indicators on summed.indicator_number = indicators.indicator_number
        where indicators.rollup_areas not in ('recompute', 'register')
        union all
        select form_period, part_key, indicator_number
        from rated
        union all
        select form_period, part_key, indicator_number
        from registered
    ),

    absent as (
        select parts.form_period, parts.part_key, wanting.indicator_number
        from parts
        inner join wanting on parts.form_period = wanting.form_period
        where
            (parts.part_key, wanting.indicator_number) not in (
                select part_key, indicator_number
                from keys
                where (form_period, indicator_number) in (select * from wanting)
            )
    ),

    complete as (
        select known.*, asked.indicator_number is not null as is_asked
        from known
        left join
            asked
            on known.form_period = asked.form_period
            and known.indicator_number = asked.indicator_number
        union all by name
        select absent.*, true as is_asked, 0 as areas_included, 0 as areas_held
        from absent
    )

select
    form_period,
    part_key,
    indicator_number,
    is_asked,
    sum_of_values,
    largest_value,
    areas_in_class,
    numerator,
    denominator,
    households_included,
    areas_included_sized,
    areas_included,
    areas_held
from complete
where is_asked or areas_included + areas_held > 0
