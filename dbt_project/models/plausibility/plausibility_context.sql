-- Every figure with what went before it in the last twelve periods, and with what drives it.
with

    figures as not materialized(select * from {{ ref("plausibility_figures") }}),

    series as (
        select series_no, statistical_kind, coalesce(driver_no, whole_no) as driver_no
        from {{ ref("plausibility_series") }}
    ),

    sequences as (
        select
            figures.line_no,
            figures.series_no,
            figures.period_no,
            -- The newest first; to put lists in order costs three times as much.
            arg_max(history.reported, history.period_no, 12) as figures_before,
            max(history.period_no) as last_period_no,
            arg_max(history.log_amount, history.period_no) as log_before,
            sum(of_counts := history.amount) filter (
                where history.year = figures.year
            ) as amount_this_year
        from figures
        inner join
            {{ ref("plausibility_history") }} as history on {{ went_before("history", "figures") }}
        group by figures.line_no, figures.series_no, figures.period_no
    ),

    remembered as (
        select
            figures.*,
            coalesce(sequences.figures_before, []) as figures_before,
            sequences.last_period_no,
            sequences.log_before,
            sequences.amount_this_year
        from figures
        left join sequences using (line_no, series_no, period_no)
    )

select
    figures.* exclude (figures_before, last_period_no, log_before, amount_this_year),
    series.statistical_kind,
    drivers.series_no as driver_no,
    drivers.amount as driver_amount,
    drivers.log_amount as driver_log,
    figures.figures_before[1] as reported_before,
    figures.figures_before[2] as second_before,
    len(figures.figures_before) as seen_before,
    len(list_filter(figures.figures_before, lambda figure:figure = 0)) as zeros_before,
    len(list_filter(figures.figures_before, lambda figure:figure >= 10)) as large_before,
    len(
        list_filter(figures.figures_before, lambda figure:figure >= 10 and figure % 10 = 0)
    ) as round_before,
    len(
        list_filter(
            figures.figures_before,
            lambda figure,
            place:figure > 0 and figure = figures.figures_before[place + 1]
        )
    ) as repeats_before,
    case
        when figures.last_period_no = figures.period_no - 1 then figures.amount_this_year
    end as reported_this_year,
    -- A jump of a stock that a person has confirmed is where a new history begins.
    coalesce(
        figures.decision = 'confirmed'
        and series.statistical_kind = 'stock'
        and abs(figures.log_amount - figures.log_before) > 0.2,
        false
    ) as begins_anew
from remembered as figures
inner join series on figures.series_no = series.series_no
left join
    figures as drivers
    on figures.line_no = drivers.line_no
    and figures.time_period = drivers.time_period
    and series.driver_no = drivers.series_no
