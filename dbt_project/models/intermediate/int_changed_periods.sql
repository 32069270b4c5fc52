-- The periods that have to be built again: something that their figures depend on is not what it
-- was
-- when they were last built. What counts is a fingerprint of the reports as they now are, so it
-- does
-- not matter when or in which order something came. A released period is judged again when its own
-- figures changed or somebody asks for it, not because a rule or a name did. Checks compare a
-- period with those before it, so a change is a reason to judge what follows it, too. What is to be
-- built is of no inputs until a build has ended well: one that was killed may leave totals of a
-- change that is taken back afterwards.
{{
    config(
        post_hook="update {{ source('meta', 'built_periods').render() }} set inputs_digest = '' where time_period in (select time_period from {{ this }} where is_to_build)"
    )
}}
with

    reports as (
        select
            time_period,
            count(*) as reports,
            bit_xor(
                hash(
                    area_key,
                    form,
                    report_number,
                    version,
                    report_status,
                    is_counted,
                    is_owed,
                    is_late,
                    due_date,
                    households,
                    district_key,
                    province_key
                )
            ) as fingerprint
        from {{ ref("int_reports") }}
        group by time_period
    ),

    corrections as (
        select
            time_period,
            bit_xor(
                hash(ref_area, indicator, measure, expected_value, choice, new_value)
            ) as fingerprint
        from {{ ref("int_corrections") }}
        group by time_period
    ),

    requests as (select * from {{ source("meta", "build_requests") }}),

    releases as (select distinct time_period from {{ source("meta", "releases") }}),

    states as (
        select
            reports.time_period,
            reports.reports
            || ' '
            || reports.fingerprint
            || coalesce(' ' || corrections.fingerprint, '') as inputs_digest,
            (select max(rules_digest) from requests) as rules_digest
        from reports
        left join corrections on reports.time_period = corrections.time_period
    ),

    compared as (
        select
            states.time_period,
            states.inputs_digest,
            states.rules_digest,
            built.inputs_digest is distinct from states.inputs_digest as is_changed,
            built.rules_digest is distinct from states.rules_digest as is_under_new_rules,
            built.time_period is not null as is_known,
            coalesce(built.is_judged, false) as is_judged,
            releases.time_period is not null as is_released,
            states.time_period in (select time_period from requests) as is_requested
        from states
        left join
            {{ source("meta", "built_periods") }} as built on states.time_period = built.time_period
        left join releases on states.time_period = releases.time_period
    ),

    periods as (select * from {{ ref("int_periods") }}),

    followers as (
        select distinct followers.time_period
        from compared
        inner join periods on compared.time_period = periods.time_period
        inner join
            periods as followers
            on periods.calendar = followers.calendar
            and periods.frequency = followers.frequency
            and (
                followers.previous_period = periods.time_period
                or (followers.year = periods.year and followers.number > periods.number)
            )
        where compared.is_changed
    )

select
    time_period,
    inputs_digest,
    rules_digest,
    is_changed or is_under_new_rules as is_to_build,
    is_requested
    or (
        (is_changed or time_period in (select time_period from followers))
        and (is_known or not is_released)
    )
    or (is_under_new_rules and not is_released) as is_to_judge,
    is_judged
from compared
