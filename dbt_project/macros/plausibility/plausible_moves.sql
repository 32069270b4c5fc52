{#
  How far each figure has moved from the level of its area, beyond what everybody has: the level is the one that told
  the indicator's figures best so far.
#}
{% macro plausible_own_moves(look) -%}
    with

        levels as not materialized(select * from {{ ref(look ~ "_look_levels") }}),

        so_far as (
            select
                series_no,
                period_no,
                {{ mean_so_far("error_before") }} as error_before,
                {{ mean_so_far("error_lately") }} as error_lately,
                {{ mean_so_far("error_half") }} as error_half,
                {{ mean_so_far("error_long") }} as error_long
            from {{ ref(look ~ "_look_level_errors") }}
            window so_far as (partition by series_no order by period_no)
        ),

        -- How high a file stands as a whole among its peers: all that is known of an area in its
        -- first period.
        efforts as (
            select line_no, time_period, median(of_logs := place) as effort
            from levels
            where is_judged
            group by line_no, time_period
        ),

        chosen as (
            select
                levels.*,
                sign(coalesce(efforts.effort, 0))
                * greatest(0, abs(coalesce(efforts.effort, 0)) - 0.1) as effort,
                case
                    when levels.periods_before = 0
                    then null
                    when
                        so_far.error_before
                        <= least(so_far.error_lately, so_far.error_half, so_far.error_long)
                        and abs(levels.place_before - levels.place_lately)
                        < 3 * exp(so_far.error_before)
                    then levels.place_before
                    when
                        least(so_far.error_before, so_far.error_lately)
                        <= least(so_far.error_half, so_far.error_long)
                    then coalesce(levels.place_lately, levels.place_long)
                    when so_far.error_half <= so_far.error_long
                    then coalesce(levels.place_half, levels.place_long)
                    else levels.place_long
                end as own_level
            from levels
            left join so_far using (series_no, period_no)
            left join efforts using (line_no, time_period)
        ),

        levelled as (
            select
                * exclude (own_level, place_before, place_lately, place_half, place_long),
                -- The less an area has reported, the more it is expected to be as its file is among
                -- the others.
                case
                    when own_level is null
                    then effort
                    when has_jumped
                    then own_level
                    else (periods_before * own_level + 0.1 * effort) / (periods_before + 0.1)
                end as level
            from chosen
        ),

        everybody as (
            select series_no, period_no, median(of_logs := place - level) as move_of_all
            from levelled
            where is_judged and place is not null
            group by series_no, period_no
        )

    select
        levelled.*,
        levelled.place - levelled.level - coalesce(everybody.move_of_all, 0) as move,
        coalesce(everybody.move_of_all, 0) as move_of_all,
        1 / (exp(levelled.peers_expect + levelled.level) + 0.5) as counting
    from levelled
    left join everybody using (series_no, period_no)
{%- endmacro %}

{#
  How far the figures of an indicator spread in a period. Of a pure count the variance is what is counted; figures that
  stay what they are vary less. Of areas without a history it is known only how unlike areas are.
#}
{% macro plausible_spreads(look) -%}
    with

        moves as (
            select * from {{ ref(look ~ "_look_own_moves") }} where is_judged and place is not null
        ),

        middles as (
            select series_no, period_no, median(of_logs := place - effort) as middle_place
            from moves
            group by series_no, period_no
        ),

        strangers as (
            select
                moves.series_no,
                moves.period_no,
                moves.time_period,
                {{ spread_of("moves.place - moves.effort - middles.middle_place") }} as peer_spread
            from moves
            inner join middles using (series_no, period_no)
            group by moves.series_no, moves.period_no, moves.time_period
        ),

        chances as (
            select
                series_no,
                period_no,
                greatest(
                    0.01, least(1, power({{ upper_spread_of("move / sqrt(counting)") }}, 2))
                ) as chance,
                {{ upper_spread_of("move") }} as spread,
                median(of_logs := counting) as counting
            from moves
            where periods_before > 0
            group by series_no, period_no
        )

    select strangers.*, chances.chance, chances.spread, chances.counting
    from strangers
    left join chances using (series_no, period_no)
{%- endmacro %}

{# How much of each move the district or the whole file has done as well, and the spread that is usual. #}
{% macro plausible_moves(look) -%}
    with

        moved as not materialized(
            select moves.*, kinds.statistical_kind
            from {{ ref(look ~ "_look_own_moves") }} as moves
            inner join {{ ref("plausibility_series") }} as kinds using (series_no)
        ),

        usual as (
            select
                *,
                exp({{ mean_so_far("ln(chance)") }}) as chance_usually,
                sqrt(
                    greatest(
                        0.0001, spread * spread - exp({{ mean_so_far("ln(chance)") }}) * counting
                    )
                ) as spread_now
            from {{ ref(look ~ "_look_spreads") }}
            where chance is not null
            window so_far as (partition by series_no order by period_no)
        ),

        spreads as (
            select
                series_no,
                period_no,
                chance_usually as chance,
                spread_now,
                exp({{ mean_so_far("ln(spread_now)") }}) as spread_usually
            from usual
            window so_far as (partition by series_no order by period_no)
        ),

        strangers as (
            select series_no, period_no, peer_spread from {{ ref(look ~ "_look_spreads") }}
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
