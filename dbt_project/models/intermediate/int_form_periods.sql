-- The periods of every form. Numbered, because there are millions of reports: a number is cheaper
-- to join and to sort by than two words.
select
    cast(row_number() over (order by forms.form, periods.time_period) as bigint) as form_period,
    cast(dense_rank() over (order by forms.form, periods.frequency) as integer) as series,
    forms.form,
    periods.time_period,
    periods.calendar,
    periods.frequency,
    periods.period_start,
    periods.period_end,
    periods.months
from {{ ref("stg_forms") }} as forms
inner join {{ ref("int_periods") }} as periods on forms.calendar = periods.calendar
