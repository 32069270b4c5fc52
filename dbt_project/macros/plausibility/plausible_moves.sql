{#
  How far each figure has moved from the level of its area, and how much of that everybody, the district or the whole
  file has done as well.
#}
{% macro plausible_moves(look) -%}
    with

        levels as (select * from {{ ref(look ~ "_look_levels") }}),

        everybody as (
            select series_no, period_no, median(of_logs := place - level) as move_of_all
            from levels
            where is_judged and place is not null
            group by series_no, period_no
        ),

        moved as (
            select
                levels.*,
                kinds.statistical_kind,
                levels.place - levels.level - coalesce(everybody.move_of_all, 0) as move,
                coalesce(everybody.move_of_all, 0) as move_of_all,
                1 / (
                    exp(levels.middle + levels.size_weight * levels.log_size + levels.level) + 0.5
                ) as counting
            from levels
            left join everybody using (series_no, period_no)
            left join {{ ref("plausibility_series") }} as kinds using (series_no)
        ),

        -- Of a pure count the variance is what is counted; figures that stay what they are vary
        -- less.
        chances as (
            select
                series_no,
                period_no,
                greatest(
                    0.01, least(1, power({{ upper_spread_of("move / sqrt(counting)") }}, 2))
                ) as chance,
                {{ upper_spread_of("move") }} as spread,
                median(of_logs := counting) as counting
            from moved
            where is_judged and place is not null and periods_before > 0
            group by series_no, period_no
        ),

        -- Of areas without a history it is known only how unlike areas are.
        strangers as (
            select
                moved.series_no,
                moved.period_no,
                {{ spread_of("moved.place - moved.effort - middles.middle_place") }} as peer_spread
            from moved
            inner join
                (
                    select series_no, period_no, median(of_logs := place - effort) as middle_place
                    from moved
                    where is_judged
                    group by series_no, period_no
                ) as middles using (series_no, period_no)
            where moved.is_judged and moved.place is not null
            group by moved.series_no, moved.period_no
        ),

        usual as (
            select
                *,
                exp(
                    sum(of_counts := ln(chance)) over so_far / count(*) over so_far
                ) as chance_usually
            from chances
            window so_far as (partition by series_no order by period_no)
        ),

        spreads as (
            select
                series_no,
                period_no,
                chance_usually as chance,
                sqrt(greatest(0.0001, spread * spread - chance_usually * counting)) as spread_now,
                exp(
                    sum(
                        of_counts
                        := ln(sqrt(greatest(0.0001, spread * spread - chance_usually * counting)))
                    ) over so_far
                    / count(*) over so_far
                ) as spread_usually
            from usual
            window so_far as (partition by series_no order by period_no)
        ),

        districts as (
            select
                moved.series_no,
                moved.period_no,
                moved.district_no,
                {{
                    shared_move(
                        "median(of_logs := moved.move)",
                        "sqrt(any_value(spreads.spread_usually) * any_value(spreads.spread_usually) + any_value(spreads.chance) * median(of_logs := moved.counting))",
                        "count(*)",
                    )
                }}
                as move_of_district
            from moved
            inner join spreads using (series_no, period_no)
            where moved.is_judged and moved.place is not null
            group by moved.series_no, moved.period_no, moved.district_no
            having count(*) >= 4
        ),

        files as (
            select
                moved.line_no,
                moved.period_no,
                moved.time_period,
                moved.statistical_kind,
                median(of_logs := moved.move) as whole_move,
                {{
                    shared_move(
                        "median(of_logs := moved.move)",
                        "median(of_logs := sqrt(spreads.spread_usually * spreads.spread_usually + spreads.chance * moved.counting))",
                        "count(*)",
                    )
                }}
                as move_of_file
            from moved
            inner join spreads using (series_no, period_no)
            where moved.periods_before >= 1 and moved.place is not null and moved.is_judged
            group by moved.line_no, moved.period_no, moved.time_period, moved.statistical_kind
            having count(*) >= 3
        ),

        -- Files are filled with more or less effort, but none moves ten times as far as others do.
        efforts as (
            select time_period, statistical_kind, {{ spread_of("whole_move") }} as usual_move
            from files
            group by time_period, statistical_kind
        )

    select
        moved.*,
        coalesce(districts.move_of_district, 0) as move_of_district,
        -- A little beyond it is a large effort, and far beyond it a mistake.
        case
            when abs(files.move_of_file) > 2 * (4 * efforts.usual_move + 0.02)
            then 0
            else
                greatest(
                    -4 * efforts.usual_move - 0.02,
                    least(4 * efforts.usual_move + 0.02, coalesce(files.move_of_file, 0))
                )
        end as move_of_file,
        case when moved.periods_before = 0 then 1 else coalesce(spreads.chance, 1) end as chance,
        greatest(coalesce(strangers.peer_spread, 1), 0.3) as peer_spread,
        case
            when moved.periods_before = 0
            then greatest(strangers.peer_spread, 0.15)
            else coalesce(greatest(spreads.spread_now, spreads.spread_usually), 1)
        end as pooled_spread
    from moved
    left join districts using (series_no, period_no, district_no)
    left join files using (line_no, time_period, statistical_kind)
    left join efforts using (time_period, statistical_kind)
    left join spreads using (series_no, period_no)
    left join strangers using (series_no, period_no)
{%- endmacro %}
