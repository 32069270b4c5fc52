{#
  For every figure what was to be expected, with its spread: the own level and what everybody, the district or the file
  does in this period, or what its driver or whole lets expect, whichever told the indicator's figures better so far.
#}
{% macro plausible_expectations(look) -%}
    with

        moves as (
            select *, move - move_of_district - move_of_file as own_move
            from {{ ref(look ~ "_look_moves") }}
        ),

        driven as (
            select
                moves.line_no,
                moves.series_no,
                moves.period_no,
                drivers.amount as driver_amount,
                drivers.own_move as driver_move,
                drivers.log_amount as driver_log,
                moves.jumps_so_far,
                case
                    when drivers.amount > 0 and moves.amount > 0
                    then moves.log_amount - drivers.log_amount
                end as ratio,
                case
                    when
                        drivers.amount > 0
                        and moves.amount > 0
                        and not drivers.is_doubted
                        and not moves.is_doubted
                    then moves.log_amount - drivers.log_amount
                end as known_ratio,
                moves.is_judged
            from moves
            inner join {{ ref("plausibility_series") }} as series using (series_no)
            inner join
                moves as drivers
                on moves.line_no = drivers.line_no
                and coalesce(series.driver_no, series.whole_no) = drivers.series_no
                and moves.time_period = drivers.time_period
        ),

        ratios as (
            select
                *,
                median(of_logs := known_ratio) over earlier as own_ratio,
                count(known_ratio) over earlier as ratios_before
            from driven
            window
                earlier as (
                    partition by line_no, series_no, jumps_so_far
                    order by period_no
                    rows between 12 preceding and 1 preceding
                )
        ),

        ratios_of_all as (
            select
                series_no,
                period_no,
                median(of_logs := ratio) as ratio_of_all,
                coalesce(median(of_logs := ratio - own_ratio), 0) as ratio_move
            from ratios
            where is_judged
            group by series_no, period_no
        ),

        by_driver as (
            select
                ratios.*,
                ratios.driver_log + case
                    when ratios.own_ratio is null
                    then ratios_of_all.ratio_of_all
                    when ratios.jumps_so_far > 0
                    then ratios.own_ratio + ratios_of_all.ratio_move
                    else
                        (
                            ratios.ratios_before * (ratios.own_ratio + ratios_of_all.ratio_move)
                            + 0.1 * ratios_of_all.ratio_of_all
                        )
                        / (ratios.ratios_before + 0.1)
                end as driver_expected
            from ratios
            inner join ratios_of_all using (series_no, period_no)
        ),

        compared as (
            select
                moves.*,
                moves.middle
                + moves.size_weight * moves.log_size
                + moves.level
                + moves.move_of_all
                + moves.move_of_district
                + moves.move_of_file as level_expected,
                by_driver.driver_expected,
                by_driver.driver_amount,
                by_driver.driver_move,
                case
                    when by_driver.ratio is not null
                    then moves.log_amount - by_driver.driver_expected
                end as driver_stray
            from moves
            left join by_driver using (line_no, series_no, period_no)
        ),

        driver_errors as (
            select
                series_no,
                period_no,
                {{ spread_of("driver_stray") }} as driver_error,
                {{ spread_of("own_move") }} as level_error,
                {{ upper_spread_of("driver_stray") }} as driver_spread,
                median(of_logs := counting) as counting
            from compared
            where is_judged and driver_stray is not null
            group by series_no, period_no
        ),

        so_far as (
            select
                series_no,
                period_no,
                sum(of_counts := ln((driver_error + 0.002) / (level_error + 0.002))) over so_far
                as driver_worse,
                exp(
                    sum(of_counts := ln(driver_spread + 0.002)) over so_far / count(*) over so_far
                ) as driver_spread
            from driver_errors
            window so_far as (partition by series_no order by period_no)
        ),

        told as (
            select
                compared.* exclude (own_move),
                so_far.driver_spread,
                compared.driver_expected is not null
                and compared.driver_amount > 0
                and so_far.driver_worse < 0
                and abs(coalesce(compared.driver_move, 0)) < 1.5
                and abs(compared.driver_move)
                < abs(coalesce(compared.own_move, 0)) + 0.3 as by_driver,
                compared.own_move as level_move
            from compared
            left join so_far using (series_no, period_no)
        ),

        moved as (
            select
                * exclude (level_expected, driver_expected, driver_stray),
                case when by_driver then driver_expected else level_expected end as expected,
                level_expected,
                case when by_driver then driver_stray else level_move end as own_move,
                case
                    when is_doubted then null when by_driver then driver_stray else level_move
                end as known_move
            from told
        ),

        strayed as (
            select
                *,
                {{ spread_of("known_move") }} over earlier as own_spread,
                count(known_move) over earlier as strays_before,
                count(*) filter (where reported = 0) over earlier as zeros_before,
                count(*) over earlier as seen_before,
                lag(own_move) over sequence as own_move_before,
                lag(abs(own_move) > 3 * pooled_spread + 0.2) over sequence as jumped_before,
                case
                    when lag(period_no) over sequence = period_no - 1
                    then sum(of_counts := amount) over this_year
                end as reported_this_year
            from moved
            window
                this_year as (
                    partition by line_no, series_no, year
                    order by period_no
                    rows between 12 preceding and 1 preceding
                ),
                sequence as (partition by line_no, series_no order by period_no),
                earlier as (
                    partition by line_no, series_no
                    order by period_no
                    rows between 12 preceding and 1 preceding
                )
        ),

        -- How often a figure is a zero where none was before: at first, and after so many others.
        -- Some of them are mistakes.
        zero_habits as (
            select
                series_no,
                period_no,
                greatest(0, sum(of_counts := first_zeros - 0.003 * firsts) over so_far)
                / (sum(of_counts := firsts) over so_far + 1) as zeros_at_first,
                greatest(0, sum(of_counts := new_zeros - 0.0015 * followed) over so_far - 1)
                / (sum(of_counts := exposure) over so_far + 1) as new_zeros
            from
                (
                    select
                        series_no,
                        period_no,
                        count(*) filter (where seen_before = 0) as firsts,
                        count(*) filter (where seen_before = 0 and reported = 0) as first_zeros,
                        count(*) filter (where seen_before > 0) as followed,
                        count(*) filter (where seen_before > 0 and reported = 0) as new_zeros,
                        sum(of_counts := 1 / (seen_before + 1)) filter (
                            where seen_before > 0
                        ) as exposure
                    from strayed
                    where is_judged and zeros_before = 0 and coalesce(driver_amount, 1) > 0
                    group by series_no, period_no
                ) as counted
            window so_far as (partition by series_no order by period_no)
        ),

        spread_out as (
            select
                *,
                sqrt(
                    greatest(
                        case when periods_before = 0 then 0.1 else 0.0002 end,
                        (
                            4 * case
                                when by_driver
                                then
                                    greatest(
                                        0.25 * driver_spread * driver_spread,
                                        driver_spread * driver_spread - chance * counting
                                    )
                                else pooled_spread * pooled_spread
                            end
                            + greatest(strays_before - 1, 0)
                            * greatest(0, coalesce(own_spread * own_spread, 0) - chance * counting)
                        )
                        / (4 + greatest(strays_before - 1, 0))
                        * (1 + 0.7 / (1 + periods_before))
                    )
                ) as spread
            from strayed
        )

    select
        line_no,
        series_no,
        period_no,
        time_period,
        year,
        ref_area,
        district_no,
        statistical_kind,
        reported,
        amount,
        decision,
        reported_before,
        periods_before,
        zeros_before,
        seen_before,
        zeros_apart,
        driver_amount,
        by_driver,
        move_of_file,
        own_move,
        own_move_before,
        jumped_before,
        reported_this_year,
        middle + size_weight * log_size + effort as expected_of_peers,
        peer_spread,
        expected,
        spread,
        chance,
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
    where is_judged
{%- endmacro %}
