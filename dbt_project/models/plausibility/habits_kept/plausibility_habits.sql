-- How often the figures of an indicator repeat themselves, are round, have decimals or are a zero
-- where none was before, in each period.
select
    series_no,
    period_no,
    time_period,
    count(*) as cells,
    median(of_logs := log_amount) filter (where amount > 0) as usual_if_any,
    count(*) filter (where reported <> floor(reported)) as fractions,
    count(*) filter (where reported_before is not null and reported > 0) as followed,
    count(*) filter (where reported = reported_before and reported > 0) as repeated,
    count(*) filter (
        where reported = reported_before and reported_before = second_before and reported > 0
    ) as repeated_again,
    count(*) filter (where reported_before = second_before and reported > 0) as followed_repeats,
    count(*) filter (where reported >= 10) as large,
    count(*) filter (where reported >= 10 and reported % 10 = 0) as round,
    count(*) filter (where may_be_first_zero and seen_before = 0) as firsts,
    count(*) filter (where may_be_first_zero and seen_before = 0 and reported = 0) as first_zeros,
    count(*) filter (where may_be_first_zero and seen_before > 0) as followed_without_zero,
    count(*) filter (where may_be_first_zero and seen_before > 0 and reported = 0) as new_zeros,
    coalesce(
        sum(of_counts := 1 / (seen_before + 1)) filter (
            where may_be_first_zero and seen_before > 0
        ),
        0
    ) as exposure
from
    (
        select *, zeros_before = 0 and coalesce(driver_amount, 1) > 0 as may_be_first_zero
        from {{ ref("plausibility_context") }}
        where is_judged
    ) as figures
group by series_no, period_no, time_period
