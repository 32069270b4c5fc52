-- What all areas reported for an indicator in a period: the middle, and how much nearer to it
-- they are by household.
-- What everybody does in a month (season, campaign, new definition) is in the middle and
-- surprises nobody.
with

    -- Where figures are large, a zero says that nothing took place, and tells nothing of how much
    -- there is when it does.
    kinds as (
        select
            series_no,
            period_no,
            sum(of_counts := usual_if_any) over so_far > ln(4) * count(*) over so_far as zeros_apart
        from {{ ref("plausibility_habits") }}
        where usual_if_any is not null
        window so_far as (partition by series_no order by period_no)
    ),

    known as (
        select figures.*, coalesce(kinds.zeros_apart, false) as zeros_apart
        from {{ ref("plausibility_figures") }} as figures
        left join kinds using (series_no, period_no)
        where
            figures.is_judged
            and (
                figures.amount > 0
                or (figures.amount = 0 and not coalesce(kinds.zeros_apart, false))
            )
    ),

    middles as (
        select
            series_no,
            period_no,
            median(of_logs := log_amount) as middle,
            median(of_logs := log_amount - log_size) as middle_per_size
        from known
        group by series_no, period_no
    )

select
    known.series_no,
    known.period_no,
    known.time_period,
    bool_or(known.zeros_apart) as zeros_apart,
    any_value(middles.middle) as middle,
    any_value(middles.middle_per_size) as middle_per_size,
    ln({{ spread_of("known.log_amount - known.log_size - middles.middle_per_size") }} + 0.02)
    - ln({{ spread_of("known.log_amount - middles.middle") }} + 0.02) as worse_per_size
from known
inner join middles using (series_no, period_no)
group by known.series_no, known.period_no, known.time_period
