{#
  One row per suspect figure and explanation: the value that it may have been meant to be, and the weight of that
  explanation (prior × density on the log scale), to be compared with that of a right figure.
#}
{% macro plausible_explanations(look) -%}
    with

        suspects as (select * from {{ ref(look ~ "_look_suspects") }}),

        cells as not materialized(select * from {{ ref(look ~ "_look_expectations") }}),

        positive as (select * from suspects where reported > 0),

        factors as (
            select *
            from (values (10.0, 0.6), (100.0, 0.15), (1000.0, 0.25)) as factors(factor, share)
        ),

        scaled as (
            select
                line_no,
                series_no,
                time_period,
                reported / factor as suggested_value,
                share
                * 0.6
                * case when reported % factor = 0 then power(factor, 0.8) else 0.1 end as weight
            from positive
            cross join factors
            where distance > 0
            union all
            -- Which digits have got lost behind, nobody knows: those that fit best.
            select
                line_no,
                series_no,
                time_period,
                least(
                    greatest(reported * factor, round(exp(expected) - 0.5)),
                    (reported + 1) * factor - 1
                ),
                share * 0.3
            from positive
            cross join factors
            where distance < 0
        ),

        -- Every value from which one slip of a finger leads to this one.
        spelt as (
            select
                line_no,
                series_no,
                time_period,
                reported,
                cast(cast(reported as bigint) as varchar) as digits,
                len(cast(cast(reported as bigint) as varchar)) as length
            from positive
            where reported = floor(reported) and reported between 1 and 99999999
        ),

        slips as (
            select
                spelt.* exclude (digits, length),
                cast(
                    left(digits, place - 1) || digit || substr(digits, place + 1) as double
                ) as suggested_value,
                0.5 / (9 * length) as weight
            from spelt, range(1, length + 1) as places(place), range(0, 10) as others(digit)
            where substr(digits, place, 1) <> cast(digit as varchar)
            union all
            select
                spelt.* exclude (digits, length),
                cast(
                    left(digits, place - 1)
                    || substr(digits, place + 1, 1)
                    || substr(digits, place, 1)
                    || substr(digits, place + 2) as double
                ),
                0.25 / (length - 1)
            from spelt, range(1, length) as places(place)
            where substr(digits, place, 1) <> substr(digits, place + 1, 1)
            union all
            select
                spelt.* exclude (digits, length),
                cast(left(digits, place - 1) || substr(digits, place + 1) as double),
                0.12 / (10 * length)
            from spelt, range(1, length + 1) as places(place)
            where length > 1
            union all
            select
                spelt.* exclude (digits, length),
                cast(left(digits, place) || digit || substr(digits, place + 1) as double),
                0.12 / (length + 1)
            from spelt, range(0, length + 1) as places(place), range(0, 10) as others(digit)
        ),

        added_up as (
            select
                line_no,
                series_no,
                time_period,
                reported,
                reported - reported_this_year as suggested_value,
                0.7 as weight
            from positive
            where statistical_kind = 'flow' and reported_this_year > 0
            union all
            select line_no, series_no, time_period, reported, reported - reported_before, 0.3
            from positive
            where
                statistical_kind = 'flow'
                and reported_this_year > reported_before
                and own_move_before > 0.3
        ),

        -- A total of the district, or of all.
        totals as (
            select
                series_no,
                period_no,
                district_no,
                sum(of_counts := exp(expected)) as total,
                sum(of_counts := greatest(reported, 0)) as reported_total,
                count(*) as areas
            from cells
            group by grouping sets ((series_no, period_no, district_no), (series_no, period_no))
        ),

        totalled as (
            select
                positive.line_no,
                positive.series_no,
                positive.time_period,
                exp(positive.expected) - 0.5 as suggested_value,
                exp(-0.5 * power(ln(positive.reported / totals.total) / 0.15, 2))
                * 0.4
                / 0.15 as weight
            from positive
            inner join
                totals
                on positive.series_no = totals.series_no
                and positive.period_no = totals.period_no
                and (totals.district_no is null or positive.district_no = totals.district_no)
            where totals.areas > 2 and abs(ln(positive.reported / totals.total)) < 0.6
        ),

        -- What is left of it when the others are taken away should be the own figure.
        left_over as (
            select
                positive.line_no,
                positive.series_no,
                positive.time_period,
                2 * positive.reported - totals.reported_total as suggested_value,
                0.4
                * positive.reported
                / greatest(2 * positive.reported - totals.reported_total, 0.5) as weight
            from positive
            inner join
                totals
                on positive.series_no = totals.series_no
                and positive.period_no = totals.period_no
                and (totals.district_no is null or positive.district_no = totals.district_no)
            where totals.areas > 2 and 2 * positive.reported >= totals.reported_total
        ),

        swapped as (
            select
                ones.line_no,
                ones.series_no,
                ones.time_period,
                others.reported as suggested_value,
                others.series_no as other_no,
                exp(
                    {{ fit_of("others.reported", "ones") }}
                    + {{ fit_of("ones.reported", "others") }}
                )
                / others.likelihood
                / (2 + abs(ones.series_no - others.series_no)) as weight
            from suspects as ones
            inner join
                suspects as others
                on ones.line_no = others.line_no
                and ones.time_period = others.time_period
                and ones.series_no <> others.series_no
                and ones.reported <> others.reported
            where
                {{ fit_of("others.reported", "ones") }} > greatest(
                    ln(ones.likelihood),
                    case when others.reported = 0 then -3 else -4 - ln(ones.log_deviation) end
                )
                and {{ fit_of("ones.reported", "others") }} > greatest(
                    ln(others.likelihood),
                    case when ones.reported = 0 then -3 else -4 - ln(others.log_deviation) end
                )
                and (ones.reported > 0 or ones.zero_chance < 0.05)
                and (others.reported > 0 or others.zero_chance < 0.05)
        ),

        -- Increments are sent for one stock or for nearly all of them, and then for no flow is
        -- there a
        -- zero; cells left blank are anywhere.
        increments as (
            select
                line_no,
                time_period,
                case
                    when fallen > 0.6 * stocks and zero_flows < 0.5 * flows
                    then 3
                    when fallen > 1
                    then 0.3
                    else 1.1
                end as weight
            from
                (
                    select
                        line_no,
                        time_period,
                        count(*) filter (where statistical_kind = 'stock') as stocks,
                        count(*) filter (
                            where statistical_kind = 'stock' and reported < 0.3 * reported_before
                        ) as fallen,
                        count(*) filter (where statistical_kind = 'flow') as flows,
                        count(*) filter (
                            where statistical_kind = 'flow' and reported = 0
                        ) as zero_flows
                    from cells
                    where expected > 1.6 and periods_before > 0
                    group by line_no, time_period
                ) as counted
            where fallen > 0
        ),

        direct as (
            select line_no, series_no, time_period, 'scale_error' as cause, suggested_value, weight
            from scaled
            union all
            select
                line_no,
                series_no,
                time_period,
                'digit_error',
                suggested_value,
                weight * reported / suggested_value
            from slips
            where suggested_value > 0
            union all
            select line_no, series_no, time_period, 'digit_error', - reported, 1
            from suspects
            where reported < 0
            union all
            select
                line_no,
                series_no,
                time_period,
                'cumulative_reported',
                suggested_value,
                weight * reported / suggested_value
            from added_up
            where suggested_value > 0
            union all
            select line_no, series_no, time_period, 'upper_level_total', suggested_value, weight
            from left_over
            union all
            select
                line_no,
                series_no,
                time_period,
                'double_count',
                reported / 2,
                case when reported % 2 = 0 then 1.5 else 0.1 end
            from positive
        ),

        corrected as (
            select
                direct.*,
                direct.weight
                * {{
                    likelihood_of(
                        distance(
                            "direct.suggested_value",
                            "suspects.expected",
                            "suspects.spread",
                            "suspects.chance",
                        )
                    )
                }}
                / suspects.log_deviation as fit
            from direct
            inner join suspects using (line_no, series_no, time_period)
            where
                abs(
                    {{
                        distance(
                            "direct.suggested_value",
                            "suspects.expected",
                            "suspects.spread",
                            "suspects.chance",
                        )
                    }}
                )
                < least(4, abs(suspects.distance) - 0.5)
        ),

        -- Parts that exceed their whole, and figures without what drives them.
        related as (
            select
                parts.line_no,
                parts.time_period,
                parts.period_no,
                parts.series_no as part_no,
                wholes.series_no as whole_no,
                series.whole_no = wholes.series_no as is_part,
                case
                    when series.whole_no = wholes.series_no
                    then parts.reported > wholes.reported
                    else (parts.reported > 0) and wholes.reported = 0
                end as is_broken,
                parts.reported / nullif(wholes.reported, 0) as times_whole,
                {{ plausibility_of("wholes") }} / (
                    {{ plausibility_of("wholes") }} + {{ plausibility_of("parts") }}
                ) as part_is_wrong,
                exp(parts.expected) - 0.5 as part_expected,
                exp(wholes.expected) - 0.5 as whole_expected
            from {{ ref("plausibility_series") }} as series
            inner join cells as parts on series.series_no = parts.series_no
            inner join
                cells as wholes
                on parts.line_no = wholes.line_no
                and parts.time_period = wholes.time_period
                and wholes.series_no in (series.whole_no, series.driver_no)
        ),

        usually_broken as (
            select
                part_no,
                whole_no,
                period_no,
                greatest(0, count(*) filter (where is_broken) - 1) / count(*) as share
            from related
            group by part_no, whole_no, period_no
        ),

        broken as (
            select
                related.line_no,
                case
                    when related.part_is_wrong >= 0.5 then related.part_no else related.whole_no
                end as series_no,
                related.time_period,
                case
                    when related.part_is_wrong >= 0.5 then related.whole_no else related.part_no
                end as other_no,
                case
                    when related.part_is_wrong >= 0.5
                    then related.part_expected
                    else related.whole_expected
                end as suggested_value,
                -- What is many times its whole has another reason.
                case when related.times_whole < 2 then 3 when related.is_part then 0.3 else 1 end
                * 0.005
                / (usually_broken.share + 0.005) as weight,
                -- A part is never larger than its whole: one of the two is wrong for certain.
                case
                    when related.is_part
                    then greatest(related.part_is_wrong, 1 - related.part_is_wrong)
                end as least_probability
            from related
            inner join usually_broken using (part_no, whole_no, period_no)
            where related.is_broken
        )

    select
        line_no,
        series_no,
        time_period,
        corrected.cause,
        sum(of_counts := fit) * any_value(causes.prior) as weight,
        arg_max(suggested_value, (fit, suggested_value)) as suggested_value,
        cast(null as bigint) as other_no,
        cast(null as double) as least_probability
    from corrected
    inner join {{ ref("causes") }} as causes using (cause)
    group by line_no, series_no, time_period, corrected.cause
    union all
    select
        line_no,
        series_no,
        time_period,
        'upper_level_total',
        max(weight) * {{ prior_of("upper_level_total") }},
        any_value(suggested_value),
        null,
        null
    from totalled
    group by line_no, series_no, time_period
    union all
    select
        line_no,
        series_no,
        time_period,
        'swapped_cells',
        sum(of_counts := weight) * {{ prior_of("swapped_cells") }},
        arg_max(suggested_value, (weight, suggested_value)),
        arg_max(other_no, (weight, other_no)),
        null
    from swapped
    group by line_no, series_no, time_period
    union all
    select
        line_no,
        series_no,
        time_period,
        'relation_broken',
        0.1 * max(weight) * {{ prior_of("relation_broken") }},
        arg_max(suggested_value, (weight, suggested_value)),
        arg_max(other_no, (weight, other_no)),
        max(least_probability)
    from broken
    group by line_no, series_no, time_period
    union all
    select
        line_no,
        series_no,
        time_period,
        'blank_as_zero',
        {{ prior_of("blank_as_zero") }},
        exp(expected) - 0.5,
        null,
        null
    from suspects
    where reported = 0
    union all
    select
        line_no,
        series_no,
        time_period,
        'increment_reported',
        increments.weight * {{ prior_of("increment_reported") }},
        reported_before,
        null,
        null
    from suspects
    inner join increments using (line_no, time_period)
    where reported = 0 and statistical_kind = 'stock' and reported_before > 0
    union all
    -- How much came to it may be any small figure, and fits no better where little does.
    select
        line_no,
        series_no,
        time_period,
        'increment_reported',
        0.3
        * increments.weight
        * greatest(0, 1 - reported / (0.3 * reported_before))
        * {{ prior_of("increment_reported") }},
        reported_before + reported,
        null,
        null
    from suspects
    inner join increments using (line_no, time_period)
    where statistical_kind = 'stock' and reported > 0 and reported < 0.3 * reported_before
    union all
    select
        line_no,
        series_no,
        time_period,
        'unexplained_outlier',
        {{ prior_of("unexplained_outlier") }} * 0.1,
        exp(expected) - 0.5,
        null,
        case when reported < 0 then 0.95 end
    from suspects
    where reported <> 0
{%- endmacro %}
