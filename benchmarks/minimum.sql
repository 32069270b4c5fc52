-- The least that gives sums and counts of districts, provinces and the country: what a build is
-- measured against. No ratios, no coverage, no two maps, no checks, no tests. The places of the
-- communes are looked up once per report; cells are read once, and upper levels add up lower ones.
create table reports as
select
    submissions.report_number,
    submissions.time_period,
    districts.area_key as district_key,
    districts.parent_area as province_area
from warehouse.raw.submissions as submissions
inner join read_csv(getvariable('areas'), all_varchar = true) as communes using (area_key)
inner join
    read_csv(getvariable('areas'), all_varchar = true) as districts
    on communes.parent_area = districts.ref_area
    and districts.level = 'district'
    and communes.valid_from between districts.valid_from and coalesce(districts.valid_to, '9999')
where
    submissions.is_loaded
    and submissions.version = (
        select max(others.version)
        from warehouse.raw.submissions as others
        where
            others.is_loaded
            and others.ref_area = submissions.ref_area
            and others.form = submissions.form
            and others.time_period = submissions.time_period
    );

create table districts as
select
    district_key,
    province_area,
    time_period,
    indicator,
    sum(obs_value) as obs_value,
    count(obs_value) as areas_included
from warehouse.raw.cells
inner join reports using (report_number)
where measure = 'period' and status = 'read'
group by all;

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
