{#
  One row per cell of a file that as a whole looks like a mistake: a copy of an earlier file of the area, the file of
  another area, or a file that nobody counted. How likely that is follows from all cells of the file together.
#}
{% macro plausible_files(look) -%}
    with

        cells as (select * from {{ ref(look ~ "_look_expectations") }}),

        history as (select * from {{ ref(look ~ "_look_levels") }}),

        remembered as (
            select
                *, coalesce(lag(reported = reported_before) over sequence, false) as repeated_before
            from cells
            window sequence as (partition by line_no, series_no order by period_no)
        ),

        -- How often a figure of this indicator is the one of the period before, and how often it
        -- is round.
        habits_of_periods as (
            select
                series_no,
                period_no,
                count(*) filter (where reported_before is not null and reported > 0) as followed,
                count(*) filter (where reported = reported_before and reported > 0) as repeated,
                count(*) filter (
                    where reported = reported_before and repeated_before and reported > 0
                ) as repeated_again,
                count(*) filter (where repeated_before and reported > 0) as followed_repeats,
                count(*) filter (where reported >= 10) as large,
                count(*) filter (where reported >= 10 and reported % 10 = 0) as round
            from remembered
            group by series_no, period_no
        ),

        habits as (
            select
                series_no,
                period_no,
                (sum(of_counts := repeated) over so_far + 0.5)
                / (sum(of_counts := followed) over so_far + 5) as repeats,
                (sum(of_counts := repeated_again) over so_far + 1)
                / (sum(of_counts := followed_repeats) over so_far + 4) as repeats_again,
                (sum(of_counts := round) over so_far + 1)
                / (sum(of_counts := large) over so_far + 10) as rounds
            from habits_of_periods
            window so_far as (partition by series_no order by period_no)
        ),

        own_habits as (
            select
                cells.line_no,
                cells.series_no,
                cells.period_no,
                cells.time_period,
                cells.statistical_kind,
                cells.reported,
                cells.reported_before,
                cells.expected,
                cells.distance,
                cells.log_deviation,
                cells.periods_before,
                habits.repeats_again,
                least(
                    0.95,
                    (
                        5 * habits.rounds + count(*) filter (
                            where cells.reported >= 10 and cells.reported % 10 = 0
                        ) over earlier
                    )
                    / (5 + count(*) filter (where cells.reported >= 10) over earlier)
                ) as rounds,
                least(
                    0.97,
                    greatest(
                        (
                            4 * habits.repeats + count(*) filter (
                                where cells.reported = cells.reported_before and cells.reported > 0
                            ) over earlier
                        )
                        / (4 + count(*) over earlier),
                        0.28 / (cells.log_deviation * (greatest(cells.reported, 0) + 0.5))
                    )
                ) as repeats
            from cells
            inner join habits using (series_no, period_no)
            window
                earlier as (
                    partition by cells.line_no, cells.series_no
                    order by cells.period_no
                    rows between 12 preceding and 1 preceding
                )
        ),

        -- Copies of an earlier file
        repeats as (
            select
                line_no, time_period, sum(of_counts := ln(0.12 / (1 - repeats))) as evidence_if_none
            from own_habits
            where reported > 0
            group by line_no, time_period
        ),

        repeated as (
            select
                own_habits.line_no,
                own_habits.time_period,
                history.time_period as other,
                any_value(own_habits.period_no - history.period_no) as periods_ago,
                sum(
                    of_counts := ln(0.88 / own_habits.repeats) - ln(0.12 / (1 - own_habits.repeats))
                ) as evidence
            from own_habits
            inner join
                history
                on own_habits.line_no = history.line_no
                and own_habits.series_no = history.series_no
                and own_habits.reported = history.reported
                and history.period_no between own_habits.period_no - 13 and own_habits.period_no - 1
            where own_habits.reported > 0
            group by own_habits.line_no, own_habits.time_period, history.time_period
        ),

        copies as (
            select
                repeated.line_no,
                repeated.time_period,
                arg_max(repeated.other, repeated.evidence - 0.001 * repeated.periods_ago) as other,
                arg_max(
                    repeated.periods_ago, repeated.evidence - 0.001 * repeated.periods_ago
                ) as periods_ago,
                max(repeated.evidence) + any_value(repeats.evidence_if_none) as evidence
            from repeated
            inner join repeats using (line_no, time_period)
            group by repeated.line_no, repeated.time_period
            having max(repeated.evidence) + any_value(repeats.evidence_if_none) > 3
        ),

        copied_cells as (
            select
                own_habits.line_no,
                own_habits.series_no,
                own_habits.time_period,
                'stale_copy' as cause,
                copies.other,
                ln({{ prior_of("stale_copy") }}) + copies.evidence as log_odds,
                (own_habits.reported = history.reported)::integer
                * least(1 - power(own_habits.repeats, copies.periods_ago), 0.97) as share_wrong
            from copies
            inner join own_habits using (line_no, time_period)
            inner join
                history
                on copies.line_no = history.line_no
                and own_habits.series_no = history.series_no
                and copies.other = history.time_period
        ),

        -- Files of another area
        misfits as (
            select
                line_no,
                time_period,
                any_value(period_no) as period_no,
                sum(of_counts := {{ fit_of("cells.reported", "cells") }}) as fit
            from cells
            where reported > 0
            group by line_no, time_period
            having
                sum(of_counts := least(distance * distance, 9)) > 2.5 * count(*) and count(*) >= 6
        ),

        others as (
            select
                cells.line_no,
                cells.time_period,
                theirs.line_no as other_line,
                any_value(theirs.ref_area) as other,
                any_value(misfits.fit) as fit,
                sum(of_counts := {{ fit_of("cells.reported", "theirs") }}) as other_fit,
                sum(
                    of_counts := least(
                        power(
                            {{
                                distance(
                                    "cells.reported",
                                    "theirs.expected",
                                    "theirs.spread",
                                    "theirs.chance",
                                )
                            }},
                            2
                        ),
                        9
                    )
                ) as misfit,
                count(*) as compared
            from misfits
            inner join cells using (line_no, time_period)
            inner join
                cells as theirs
                on cells.series_no = theirs.series_no
                and cells.period_no = theirs.period_no
                and cells.line_no <> theirs.line_no
            where theirs.periods_before > 0 and cells.reported > 0
            group by cells.line_no, cells.time_period, theirs.line_no
        ),

        strangers as (
            select
                others.line_no,
                others.time_period,
                arg_max(others.other, others.other_fit - others.fit) as other,
                ln({{ prior_of("wrong_unit_file") }} / count(*))
                + max(others.other_fit - others.fit) as log_odds
            from others
            inner join
                (
                    select line_no, time_period, count(*) as cells
                    from cells
                    where reported > 0
                    group by line_no, time_period
                ) as sizes using (line_no, time_period)
            where others.compared > 0.8 * sizes.cells and others.misfit < 2 * others.compared
            group by others.line_no, others.time_period
            having max(others.other_fit - others.fit) > 3
        ),

        strange_cells as (
            select
                cells.line_no,
                cells.series_no,
                cells.time_period,
                'wrong_unit_file' as cause,
                strangers.other,
                strangers.log_odds,
                -- Of two files that do not go together either may be the wrong one.
                {{ share_unlike("cells") }}
                * case when cells.periods_before = 1 then 0.45 else 1 end as share_wrong
            from strangers
            inner join cells using (line_no, time_period)
        ),

        -- Figures that nobody counted: too round or too even across the form or over time, or all
        -- of them changed by the
        -- same share.
        patterns as (
            select
                own_habits.*,
                nullif(greatest(own_habits.reported, 0), 0)
                / nullif(greatest(own_habits.reported_before, 0), 0) as growth,
                lag(own_habits.reported) over form as above,
                lag(own_habits.reported, 2) over form as second_above,
                lag(own_habits.reported, 2) over sequence as second_before,
                lag(own_habits.reported, 3) over sequence as third_before
            from own_habits
            window
                form as (
                    partition by
                        own_habits.line_no, own_habits.time_period, own_habits.statistical_kind
                    order by own_habits.series_no
                ),
                sequence as (
                    partition by own_habits.line_no, own_habits.series_no
                    order by own_habits.period_no
                )
        ),

        file_patterns as (
            select
                line_no,
                time_period,
                statistical_kind,
                sum(
                    of_counts := case
                        when reported % 10 = 0 then ln(0.92 / rounds) else ln(0.08 / (1 - rounds))
                    end
                ) filter (where reported >= 10) as too_round,
                sum(
                    of_counts := case
                        when reported = above or (reported - above = above - second_above)
                        then ln(0.85 / 0.05)
                        else ln(0.15 / 0.95)
                    end
                ) filter (where reported >= 5 and above is not null) as too_even,
                median(of_logs := ln(growth)) as log_growth
            from patterns
            group by line_no, time_period, statistical_kind
        ),

        grown as (
            select
                patterns.line_no,
                patterns.time_period,
                patterns.statistical_kind,
                sum(
                    of_counts := case
                        when
                            abs(
                                patterns.reported
                                - patterns.reported_before * exp(file_patterns.log_growth)
                            )
                            <= 1
                        then
                            ln(
                                0.85 / least(
                                    0.9,
                                    0.8 / (patterns.log_deviation * greatest(patterns.reported, 1))
                                )
                            )
                        else ln(0.15)
                    end
                ) as too_alike
            from patterns
            inner join file_patterns using (line_no, time_period, statistical_kind)
            where
                patterns.reported_before >= 20
                and patterns.reported >= 20
                and abs(file_patterns.log_growth) > 0.002
                and patterns.statistical_kind = 'flow'
            group by patterns.line_no, patterns.time_period, patterns.statistical_kind
        ),

        invented as (
            select
                file_patterns.line_no,
                file_patterns.time_period,
                file_patterns.statistical_kind,
                greatest(
                    coalesce(file_patterns.too_round, 0),
                    coalesce(file_patterns.too_even, 0),
                    coalesce(grown.too_alike, 0)
                ) as evidence
            from file_patterns
            left join grown using (line_no, time_period, statistical_kind)
            where
                file_patterns.statistical_kind = 'flow'
                and greatest(
                    coalesce(file_patterns.too_round, 0),
                    coalesce(file_patterns.too_even, 0),
                    coalesce(grown.too_alike, 0)
                )
                > 3
        ),

        -- Over time: steps of the same size, or the same figure again.
        steps as (
            select
                *,
                case
                    when reported = reported_before and reported_before = second_before
                    then ln(0.9 / least(0.9, greatest(repeats, repeats_again)))
                    when reported = reported_before
                    then ln(0.9 / repeats)
                    when
                        reported - reported_before = reported_before - second_before
                        and reported_before <> second_before
                    then ln(0.9 / least(0.9, 0.3 / (log_deviation * (greatest(reported, 0) + 0.5))))
                end as evenness
            from patterns
            where statistical_kind = 'flow' and reported > 0
        ),

        numbered as (
            select *, count(*) filter (where evenness is null) over so_far as even_run
            from steps
            window so_far as (partition by line_no, series_no order by period_no)
        ),

        run_so_far as (
            select
                *,
                sum(of_counts := evenness) over (
                    partition by line_no, series_no, even_run order by period_no
                ) as evenness_so_far
            from numbered
        ),

        invented_cells as (
            select
                cells.line_no,
                cells.series_no,
                cells.time_period,
                'fabricated_pattern' as cause,
                cast(null as varchar) as other,
                ln({{ prior_of("fabricated_pattern") }} / 3) + invented.evidence as log_odds,
                {{ share_unlike("cells") }} as share_wrong
            from invented
            inner join cells using (line_no, time_period, statistical_kind)
            union all
            select
                line_no,
                series_no,
                time_period,
                'fabricated_pattern',
                null,
                ln({{ prior_of("fabricated_pattern") }} / 4) + evenness_so_far,
                {{ share_unlike("run_so_far") }}
            from run_so_far
            where evenness is not null and evenness_so_far > 3
        ),

        -- Lines of the form that were passed over: zeros one below the other, in a file that
        -- otherwise has few.
        lines_of_form as (
            select
                *,
                row_number() over (partition by line_no, time_period order by series_no)
                - row_number() over (
                    partition by line_no, time_period, reported = 0 order by series_no
                ) as zero_run,
                count(*) filter (where reported = 0) over (
                    partition by line_no, time_period
                ) as zeros,
                count(*) over (partition by line_no, time_period) as lines_in_form
            from cells
        ),

        zero_runs as (
            select
                line_no,
                time_period,
                zero_run,
                sum(of_counts := least(4, ln(0.8 / zero_chance))) as evidence
            from lines_of_form
            where reported = 0
            group by line_no, time_period, zero_run
            having
                count(*) filter (where zero_chance < 0.5) >= 3
                and any_value(zeros) - count(*) < 0.3 * (any_value(lines_in_form) - count(*))
                and sum(of_counts := least(4, ln(0.8 / zero_chance))) > 4
        ),

        passed_over as (
            select
                lines_of_form.line_no,
                lines_of_form.series_no,
                lines_of_form.time_period,
                'blank_as_zero' as cause,
                cast(null as varchar) as other,
                ln({{ prior_of("blank_as_zero") }} / 8) + zero_runs.evidence as log_odds,
                0.97 * (1 - lines_of_form.zero_chance) as share_wrong
            from zero_runs
            inner join lines_of_form using (line_no, time_period, zero_run)
            where lines_of_form.reported = 0
        )

    select *
    from copied_cells
    union all
    select *
    from strange_cells
    union all
    select *
    from invented_cells
    union all
    select *
    from passed_over
{%- endmacro %}
