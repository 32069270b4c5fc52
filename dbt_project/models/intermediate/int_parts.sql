-- The parts of districts that lie in one province, for every form and period: what is asked of them
-- and what came. All totals above the commune are sums over parts. Grouped by all that the key
-- stands for, so that the test of the key would find two parts with one.
with reports as (select * from {{ ref("int_reports") }} where is_counted)

select
    part_key,
    form_period,
    form,
    calendar,
    frequency,
    time_period,
    period_end,
    months,
    district_area,
    district_key,
    province_area,
    province_key,
    cast(count(*) as integer) as areas_expected,
    cast(count(report_number) as integer) as areas_received,
    cast(count(*) filter (report_status = 'held') as integer) as areas_waiting,
    cast(count(*) filter (is_late) as integer) as areas_late,
    cast(sum(sizes_over_areas := households) as bigint) as households_expected,
    cast(count(households) as integer) as areas_expected_sized,
    cast(
        sum(sizes_over_areas := households) filter (report_number is not null) as bigint
    ) as households_received,
    cast(count(households) filter (report_number is not null) as integer) as areas_received_sized
from reports
group by all
