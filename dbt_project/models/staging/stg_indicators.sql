-- The catalogue, and what follows from it for every model: on which form an indicator is asked (a
-- ratio where its numerator is), in which calendar, and for how many months a figure of its
-- frequency stands.
with

    indicators as (select * from {{ ref("indicators") }}),

    forms as (select * from {{ ref("stg_forms") }}),

    frequencies as (select * from {{ months_of_frequencies() }})

select
    cast(row_number() over (order by indicators.indicator) as integer) as indicator_number,
    indicators.*,
    frequencies.months,
    coalesce(indicators.form, numerators.form) as asked_on_form,
    forms.calendar,
    case when indicators.unit_measure = '%' then 100 else 1 end as ratio_factor
from indicators
inner join frequencies on indicators.frequency = frequencies.frequency
left join indicators as numerators on indicators.numerator = numerators.indicator
left join forms on coalesce(indicators.form, numerators.form) = forms.form
