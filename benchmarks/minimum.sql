-- The least that gives sums and counts of districts, provinces and the country: what a build is
-- measured against. No ratios, no coverage, no second map, no checks, no tests. Cells are read
-- once,
-- joined and grouped by numbers; names are put to the sums, and upper levels add up lower ones.
create table reports as
select
    newest.report_number,
    newest.time_period,
    districts.area_key as district_key,
    districts.parent_area as province_area,
    cast(dense_rank() over (order by newest.time_period, districts.area_key) as integer) as part
from
    (
        select
            area_key,
            time_period,
            arg_max(report_number, version) as report_number
        from warehouse.raw.submissions
        where is_loaded
        group by area_key, form, time_period
    ) as newest
inner join read_csv(getvariable('areas'), all_varchar = true) as communes using (area_key)
inner join
    read_csv(getvariable('areas'), all_varchar = true) as districts
    on communes.parent_area = districts.ref_area
    and districts.level = 'district'
    and communes.valid_from between districts.valid_from and coalesce(districts.valid_to, '9999');

create table districts as
with
    sums as (
        select part, indicator, sum(obs_value) as obs_value, count(obs_value) as areas_included
        from warehouse.raw.cells
        inner join reports using (report_number)
        where measure = 'period' and status = 'read'
        group by part, indicator
    )
select
    parts.district_key,
    parts.province_area,
    parts.time_period,
    sums.indicator,
    sums.obs_value,
    sums.areas_included
from sums
inner join (select distinct on (part) * from reports) as parts using (part);

create table provinces as
select
    province_area,
    time_period,
    indicator,
    sum(obs_value) as obs_value,
    sum(areas_included) as areas_included
from districts
group by all;

create table countries as
select
    time_period,
    indicator,
    sum(obs_value) as obs_value,
    sum(areas_included) as areas_included
from provinces
group by all;
