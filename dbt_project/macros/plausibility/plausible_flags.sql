{#
  One row per figure that deserves a second look, with the probability that it is wrong, the likeliest mistake and what
  the figure may have been meant to be. A flag is a row with a score of at least one half.
#}
{% macro plausible_flags(look) -%}
    with

        cells as (select * from {{ ref(look ~ "_look_expectations") }}),

        suspects as (select * from {{ ref(look ~ "_look_suspects") }}),

        indicators as (select * from {{ ref("plausibility_series") }}),

        explanations as (select * from {{ ref(look ~ "_look_explanations") }}),

        weighed as (
            select
                explanations.*,
                -- Nothing that comes of nothing tells no more than what it comes of.
                coalesce(cells.reported <> 0 or cells.driver_amount > 0, true) as tells_of_others,
                -- Of right figures hardly any breaks a relation.
                coalesce(suspects.likelihood, 0.4 / cells.log_deviation) * case
                    when
                        bool_or(explanations.cause = 'relation_broken') over (
                            partition by
                                explanations.line_no,
                                explanations.series_no,
                                explanations.time_period
                        )
                    then 0.1
                    else 1
                end as weight_right
            from explanations
            inner join cells using (line_no, series_no, time_period)
            left join suspects using (line_no, series_no, time_period)
        ),

        alone as (
            select
                *,
                weight / (
                    weight_right
                    + sum(of_counts := weight) over (partition by line_no, series_no, time_period)
                ) as probability
            from weighed
        ),

        -- One file and one cause is one incident: where other cells of the file show it, it is
        -- likelier in this one, too.
        together as (
            select
                *,
                weight * (1 + {{ var("plausibility_contagion") }} * companions) as weight_together
            from
                (
                    select
                        *,
                        least(
                            3,
                            sum(of_counts := probability) filter (where tells_of_others) over (
                                partition by line_no, time_period, cause
                            )
                            - case when tells_of_others then probability else 0 end
                        ) as companions
                    from alone
                ) as accompanied
        ),

        cell_level as (
            select
                together.line_no,
                together.series_no,
                together.time_period,
                {{
                    likeliest(
                        [
                            "together.cause",
                            "indicators.indicator",
                            "together.suggested_value",
                            "together.companions",
                        ],
                        "together.weight_together",
                    )
                }} as likeliest,
                greatest(
                    sum(of_counts := together.weight_together) / (
                        sum(of_counts := together.weight_together)
                        + any_value(together.weight_right)
                    ),
                    max(together.least_probability)
                ) as probability,
                max(together.least_probability) is not null as is_certain
            from together
            left join indicators on together.other_no = indicators.series_no
            group by together.line_no, together.series_no, together.time_period
        ),

        incidents as (
            select
                line_no,
                series_no,
                time_period,
                cause,
                other,
                suggested_value,
                share_wrong / (1 + exp(- greatest(-50, least(50, log_odds)))) as probability
            from {{ ref(look ~ "_look_files") }}
            union all
            select
                blocks.line_no,
                blocks.series_no,
                blocks.time_period,
                'shifted_block',
                indicators.indicator,
                blocks.suggested_value,
                blocks.share_wrong / (1 + exp(- greatest(-50, least(50, blocks.log_odds))))
            from {{ ref(look ~ "_look_blocks") }} as blocks
            left join indicators on blocks.other_no = indicators.series_no
        ),

        opinions as (
            select
                line_no,
                series_no,
                time_period,
                likeliest.cause,
                likeliest.indicator as other,
                likeliest.suggested_value,
                probability,
                -- What is wrong with a whole file is said of each of its cells.
                is_certain,
                probability * case
                    when likeliest.cause = 'unexplained_outlier'
                    then 0.4
                    else 0.7 + 0.3 * least(1, likeliest.companions / 3)
                end as preference
            from cell_level
            union all
            select
                line_no,
                series_no,
                time_period,
                cause,
                other,
                suggested_value,
                probability,
                false,
                probability * case when cause = 'shifted_block' then 0.85 else 1 end
            from incidents
        ),

        weighed_up as (
            select
                line_no,
                series_no,
                time_period,
                exp(sum(of_counts := ln(1 - least(probability, 0.9999)))) as right_as_well,
                bool_or(is_certain) as is_certain,
                {{ likeliest(["cause", "other", "suggested_value"], "preference") }} as likeliest
            from opinions
            group by line_no, series_no, time_period
        ),

        -- Explanations overlap: of those with a score of one half, half are wrong only after this.
        joined as (
            select
                *,
                greatest(
                    0.6 * (1 - right_as_well) / (0.6 * (1 - right_as_well) + right_as_well),
                    case when is_certain then 0.5 end
                ) as score
            from weighed_up
        ),

        -- Who confirms several figures of a file knows of an event, and of whatever moved with
        -- them.
        events as (
            select line_no, time_period, median(of_logs := own_move) as move
            from cells
            where decision = 'confirmed'
            group by line_no, time_period
            having count(*) >= 2 and abs(median(of_logs := own_move)) > 0.2
        ),

        told as (
            select
                joined.line_no,
                joined.series_no,
                joined.time_period,
                joined.score,
                joined.likeliest.cause,
                joined.likeliest.other,
                cells.ref_area,
                cells.reported,
                cells.period_no,
                round(greatest(exp(cells.expected) - 0.5, 0)) as expected_value,
                round(
                    greatest(exp(cells.expected - 2 * cells.log_deviation) - 0.5, 0)
                ) as expected_low,
                round(exp(cells.expected + 2 * cells.log_deviation)) as expected_high,
                round(
                    greatest(
                        coalesce(joined.likeliest.suggested_value, exp(cells.expected) - 0.5), 0
                    )
                ) as suggested_value
            from joined
            inner join cells using (line_no, series_no, time_period)
            left join events using (line_no, time_period)
            where
                cells.decision is null
                and (
                    events.move is null
                    or joined.is_certain
                    or coalesce(
                        abs(cells.own_move - events.move) > 0.2 + 0.5 * abs(events.move), true
                    )
                )
                and joined.score >= {{ var("plausibility_least_score") }}
        ),

        totals as (
            select series_no, period_no, sum(of_counts := exp(expected)) as total
            from cells
            group by series_no, period_no
        )

    select
        told.line_no,
        told.series_no,
        told.ref_area,
        told.time_period,
        indicators.indicator,
        round(told.score, 6) as score,
        told.cause as suspected_cause,
        least(told.suggested_value, 1e15) as suggested_value,
        told.other,
        least(told.expected_value, 1e15) as expected_value,
        least(told.expected_low, 1e15) as expected_low,
        least(told.expected_high, 1e15) as expected_high,
        -- What checking it is worth: the share of the total that is expected to be wrong by it.
        round(
            told.score * abs(told.reported - told.suggested_value) / greatest(totals.total, 1), 6
        ) as impact,
        {{
            sentence(
                "causes.message_vi",
                {
                    "value": so_vn("least(told.reported, 1e15)"),
                    "expected": so_vn("least(told.expected_value, 1e15)"),
                    "suggested": so_vn("least(told.suggested_value, 1e15)"),
                    "times": times_vn("least(told.reported, 1e15)", "told.suggested_value"),
                    "other": "told.other",
                },
            )
        }} as message_vi
    from told
    inner join indicators using (series_no)
    inner join totals using (series_no, period_no)
    inner join {{ ref("causes") }} as causes on told.cause = causes.cause
{%- endmacro %}
