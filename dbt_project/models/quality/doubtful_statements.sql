-- Published statements that the register of areas or the sum of the communes contradicts. When an
-- earlier number of communes equals the figure, that is the likely reason: it was not updated
-- after a merger. A figure that the register already contradicts is asked about once; one about
-- several years belongs to no period in which it could be asked about.
with

    statements as (select * from {{ ref("stg_statements") }} where breakdown_of is null),

    indicators as (select * from {{ ref("stg_indicators") }}),

    periods as (select * from {{ ref("int_periods") }}),

    communes as (select * from {{ ref("int_communes_in_force") }}),

    capped as (
        select
            statements.*,
            indicators.calendar,
            periods.period_end as last_day,
            communes.area_key,
            communes.area_name_vi,
            cast(communes.communes as decimal(18, 4)) as communes
        from statements
        inner join
            indicators
            on statements.indicator = indicators.indicator
            and indicators.ceiling = 'communes_in_force'
        inner join
            periods
            on indicators.calendar = periods.calendar
            and statements.time_period = periods.time_period
        inner join
            communes
            on statements.ref_area = communes.ref_area
            and {{ in_force("communes", "periods.period_end") }}
        where statements.stated_value > communes.communes
    ),

    stale as (
        select capped.statement, max(communes.valid_to) as stale_since
        from capped
        inner join
            communes
            on capped.ref_area = communes.ref_area
            and capped.area_name_vi = communes.area_name_vi
            and capped.stated_value = communes.communes
            and capped.last_day >= communes.valid_to
        group by capped.statement
    )

select
    'statement_does_not_exceed_areas_in_force' as check_name,
    cast(null as varchar) as severity,
    capped.area_key,
    capped.calendar,
    capped.time_period,
    capped.indicator,
    capped.stated_value as obs_value,
    cast(0 as decimal(18, 4)) as expected_low,
    capped.communes as expected_high,
    cast(null as decimal(18, 4)) as suggested_value,
    cast(null as varchar) as other_indicator,
    capped.communes as other_value,
    cast(null as varchar) as limit_phrase,
    case when stale.stale_since is not null then 'quality.stale_area_count' end as reason_phrase,
    stale.stale_since as reason_date,
    false as is_settled,
    cast(null as varchar) as decision,
    cast(null as varchar) as submission_id,
    capped.source_file as sheet,
    capped.statement as cell
from capped
left join stale on capped.statement = stale.statement
union all
select
    'statement_matches_communes' as check_name,
    null as severity,
    reconciliation.area_key,
    indicators.calendar,
    reconciliation.time_period,
    reconciliation.indicator,
    reconciliation.stated_value as obs_value,
    coalesce(reconciliation.communes_value, reconciliation.lower_bound) as expected_low,
    coalesce(reconciliation.communes_value, reconciliation.upper_bound) as expected_high,
    null as suggested_value,
    null as other_indicator,
    coalesce(reconciliation.communes_value, reconciliation.upper_bound) as other_value,
    null as limit_phrase,
    null as reason_phrase,
    null as reason_date,
    false as is_settled,
    null as decision,
    null as submission_id,
    reconciliation.source_file as sheet,
    reconciliation.statement as cell
from {{ ref("statement_reconciliation") }} as reconciliation
inner join indicators on reconciliation.indicator = indicators.indicator
left join capped on reconciliation.statement = capped.statement
where
    reconciliation.status in ('differs', 'contradicts')
    and reconciliation.time_period is not null
    and capped.statement is null
