{# What the level of each area lets expect, and what its driver or whole does. #}
{% macro plausible_comparisons(look) -%}
    with

        moves as not materialized(
            select *, move - move_of_district - move_of_file as level_move
            from {{ ref(look ~ "_look_moves") }}
        ),

        drivers as (
            select
                figures.line_no,
                figures.series_no,
                figures.period_no,
                figures.driver_amount,
                figures.driver_log,
                drivers.level_move as driver_move
            from {{ ref("plausibility_context") }} as figures
            inner join
                moves as drivers
                on figures.line_no = drivers.line_no
                and figures.driver_no = drivers.series_no
                and figures.time_period = drivers.time_period
        ),

        ratios_of_all as (
            select
                series_no,
                period_no,
                median(of_logs := ratio) as ratio_of_all,
                coalesce(median(of_logs := ratio - own_ratio), 0) as ratio_move
            from moves
            where is_judged and ratio is not null
            group by series_no, period_no
        )

    select
        moves.* exclude (level, move, move_of_all, move_of_district, own_ratio, ratios_before),
        drivers.driver_move,
        moves.peers_expect
        + moves.level
        + moves.move_of_all
        + moves.move_of_district
        + moves.move_of_file as level_expected,
        case
            when drivers.driver_amount > 0
            then
                drivers.driver_log + case
                    when moves.own_ratio is null
                    then ratios_of_all.ratio_of_all
                    when moves.has_jumped
                    then moves.own_ratio + ratios_of_all.ratio_move
                    else
                        (
                            moves.ratios_before * (moves.own_ratio + ratios_of_all.ratio_move)
                            + 0.1 * ratios_of_all.ratio_of_all
                        )
                        / (moves.ratios_before + 0.1)
                end
        end as driver_expected
    from moves
    left join drivers using (line_no, series_no, period_no)
    left join ratios_of_all using (series_no, period_no)
{%- endmacro %}

{# How well drivers and levels told the figures of an indicator in a period. #}
{% macro plausible_driver_errors(look) -%}
    with

        compared as (
            select comparisons.*, figures.log_amount - comparisons.driver_expected as driver_stray
            from {{ ref(look ~ "_look_comparisons") }} as comparisons
            inner join
                {{ ref("plausibility_context") }} as figures using (line_no, series_no, period_no)
            where comparisons.ratio is not null and figures.is_judged
        )

    select
        series_no,
        period_no,
        any_value(time_period) as time_period,
        {{ spread_of("driver_stray") }} as driver_error,
        {{ spread_of("level_move") }} as level_error,
        {{ upper_spread_of("driver_stray") }} as driver_spread
    from compared
    group by series_no, period_no
{%- endmacro %}

{# How far each figure strays from what its level lets expect or its driver, whichever told the indicator's figures better so far. #}
{% macro plausible_strays(look) -%}
    with

        so_far as (
            select
                series_no,
                period_no,
                sum(of_counts := ln((driver_error + 0.002) / (level_error + 0.002))) over so_far
                as driver_worse,
                exp({{ mean_so_far("ln(driver_spread + 0.002)") }}) as driver_spread
            from {{ ref(look ~ "_look_driver_errors") }}
            window so_far as (partition by series_no order by period_no)
        ),

        told as (
            select
                comparisons.*,
                figures.log_amount,
                so_far.driver_spread,
                comparisons.driver_expected is not null
                and so_far.driver_worse < 0
                and abs(coalesce(comparisons.driver_move, 0)) < 1.5
                and abs(comparisons.driver_move)
                < abs(coalesce(comparisons.level_move, 0)) + 0.3 as by_driver
            from {{ ref(look ~ "_look_comparisons") }} as comparisons
            inner join
                {{ ref("plausibility_context") }} as figures using (line_no, series_no, period_no)
            left join so_far using (series_no, period_no)
        ),

        moved as (
            select
                * exclude (by_driver),
                coalesce(by_driver, false) as by_driver,
                case
                    when not coalesce(by_driver, false)
                    then level_move
                    when ratio is not null
                    then log_amount - driver_expected
                end as own_move
            from told
        )

    select
        line_no,
        series_no,
        period_no,
        time_period,
        by_driver,
        driver_spread,
        own_move,
        case when not is_doubted then own_move end as known_move,
        coalesce(abs(own_move) > 3 * pooled_spread + 0.2, false) as has_jumped
    from moved
{%- endmacro %}

{# For every figure what was to be expected, with its spread. #}
{% macro plausible_expectations(look) -%}
    with

        figures as not materialized(
            select * from {{ ref("plausibility_context") }} where is_judged
        ),

        strays as not materialized(select * from {{ ref(look ~ "_look_strays") }}),

        strays_before as (
            select
                figures.line_no,
                figures.series_no,
                figures.period_no,
                {{ spread_of("strays.known_move") }} as own_spread,
                count(strays.known_move) as strays_before,
                arg_max(strays.own_move, strays.period_no) as own_move_before,
                arg_max(strays.has_jumped, strays.period_no) as jumped_before
            from figures
            inner join strays on {{ went_before("strays", "figures") }}
            group by figures.line_no, figures.series_no, figures.period_no
        ),

        -- How often a figure is a zero where none was before: at first, and after so many others.
        -- Some of them are mistakes.
        zero_habits as (
            select
                series_no,
                period_no,
                greatest(0, sum(of_counts := first_zeros - 0.003 * firsts) over so_far)
                / (sum(of_counts := firsts) over so_far + 1) as zeros_at_first,
                greatest(
                    0, sum(of_counts := new_zeros - 0.0015 * followed_without_zero) over so_far - 1
                )
                / (sum(of_counts := exposure) over so_far + 1) as new_zeros
            from {{ ref("plausibility_habits") }}
            window so_far as (partition by series_no order by period_no)
        ),

        spread_out as (
            select
                figures.*,
                comparisons.periods_before,
                comparisons.zeros_apart,
                comparisons.move_of_file,
                comparisons.peers_expect,
                comparisons.peers_expect + comparisons.effort as expected_of_peers,
                comparisons.peer_spread,
                comparisons.chance,
                strays.by_driver,
                strays.own_move,
                strays_before.own_move_before,
                strays_before.jumped_before,
                case
                    when strays.by_driver
                    then comparisons.driver_expected
                    else comparisons.level_expected
                end as expected,
                sqrt(
                    greatest(
                        case when comparisons.periods_before = 0 then 0.1 else 0.0002 end,
                        (
                            4 * case
                                when strays.by_driver
                                then
                                    greatest(
                                        0.25 * strays.driver_spread * strays.driver_spread,
                                        strays.driver_spread * strays.driver_spread
                                        - comparisons.chance * comparisons.counting
                                    )
                                else comparisons.pooled_spread * comparisons.pooled_spread
                            end
                            + greatest(coalesce(strays_before.strays_before, 0) - 1, 0)
                            * greatest(
                                0,
                                coalesce(strays_before.own_spread * strays_before.own_spread, 0)
                                - comparisons.chance * comparisons.counting
                            )
                        )
                        / (4 + greatest(coalesce(strays_before.strays_before, 0) - 1, 0))
                        * (1 + 0.7 / (1 + comparisons.periods_before))
                    )
                ) as spread
            from figures
            inner join
                {{ ref(look ~ "_look_comparisons") }} as comparisons using (
                    line_no, series_no, period_no
                )
            inner join strays using (line_no, series_no, period_no)
            left join strays_before using (line_no, series_no, period_no)
        )

    select
        spread_out.*,
        {{ distance("amount", "expected", "spread", "chance") }} as distance,
        -- A zero is a small count, or says that nothing took place, as it does now and then.
        least(
            0.9,
            greatest(
                power(1 + spread * spread * exp(expected) / chance, -1 / (spread * spread)),
                case when statistical_kind = 'stock' then 0.02 * exp(-2 * expected) else 0 end,
                case
                    when seen_before = 0
                    then coalesce(zero_habits.zeros_at_first, 0)
                    -- What is there does not come and go; zeros one after the other may all be one
                    -- mistake.
                    when
                        statistical_kind = 'stock'
                        and expected > 1.3
                        and zeros_before <= 0.7 * seen_before
                    then 0.0003 * power(1.8, zeros_before)
                    when zeros_before > 0
                    then 0.7 * (zeros_before + 0.5) / (seen_before + 2)
                    else coalesce(zero_habits.new_zeros, 0) / (seen_before + 1)
                end,
                0.0003
            )
        ) as zero_chance,
        {{ log_deviation("expected", "spread", "chance") }} as log_deviation
    from spread_out
    left join zero_habits using (series_no, period_no)
{%- endmacro %}
