-- The periods whose figures are compared, and those of them that are compared now: what changed or
-- is asked for, what was not compared yet, and what follows it. What others are compared with is
-- kept from build to build, of the newest periods figure by figure; where that does not reach back
-- far enough, or an area begins that others went into, all periods of the frequency are compared
-- anew. Until the last of the models of plausibility is built they stay to be compared.
--
-- Memory holds some figures at a time, so of what is compared now the oldest periods are in hand
-- first; the build then takes the next ones, and until all are compared nothing is forgotten.
{{
    config(
        materialized="incremental",
        incremental_strategy="delete+insert",
        unique_key="time_period",
        post_hook="{{ take_in_hand(this) }}",
    )
}}
{%- set looked_back = 12 %}
with

    periods as (
        select
            changed.time_period,
            any_value(periods.frequency) as frequency,
            max(periods.sort) as sort,
            any_value(changed.is_to_judge) as is_to_judge,
            any_value(changed.is_to_judge or changed.is_to_build) as is_changed
        from {{ ref("int_changed_periods") }} as changed
        inner join {{ ref("int_periods") }} as periods on changed.time_period = periods.time_period
        group by changed.time_period
    ),

    sizes as (
        select time_period, sum(of_counts := figures_read) as figures
        from {{ ref("int_reports") }}
        where is_counted
        group by time_period
    ),

    placed as (
        select *, row_number() over (partition by frequency order by sort desc) as newest_first
        from periods
    ),

    -- A period that is judged late has some before it to be compared with.
    reached as (
        select
            *,
            max(newest_first) filter (where is_to_judge) over (
                partition by frequency
            ) as oldest_judged
        from placed
    ),

    compared as (
        select
            *,
            {{ threshold("judged_periods") }} > 0
            and newest_first <= greatest(
                {{ threshold("judged_periods") }},
                oldest_judged + least({{ threshold("judged_periods") }} - 1, {{ looked_back }})
            ) as is_compared
        from reached
    ),

    asked as (
        select
            compared.*,
            {% if is_incremental() -%}
                compared.is_changed
                or before.time_period is null
                or before.is_fresh
                or not before.is_compared as is_asked
            {%- else -%} true as is_asked
            {%- endif %}
        from compared
        {% if is_incremental() -%}
            left join {{ this }} as before on compared.time_period = before.time_period
        {%- endif %}
    ),

    spread as (
        select
            *,
            max(newest_first) filter (where is_compared and is_asked) over (
                partition by frequency
            ) as oldest_asked,
            exists (
                select 1 from {{ ref("plausibility_lines") }} where is_new and from_month >= 0
            ) as has_new_lines
        from asked
    ),

    fresh as (
        select
            spread.*,
            cast(coalesce(sizes.figures, 0) as bigint) as figures,
            is_compared
            and oldest_asked is not null
            and (
                newest_first <= oldest_asked
                or oldest_asked > {{ looked_back }} + 1
                or has_new_lines
            ) as is_fresh
        from spread
        left join sizes on spread.time_period = sizes.time_period
    )

select
    time_period,
    sort,
    figures,
    is_to_judge and is_compared as is_to_judge,
    is_compared,
    is_fresh,
    false as is_in_hand,
    is_compared
    and (
        newest_first <= 2 * {{ looked_back }} + 1
        or sum(of_counts := figures) filter (is_fresh) over () > {{ threshold("judged_at_once") }}
    ) as is_remembered
from fresh
