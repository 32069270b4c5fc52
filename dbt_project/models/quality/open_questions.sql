-- What is asked now, one row per question: the figures of one report with one cause, or one broken
-- check. Ordered by what an answer is expected to do to the totals of the province. is_needed ends
-- where it does no more: whatever is true of the rest, no total changes in the digits that are
-- read.
with

    flags as not materialized(select * from {{ ref("flags") }} where is_open),

    phrases as (select * from {{ ref("phrases") }}),

    asked as (select * from {{ source("meta", "questions") }}),

    -- What is in the review list already, as it was last written.
    standing as (
        select flag_id, obs_value
        from asked
        qualify
            row_number() over (partition by flag_id, obs_value order by listed_at desc) = 1
            and event = 'asked'
    ),

    questions as (
        select
            flags.incident_id as question_id,
            flags.time_period,
            bool_or(standing.flag_id is not null) as was_asked,
            bool_or(flags.severity = 'critical') as is_critical,
            count(*) as figures,
            sum(of_shares := coalesce(flags.priority, 0)) as priority,
            arg_max(
                flags.flag_id,
                struct_pack(priority := coalesce(flags.priority, 0), id := flags.flag_id)
            ) as worst_flag_id
        from flags
        left join
            standing on flags.flag_id = standing.flag_id and flags.obs_value = standing.obs_value
        group by flags.incident_id, flags.time_period
    ),

    ranked as (
        select
            *,
            row_number() over (
                partition by time_period order by is_critical desc, priority desc, question_id
            ) as place
        from questions
    ),

    -- What is left when nobody goes further than the question before.
    left_over as (
        select
            ranked.time_period,
            ranked.place,
            ranked.is_critical,
            flags.province_total,
            sum(of_counts := flags.score * abs(flags.impact_on_province)) over (
                partition by flags.province_area, flags.calendar, flags.time_period, flags.indicator
                order by ranked.place desc
            ) as expected_error
        from flags
        inner join
            ranked
            on flags.incident_id = ranked.question_id
            and flags.time_period = ranked.time_period
    ),

    lines as (
        select time_period, max(place) as last_place
        from left_over
        where
            is_critical
            or expected_error
            >= 0.5
            * power(
                10,
                floor(log10(greatest(province_total, 1)))
                + 1
                - {{ threshold("significant_digits") }}
            )
        group by time_period
    )

select
    ranked.question_id,
    ranked.time_period,
    ranked.place,
    case when ranked.is_critical then 'critical' else flags.severity end as severity,
    case when ranked.was_asked then 'still_open' else 'new' end as state,
    flags.ref_area,
    flags.area_name_vi,
    flags.indicator,
    flags.suspected_cause,
    ranked.figures,
    cast(ranked.priority as decimal(18, 4)) as priority,
    ranked.place <= coalesce(lines.last_place, 0) as is_needed,
    flags.message_vi || case
        when ranked.figures > 1
        then ' ' || {{ sentence("more.text_vi", {"count": so_vn("ranked.figures - 1")}) }}
        else ''
    end as message_vi
from ranked
inner join flags on ranked.worst_flag_id = flags.flag_id
left join lines on ranked.time_period = lines.time_period
left join phrases as more on more.phrase = 'question.more_figures'
