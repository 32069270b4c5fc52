{#
  Figures that need an explanation, with the other values that a right figure might have been expected at: where the
  rest of its file, its family on the form or its own last period moved to. What moves with its neighbours is an event.
#}
{% macro plausible_suspects(look) -%}
    with

        cells as not materialized(select * from {{ ref(look ~ "_look_expectations") }}),

        series as (select * from {{ ref("plausibility_series") }}),

        links as (
            select series.series_no, others.series_no as other_no
            from series
            inner join
                series as others
                on others.series_no in (series.whole_no, series.driver_no)
                or series.series_no in (others.whole_no, others.driver_no)
                or others.whole_no = series.whole_no
                or others.driver_no = series.driver_no
            where series.series_no <> others.series_no
            group by all
        ),

        strange as (
            select *
            from cells
            where
                abs(distance) > {{ var("plausibility_distance") }}
                or reported <> floor(reported)
                or reported < 0
                or reported = 0
                and zeros_apart
                and zero_chance < 0.3
        ),

        -- What moved beside it on the form.
        forms as (
            select
                line_no,
                time_period,
                series_no,
                own_move,
                row_number() over (
                    partition by line_no, time_period order by series_no
                ) as row_of_file
            from cells
        ),

        beside as (
            select
                ones.line_no,
                ones.series_no,
                ones.time_period,
                median(of_logs := others.own_move) as move_beside
            from strange
            inner join forms as ones using (line_no, series_no, time_period)
            inner join
                forms as others
                on ones.line_no = others.line_no
                and ones.time_period = others.time_period
                and abs(ones.row_of_file - others.row_of_file) between 1 and 2
            group by ones.line_no, ones.series_no, ones.time_period
        ),

        families as (
            select
                strange.line_no,
                strange.series_no,
                strange.time_period,
                median(of_logs := cells.own_move) as move_of_family
            from strange
            inner join links using (series_no)
            inner join
                cells
                on strange.line_no = cells.line_no
                and strange.time_period = cells.time_period
                and links.other_no = cells.series_no
            group by strange.line_no, strange.series_no, strange.time_period
        ),

        -- What a person has confirmed of this area before, or of its district now, may be so again.
        events as (
            select
                strange.line_no,
                strange.series_no,
                strange.time_period,
                arg_min(
                    events.own_move, (abs(events.own_move - strange.own_move), events.own_move)
                ) as move_of_event
            from strange
            inner join
                {{ ref(look ~ "_look_events") }} as events
                on strange.series_no = events.series_no
                and (
                    strange.line_no = events.line_no
                    and strange.period_no > events.period_no
                    or strange.line_no <> events.line_no
                    and strange.period_no = events.period_no
                    and strange.district_no = events.district_no
                )
            group by strange.line_no, strange.series_no, strange.time_period
        ),

        drivers as (
            select strange.line_no, strange.series_no, strange.time_period, cells.zero_chance
            from strange
            inner join series on strange.series_no = series.series_no
            inner join
                cells
                on strange.line_no = cells.line_no
                and strange.time_period = cells.time_period
                and coalesce(series.driver_no, series.whole_no) = cells.series_no
            where strange.reported = 0 and cells.reported = 0
        ),

        -- How often figures have decimals, and how often one has gone to another level for good.
        habits as (
            select
                series_no,
                period_no,
                habits.fractions / habits.cells as fraction_share,
                (sum(of_counts := jumps.jumps) over so_far + 1)
                / (sum(of_counts := habits.cells) over so_far + 500) as jump_chance
            from {{ ref("plausibility_habits") }} as habits
            inner join {{ ref(look ~ "_look_jumps") }} as jumps using (series_no, period_no)
            window so_far as (partition by series_no order by period_no)
        )

    select
        strange.*,
        families.move_of_family,
        greatest(
            -- That a small figure is another by one is no news.
            case
                when
                    strange.reported > 0
                    and abs(strange.reported - exp(strange.expected) + 0.5) < 1.3
                then 0.03
                else 1e-12
            end,
            case
                when strange.reported = 0
                then
                    -- Nothing comes of nothing, unless that is a mistake, too.
                    greatest(strange.zero_chance, least(1, 10 * coalesce(drivers.zero_chance, 0)))
                else
                    (
                        0.72 * {{ likelihood_of("strange.distance") }}
                        + 0.10
                        * exp(-1.5 * greatest(0, abs(coalesce(beside.move_beside, 0)) - 0.5))
                        * {{
                            likelihood_of(
                                distance(
                                    "strange.amount",
                                    "strange.expected + coalesce(beside.move_beside, 0)",
                                    "strange.spread",
                                    "strange.chance",
                                )
                            )
                        }}
                        + 0.12
                        * exp(-1.5 * greatest(0, abs(coalesce(families.move_of_family, 0)) - 0.5))
                        * {{
                            likelihood_of(
                                distance(
                                    "strange.amount",
                                    "strange.expected + coalesce(families.move_of_family, 0)",
                                    "strange.spread",
                                    "strange.chance",
                                )
                            )
                        }}
                        + 0.06
                        * exp(-1.5 * greatest(0, abs(coalesce(strange.own_move_before, 0)) - 0.5))
                        * {{
                            likelihood_of(
                                distance(
                                    "strange.amount",
                                    "strange.expected + coalesce(strange.own_move_before, 0)",
                                    "strange.spread",
                                    "strange.chance",
                                )
                            )
                        }}
                    )
                    / strange.log_deviation
                    -- What is there may be more or less for good, of which nobody told.
                    + case
                        when strange.statistical_kind = 'stock'
                        then 0.6 * habits.jump_chance * exp(- abs(strange.own_move) / 0.8)
                        else 0
                    end
                    + case
                        when events.move_of_event is not null
                        then
                            0.3
                            * {{
                                likelihood_of(
                                    distance(
                                        "strange.amount",
                                        "strange.expected + events.move_of_event",
                                        "greatest(strange.spread, 0.3)",
                                        "strange.chance",
                                    )
                                )
                            }}
                            / {{
                                log_deviation(
                                    "strange.expected + events.move_of_event",
                                    "greatest(strange.spread, 0.3)",
                                    "strange.chance",
                                )
                            }}
                        else 0
                    end
                    -- What is known of an area from one or two figures may be wrong itself.
                    + case
                        when strange.periods_before between 1 and 2
                        then
                            0.02
                            *
                            {{
                                likelihood_of(
                                    "((ln(greatest(strange.amount, 0) + 0.5) - strange.expected_of_peers) / strange.peer_spread)"
                                )
                            }}
                            / strange.peer_spread
                        else 0
                    end
            end
            -- Below zero, or with decimals where nobody else has any.
            * case when strange.reported < 0 then 0.001 else 1 end
            * case
                when strange.reported <> floor(strange.reported) and habits.fraction_share < 0.05
                then 0.01
                else 1
            end
        ) as likelihood
    from strange
    left join families using (line_no, series_no, time_period)
    left join beside using (line_no, series_no, time_period)
    left join habits using (series_no, period_no)
    left join drivers using (line_no, series_no, time_period)
    left join events using (line_no, series_no, time_period)
{%- endmacro %}

{# How many figures of an indicator have gone to another level for good, in each period. #}
{% macro plausible_jumps(look) -%}
    select
        series_no,
        period_no,
        any_value(time_period) as time_period,
        count(*) filter (where jumped_before and abs(own_move - own_move_before) < 0.1) as jumps
    from {{ ref(look ~ "_look_expectations") }}
    group by series_no, period_no
{%- endmacro %}

{# The figures that a person has confirmed although they had moved: of events that may come again. #}
{% macro plausible_events(look) -%}
    select line_no, series_no, period_no, time_period, district_no, own_move
    from {{ ref(look ~ "_look_expectations") }}
    where decision = 'confirmed' and abs(own_move) > 0.2
{%- endmacro %}
