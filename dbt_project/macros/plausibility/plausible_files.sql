{#
  One row per cell of a file that as a whole looks like a mistake: a copy of an earlier file of the area, the file of
  another area, or a file that nobody counted. How likely that is follows from all cells of the file together.
#}
{% macro plausible_files(look) -%}
    with

        cells as not materialized(select * from {{ ref(look ~ "_look_expectations") }}),

        history as not materialized(select * from {{ ref("plausibility_history") }}),

        own_habits as not materialized({{ with_own_habits(look) }}),

        files_of_periods as (
            select time_period, count(distinct line_no) as files from cells group by time_period
        ),

        -- Copies of an earlier file
        repeats as (
            select line_no, time_period, count(*) * ln(0.1) as evidence_if_none
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
                sum(of_counts := ln(0.9 / own_habits.repeats + 0.1) - ln(0.1))
                -- Mostly it is the last one.
                + case
                    when any_value(own_habits.period_no - history.period_no) = 1
                    then ln(0.6)
                    else ln(0.05)
                end as evidence
            from own_habits
            inner join
                history
                on own_habits.line_no = history.line_no
                and own_habits.series_no = history.series_no
                and own_habits.reported = history.reported
                and history.period_no between own_habits.period_no - 12 and own_habits.period_no - 1
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

        -- The planner takes copies, and figures that go on evenly, for many, and would lay all that
        -- is kept beside them; so what there is of them is picked out first.
        copied_files as (
            select *
            from history
            where (line_no, time_period) in (select line_no, other from copies)
        ),

        copied_cells as (
            select
                own_habits.line_no,
                own_habits.series_no,
                own_habits.time_period,
                'stale_copy' as cause,
                copies.other,
                cast(null as double) as suggested_value,
                ln({{ prior_of("stale_copy") }}) + copies.evidence as log_odds,
                (own_habits.reported = history.reported)::integer
                * least(1 - power(own_habits.repeats, copies.periods_ago), 0.97) as share_wrong
            from copies
            inner join own_habits using (line_no, time_period)
            inner join
                copied_files as history
                on copies.line_no = history.line_no
                and own_habits.series_no = history.series_no
                and copies.other = history.time_period
        ),

        -- Files of another area: those that are the own ones have some figures of the file before.
        fitting as (
            select
                *,
                least(distance * distance, 9) as misfit,
                {{ fit_of("reported", "own_habits", 12) }} + case
                    when reported = reported_before then ln(repeats / coincidence) else 0
                end as fit
            from own_habits
        ),

        misfits as (
            select line_no, time_period, sum(of_counts := fit) as fit, count(*) as cells
            from fitting
            where reported > 0
            group by line_no, time_period
            having sum(of_counts := misfit) > 2.5 * count(*) and count(*) >= 5
        ),

        others as (
            select
                cells.line_no,
                cells.time_period,
                theirs.line_no as other_line,
                any_value(theirs.ref_area) as other,
                any_value(misfits.fit) as fit,
                any_value(misfits.cells) as cells,
                sum(
                    of_counts
                    := {{ fit_of("cells.reported", "theirs", 12) }}
                    + case
                        when cells.reported = theirs.reported_before
                        then ln(theirs.repeats / theirs.coincidence)
                        else 0
                    end
                ) as other_fit,
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
            inner join own_habits as cells using (line_no, time_period)
            inner join
                own_habits as theirs
                on cells.series_no = theirs.series_no
                and cells.period_no = theirs.period_no
                and cells.line_no <> theirs.line_no
            where theirs.periods_before > 0 and cells.reported > 0
            group by cells.line_no, cells.time_period, theirs.line_no
        ),

        likely_others as (
            select
                line_no,
                time_period,
                arg_max(other, (other_fit - fit, other)) as other,
                ln({{ prior_of("wrong_unit_file") }} / count(*))
                -- What moves one figure of a file moves others of it, too.
                + 0.4 * max(other_fit - fit) as log_odds
            from others
            where compared > 0.8 * cells and misfit < 2 * compared
            group by line_no, time_period
            having max(other_fit - fit) > 8
        ),

        -- What many files of a period seem to be has another reason.
        strangers as (
            select
                likely_others.* exclude (log_odds),
                log_odds - coalesce(
                    greatest(
                        0,
                        list_sort(list(log_odds) over same_period, 'desc')[
                            2 + cast(ceil(files_of_periods.files / 100) as bigint)
                        ]
                    ),
                    0
                ) as log_odds
            from likely_others
            inner join files_of_periods using (time_period)
            window same_period as (partition by time_period)
        ),

        strange_cells as (
            select
                cells.line_no,
                cells.series_no,
                cells.time_period,
                'wrong_unit_file' as cause,
                strangers.other,
                cast(null as double) as suggested_value,
                strangers.log_odds,
                -- Of two files that do not go together either may be the wrong one.
                {{ share_unlike("cells") }}
                * case when cells.periods_before = 1 then 0.45 else 1 end as share_wrong
            from strangers
            inner join cells using (line_no, time_period)
        ),

        -- Two areas that sent the same figures, so many that are not found elsewhere, did not do so
        -- by chance. It shows in the first period, too.
        rare_figures as (
            select
                series_no,
                period_no,
                reported,
                count(*) as holders,
                ln(any_value(files_of_periods.files) / count(*)) as rarity
            from cells
            inner join files_of_periods using (time_period)
            where reported >= 4
            group by series_no, period_no, reported
            having count(*) <= 4 + least(8, any_value(files_of_periods.files) / 100)
        ),

        rare_cells as (
            select
                own_habits.*,
                -- A figure that is to be expected here is no sign that it came from there.
                least(
                    4,
                    rare_figures.rarity,
                    case
                        when own_habits.reported = own_habits.reported_before
                        then - ln(own_habits.repeats)
                        else - ln(1 - {{ share_unlike("own_habits") }})
                    end
                ) as rarity,
                rare_figures.holders
            from own_habits
            inner join rare_figures using (series_no, period_no, reported)
        ),

        comparable as (
            select line_no, time_period, count(*) as cells
            from rare_cells
            group by line_no, time_period
        ),

        twins as (
            select
                ones.line_no,
                ones.time_period,
                others.line_no as other_line,
                any_value(others.ref_area) as other,
                ln({{ prior_of("wrong_unit_file") }} / any_value(files_of_periods.files))
                + sum(of_counts := ones.rarity)
                + ln(0.1) * (any_value(comparable.cells) - count(*)) as log_odds,
                0.4 * sum(
                    of_counts
                    := {{ fit_as_known("ones.reported", "others") }}
                    - {{ fit_as_known("ones.reported", "ones") }}
                ) as fits_other
            from rare_cells as ones
            inner join
                rare_cells as others
                on ones.series_no = others.series_no
                and ones.period_no = others.period_no
                and ones.reported = others.reported
                and ones.line_no <> others.line_no
            inner join
                comparable
                on ones.line_no = comparable.line_no
                and ones.time_period = comparable.time_period
            inner join files_of_periods on ones.time_period = files_of_periods.time_period
            where ones.holders > 1 and others.holders > 1
            group by ones.line_no, ones.time_period, others.line_no
            having count(*) >= 3 and count(*) > 0.6 * any_value(comparable.cells)
        ),

        twin_cells as (
            select
                cells.line_no,
                cells.series_no,
                cells.time_period,
                'wrong_unit_file' as cause,
                twins.other,
                cast(null as double) as suggested_value,
                twins.log_odds,
                -- Where nothing tells which of the two is the wrong one, both are asked.
                0.97 * case
                    when abs(twins.fits_other) < 0.6
                    then 0.66
                    else 1 / (1 + exp(- greatest(-50, least(50, twins.fits_other))))
                end as share_wrong
            from
                (
                    select *
                    from twins
                    where log_odds > 0
                    qualify
                        row_number() over (
                            partition by line_no, time_period order by log_odds desc, other
                        )
                        = 1
                ) as twins
            inner join cells using (line_no, time_period)
            inner join
                cells as others
                on twins.other_line = others.line_no
                and cells.series_no = others.series_no
                and cells.time_period = others.time_period
                and cells.reported = others.reported
        ),

        -- Files with what was done in the year so far: since its beginning, or on top of the file
        -- before that did the same.
        carried as (
            select
                cells.* replace (cells.expected - cells.move_of_file as expected),
                cells.expected as expected_with_file,
                sums.from_what,
                sums.carried
            from cells
            cross join
                lateral(
                    values ('year', cells.reported_this_year), ('file', cells.reported_before)
                ) as sums(from_what, carried)
            where cells.statistical_kind = 'flow' and cells.reported_this_year > 0
        ),

        carried_files as (
            select
                line_no,
                time_period,
                from_what,
                0.7 * sum(
                    of_counts := case
                        when reported < carried
                        then -3
                        else
                            greatest(
                                -3,
                                least(
                                    4,
                                    {{ fit_of("reported - carried", "carried") }}
                                    - ln((reported - carried + 0.5) / (reported + 0.5))
                                    - {{ fit_of("reported", "carried") }}
                                )
                            )
                    end
                ) as evidence
            from carried
            where carried > 0 and not by_driver
            group by line_no, time_period, from_what
            having count(*) >= 2
        ),

        carried_cells as (
            select
                carried.line_no,
                carried.series_no,
                carried.time_period,
                'cumulative_reported' as cause,
                cast(null as varchar) as other,
                carried.reported - carried.carried as suggested_value,
                ln({{ prior_of("cumulative_reported") }} / 4) + best.evidence as log_odds,
                case when carried.reported > carried.carried then 0.97 else 0 end as share_wrong
            from
                (
                    select *
                    from carried_files
                    where evidence > 3
                    qualify
                        row_number() over (
                            partition by line_no, time_period order by evidence desc, from_what
                        )
                        = 1
                ) as best
            inner join carried using (line_no, time_period, from_what)
        ),

        -- Files in which everything that does not come and go has moved to the same side: no event
        -- does that, and the more of it there is, the less.
        moved_files as (
            select
                line_no,
                time_period,
                greatest(moved_up, moved_down)
                - 2
                - (cells - greatest(moved_up, moved_down)) as moved_together
            from
                (
                    select
                        line_no,
                        time_period,
                        count(*) as cells,
                        count(*) filter (where own_move > 0.15 and distance > 2) as moved_up,
                        count(*) filter (where own_move < -0.15 and distance < -2) as moved_down
                    from cells
                    where
                        statistical_kind = 'stock'
                        and periods_before > 0
                        and not by_driver
                        and expected > 2
                    group by line_no, time_period
                ) as counted
        ),

        moved_cells as (
            select
                cells.line_no,
                cells.series_no,
                cells.time_period,
                'unexplained_outlier' as cause,
                cast(null as varchar) as other,
                cast(null as double) as suggested_value,
                ln({{ prior_of("unexplained_outlier") }} / 4)
                + 2.5 * moved_files.moved_together as log_odds,
                {{ share_unlike("cells") }} as share_wrong
            from moved_files
            inner join cells using (line_no, time_period)
            where moved_files.moved_together > 0
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
                lag(own_habits.reported, 2) over form as second_above
            from own_habits
            window
                form as (
                    partition by
                        own_habits.line_no, own_habits.time_period, own_habits.statistical_kind
                    order by own_habits.series_no
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
                ) filter (
                    where
                        reported >= 5
                        and above is not null
                        and reported is distinct from driver_amount
                ) as too_even,
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
                patterns.reported_before >= 8
                and patterns.reported >= 8
                and abs(file_patterns.log_growth) > 0.002
                and patterns.statistical_kind = 'flow'
            group by patterns.line_no, patterns.time_period, patterns.statistical_kind
            having count(*) >= 4
        ),

        invented as (
            select
                file_patterns.line_no,
                file_patterns.time_period,
                file_patterns.statistical_kind,
                greatest(
                    coalesce(file_patterns.too_round + 1, 0),
                    coalesce(file_patterns.too_even, 0),
                    coalesce(grown.too_alike, 0)
                ) as evidence,
                coalesce(file_patterns.too_round + 1, 0) > greatest(
                    coalesce(file_patterns.too_even, 0), coalesce(grown.too_alike, 0)
                ) as is_round
            from file_patterns
            left join grown using (line_no, time_period, statistical_kind)
            where
                file_patterns.statistical_kind = 'flow'
                and greatest(
                    coalesce(file_patterns.too_round + 1, 0),
                    coalesce(file_patterns.too_even, 0),
                    coalesce(grown.too_alike, 0)
                )
                > 3
        ),

        -- Over time: steps of the same size, or the same figure again, up to now.
        steps as not materialized(select * from {{ ref(look ~ "_look_steps") }}),

        even as (
            select *
            from steps
            where evenness is not null and period_no in (select period_no from cells)
        ),

        breaks as (
            select
                even.line_no,
                even.series_no,
                even.period_no,
                max(earlier.period_no) filter (where earlier.evenness is null) as broken_at
            from even
            inner join steps as earlier on {{ went_before("earlier", "even") }}
            group by even.line_no, even.series_no, even.period_no
        ),

        runs as (
            select
                breaks.line_no,
                breaks.series_no,
                breaks.period_no,
                sum(of_counts := earlier.evenness) as evenness
            from breaks
            inner join
                steps as earlier
                on {{ went_before("earlier", "breaks") }}
                and earlier.period_no > coalesce(breaks.broken_at, 0)
            group by breaks.line_no, breaks.series_no, breaks.period_no
        ),

        run_so_far as (
            select cells.*, even.evenness + coalesce(runs.evenness, 0) as evenness_so_far
            from cells
            inner join even using (line_no, series_no, period_no)
            left join runs using (line_no, series_no, period_no)
        ),

        invented_cells as (
            select
                cells.line_no,
                cells.series_no,
                cells.time_period,
                'fabricated_pattern' as cause,
                cast(null as varchar) as other,
                cast(null as double) as suggested_value,
                ln({{ prior_of("fabricated_pattern") }} / 20) + invented.evidence as log_odds,
                case
                    when invented.is_round and cells.reported % 10 <> 0
                    then 0
                    else {{ share_unlike("cells") }}
                end as share_wrong
            from invented
            inner join cells using (line_no, time_period, statistical_kind)
            union all
            select
                line_no,
                series_no,
                time_period,
                'fabricated_pattern',
                null,
                null,
                ln({{ prior_of("fabricated_pattern") }} / 4) + evenness_so_far,
                {{ share_unlike("run_so_far") }}
            from run_so_far
            where evenness_so_far > 3
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
            where reported = 0 and coalesce(driver_amount, 1) > 0
            group by line_no, time_period, zero_run
            having
                count(*) filter (where zero_chance < 0.5) >= 3
                and any_value(zeros) - count(*) <= 0.3 * (any_value(lines_in_form) - count(*))
                and sum(of_counts := least(4, ln(0.8 / zero_chance))) > 4
        ),

        passed_over as (
            select
                lines_of_form.line_no,
                lines_of_form.series_no,
                lines_of_form.time_period,
                'blank_as_zero' as cause,
                cast(null as varchar) as other,
                cast(null as double) as suggested_value,
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
    from twin_cells
    union all
    select *
    from carried_cells
    union all
    select *
    from moved_cells
    union all
    select *
    from invented_cells
    union all
    select *
    from passed_over
{%- endmacro %}

{# Each figure with how often the area has repeated itself and written round figures so far. #}
{% macro with_own_habits(look) -%}
    select
        cells.*,
        habits.repeats_again,
        least(
            0.9, 0.28 / (cells.log_deviation * (greatest(cells.reported, 0) + 0.5))
        ) as coincidence,
        least(0.95, (5 * habits.rounds + cells.round_before) / (5 + cells.large_before)) as rounds,
        least(
            0.97,
            greatest(
                (4 * habits.repeats + cells.repeats_before) / (4 + cells.seen_before),
                least(0.9, 0.28 / (cells.log_deviation * (greatest(cells.reported, 0) + 0.5)))
            )
        ) as repeats
    from {{ ref(look ~ "_look_expectations") }} as cells
    inner join
        (
            select
                series_no,
                period_no,
                (sum(of_counts := repeated) over so_far + 0.5)
                / (sum(of_counts := followed) over so_far + 5) as repeats,
                (sum(of_counts := repeated_again) over so_far + 1)
                / (sum(of_counts := followed_repeats) over so_far + 4) as repeats_again,
                (sum(of_counts := round) over so_far + 1)
                / (sum(of_counts := large) over so_far + 10) as rounds
            from {{ ref("plausibility_habits") }}
            window so_far as (partition by series_no order by period_no)
        ) as habits using (series_no, period_no)
{%- endmacro %}

{# How unlikely it is that a figure takes a step of the same size as before, or none; null where it does not. #}
{% macro plausible_steps(look) -%}
    select
        line_no,
        series_no,
        period_no,
        time_period,
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
    from ({{ with_own_habits(look) }}) as figures
    where statistical_kind = 'flow' and reported > 0
{%- endmacro %}

{# The same as fit_of, for an area without a past by what is usual for its size. #}
{% macro fit_as_known(amount, cell) -%}
    case
        when {{ cell }}.periods_before > 0
        then {{ fit_of(amount, cell, 12) }}
        else
            -0.2 * least(
                12,
                power(
                    (ln({{ amount }} + 0.5) - {{ cell }}.peers_expect)
                    / greatest({{ cell }}.peer_spread, 0.3),
                    2
                )
            )
    end
{%- endmacro %}
