{#
  Where an area usually lies by what is remembered of its last periods, in several ways, and how far it usually is from
  what drives it.
#}
{% macro plausible_levels(look) -%}
    with

        jumps as (
            select
                figures.line_no,
                figures.series_no,
                figures.period_no,
                max(jumps.period_no) as jumped_at
            from {{ ref("plausibility_context") }} as figures
            inner join
                {{ ref("plausibility_jumps") }} as jumps
                on figures.line_no = jumps.line_no
                and figures.series_no = jumps.series_no
                and figures.period_no >= jumps.period_no
            group by figures.line_no, figures.series_no, figures.period_no
        ),

        figures as (
            select
                figures.line_no,
                figures.series_no,
                figures.period_no,
                figures.time_period,
                jumps.jumped_at
            from {{ ref("plausibility_context") }} as figures
            left join jumps using (line_no, series_no, period_no)
        ),

        remembered as (
            select
                figures.line_no,
                figures.series_no,
                figures.period_no,
                count(places.known_place) as places_before,
                arg_max(places.known_place, places.period_no) as place_before,
                median(of_logs := places.known_place) filter (
                    where places.period_no >= figures.period_no - 3
                ) as place_lately,
                median(of_logs := places.known_place) filter (
                    where places.period_no >= figures.period_no - 6
                ) as place_half,
                median(of_logs := places.known_place) as place_long,
                median(of_logs := places.known_ratio) as own_ratio,
                count(places.known_ratio) as ratios_before
            from figures
            inner join
                {{ ref(look ~ "_look_places") }} as places
                on {{ went_before("places", "figures") }}
                and places.period_no >= coalesce(figures.jumped_at, 0)
            group by figures.line_no, figures.series_no, figures.period_no
        )

    select
        places.*,
        figures.jumped_at is not null as has_jumped,
        -- The level that a person has confirmed is known as well as one of some periods.
        case
            when remembered.places_before > 0 and figures.jumped_at is not null
            then remembered.places_before + 3
            else coalesce(remembered.places_before, 0)
        end as periods_before,
        remembered.place_before,
        remembered.place_lately,
        remembered.place_half,
        remembered.place_long,
        remembered.own_ratio,
        coalesce(remembered.ratios_before, 0) as ratios_before
    from figures
    inner join
        {{ ref(look ~ "_look_places") }} as places using (
            line_no, series_no, period_no, time_period
        )
    left join remembered using (line_no, series_no, period_no)
{%- endmacro %}

{# How far off each of these ways was, for an indicator in a period. #}
{% macro plausible_level_errors(look) -%}
    select
        series_no,
        period_no,
        time_period,
        ln(median(of_logs := abs(place - place_before)) + 0.002) as error_before,
        ln(median(of_logs := abs(place - place_lately)) + 0.002) as error_lately,
        ln(median(of_logs := abs(place - place_half)) + 0.002) as error_half,
        ln(median(of_logs := abs(place - place_long)) + 0.002) as error_long
    from {{ ref(look ~ "_look_levels") }}
    where place_lately is not null and place is not null and is_judged
    group by series_no, period_no, time_period
{%- endmacro %}
