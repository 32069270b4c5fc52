-- Totals of other groupings of communes (seeds/area_groups.csv): regions, clusters. Whoever asks
-- names a period: it goes through the figures of the communes.
with

    figures as (select * from {{ ref("int_commune_figures") }} where is_counted),

    members as (
        select *
        from {{ ref("int_group_members") }}
        where group_kind <> '{{ var("district_grouping") }}'
    ),

    totals as (
        select
            members.group_kind,
            members.group_code,
            members.group_name_vi,
            members.is_exact_union,
            cast(null as varchar) as province_area,
            figures.calendar,
            figures.frequency,
            figures.time_period,
            figures.period_end,
            figures.indicator,
            figures.obs_value as sum_of_values,
            figures.obs_value as largest_value,
            case when figures.obs_value > 0 then 1 else 0 end as areas_in_class,
            figures.numerator,
            figures.denominator,
            1 as areas_expected,
            case when figures.report_number is not null then 1 else 0 end as areas_received,
            case
                when coalesce(figures.denominator, figures.obs_value) is not null then 1 else 0
            end as areas_included,
            case when figures.value_status = 'held' then 1 else 0 end as areas_held,
            case when figures.is_late then 1 else 0 end as areas_late,
            figures.households as households_expected,
            case
                when coalesce(figures.denominator, figures.obs_value) is not null
                then figures.households
            end as households_included,
            case when figures.households is not null then 1 else 0 end as areas_expected_sized,
            case
                when
                    coalesce(figures.denominator, figures.obs_value) is not null
                    and figures.households is not null
                then 1
                else 0
            end as areas_included_sized
        from figures
        inner join
            members
            on figures.area_key = members.area_key
            and {{ in_force("members", "figures.area_day") }}
    ),

    {{ observations("totals", ["group_kind", "group_code", "group_name_vi", "is_exact_union"]) }}

select
    observed.group_kind,
    observed.group_code as ref_area,
    observed.group_name_vi as area_name_vi,
    observed.is_exact_union,
    {{ observed_columns() }}
from observed
