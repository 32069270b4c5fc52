{#
  What all areas reported for an indicator in a period: the middle, and whether it goes with the number of households.
  What everybody does in a month (season, campaign, new definition) is in the middle and surprises nobody.
#}
{% macro plausible_peers(look) -%}
    with

        figures as (select * from {{ ref("plausibility_figures") }} where is_judged),

        amounts as (
            select series_no, period_no, median(of_logs := log_amount) as usual_if_any
            from figures
            where amount > 0
            group by series_no, period_no
        ),

        -- Where figures are large, a zero says that nothing took place, and tells nothing of how
        -- much there is when it does.
        kinds as (
            select
                series_no,
                period_no,
                sum(of_counts := usual_if_any) over (partition by series_no order by period_no)
                > ln(4) * count(*) over (partition by series_no order by period_no) as zeros_apart
            from amounts
        ),

        known as (
            select figures.*, coalesce(kinds.zeros_apart, false) as zeros_apart
            from figures
            left join kinds using (series_no, period_no)
            where
                figures.amount > 0
                or (figures.amount = 0 and not coalesce(kinds.zeros_apart, false))
        ),

        middles as (
            select
                series_no,
                period_no,
                median(of_logs := log_amount) as middle,
                median(of_logs := log_amount - log_size) as middle_per_size,
                count(*) as areas
            from known
            group by series_no, period_no
        ),

        spreads as (
            select
                known.series_no,
                known.period_no,
                bool_or(known.zeros_apart) as zeros_apart,
                any_value(middles.middle) as middle,
                any_value(middles.middle_per_size) as middle_per_size,
                any_value(middles.areas) as areas,
                {{ spread_of("known.log_amount - middles.middle") }} as spread,
                {{ spread_of("known.log_amount - known.log_size - middles.middle_per_size") }}
                as spread_per_size
            from known
            inner join middles using (series_no, period_no)
            group by known.series_no, known.period_no
        ),

        so_far as (
            select
                *,
                sum(of_counts := ln((spread_per_size + 0.02) / (spread + 0.02))) over (
                    partition by series_no order by period_no
                ) as worse_per_size
            from spreads
        )

    select
        series_no,
        period_no,
        areas,
        zeros_apart,
        case when worse_per_size < 0 then 1 else 0 end as size_weight,
        case when worse_per_size < 0 then middle_per_size else middle end as middle
    from so_far
{%- endmacro %}
