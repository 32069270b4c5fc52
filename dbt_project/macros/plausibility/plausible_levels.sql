{#
  How far each figure lies from its peers, and where the area usually lies: the level that told an indicator's figures
  best so far is the one that is used.
#}
{% macro plausible_levels(look) -%}
    with

        {%- if look == "second" %}
            -- What was called a mistake at the first look is no history for what came later.
            doubted as (
                select ref_area, series_no, time_period, any_value(line_no) as line_no
                from {{ ref("first_look_flags") }}
                where score >= 0.7 and suspected_cause <> 'unexplained_outlier'
                group by ref_area, series_no, time_period
            ),
        {%- endif %}

        placed as (
            select
                figures.*,
                peers.middle,
                peers.size_weight,
                peers.zeros_apart,
                case
                    when figures.amount > 0 or (figures.amount = 0 and not peers.zeros_apart)
                    then figures.log_amount - peers.size_weight * figures.log_size - peers.middle
                end as place,
                {%- if look == "second" %} doubted.line_no is not null as is_doubted,
                {%- else %} false as is_doubted,
                {%- endif %}
                coalesce(
                    figures.decision = 'confirmed'
                    and kinds.statistical_kind = 'stock'
                    and abs(figures.log_amount - lag(figures.log_amount) over sequence) > 0.2,
                    false
                ) as begins_anew
            from {{ ref("plausibility_figures") }} as figures
            inner join {{ ref(look ~ "_look_peers") }} as peers using (series_no, period_no)
            inner join {{ ref("plausibility_series") }} as kinds using (series_no)
            {%- if look == "second" %}
                left join doubted using (ref_area, series_no, time_period)
            {%- endif %}
            window
                sequence as (
                    partition by figures.line_no, figures.series_no order by figures.period_no
                )
        ),

        -- A jump of a stock that a person has confirmed is where a new history begins.
        known as (
            select
                *,
                case when not is_doubted then place end as known_place,
                count(*) filter (where begins_anew) over (
                    partition by line_no, series_no order by period_no
                ) as jumps_so_far
            from placed
        ),

        remembered as (
            select
                *,
                -- The level that a person has confirmed is known as well as one of some periods.
                count(known_place) over earlier + case
                    when jumps_so_far > 0 and count(known_place) over earlier > 0 then 3 else 0
                end as periods_before,
                last_value(known_place ignore nulls) over earlier as place_before,
                lag(reported) over sequence as reported_before,
                median(of_logs := known_place) over lately as place_lately,
                median(of_logs := known_place) over half as place_half,
                median(of_logs := known_place) over earlier as place_long
            from known
            window
                sequence as (partition by line_no, series_no order by period_no),
                earlier as (
                    partition by line_no, series_no, jumps_so_far
                    order by period_no
                    rows between 12 preceding and 1 preceding
                ),
                half as (
                    partition by line_no, series_no, jumps_so_far
                    order by period_no
                    rows between 6 preceding and 1 preceding
                ),
                lately as (
                    partition by line_no, series_no, jumps_so_far
                    order by period_no
                    rows between 3 preceding and 1 preceding
                )
        ),

        errors as (
            select
                series_no,
                period_no,
                ln(median(of_logs := abs(place - place_before)) + 0.002) as error_before,
                ln(median(of_logs := abs(place - place_lately)) + 0.002) as error_lately,
                ln(median(of_logs := abs(place - place_half)) + 0.002) as error_half,
                ln(median(of_logs := abs(place - place_long)) + 0.002) as error_long
            from remembered
            where place_lately is not null and place is not null and is_judged
            group by series_no, period_no
        ),

        so_far as (
            select
                series_no,
                period_no,
                sum(of_counts := error_before) over earlier / count(*) over earlier as error_before,
                sum(of_counts := error_lately) over earlier / count(*) over earlier as error_lately,
                sum(of_counts := error_half) over earlier / count(*) over earlier as error_half,
                sum(of_counts := error_long) over earlier / count(*) over earlier as error_long
            from errors
            window earlier as (partition by series_no order by period_no)
        ),

        -- How high a file stands as a whole among its peers: all that is known of an area in its
        -- first period.
        efforts as (
            select line_no, time_period, median(of_logs := place) as effort
            from placed
            where is_judged
            group by line_no, time_period
        ),

        chosen as (
            select
                remembered.* exclude (place_half, begins_anew),
                sign(coalesce(efforts.effort, 0))
                * greatest(0, abs(coalesce(efforts.effort, 0)) - 0.1) as effort,
                case
                    when remembered.periods_before = 0
                    then null
                    when
                        so_far.error_before
                        <= least(so_far.error_lately, so_far.error_half, so_far.error_long)
                        and abs(remembered.place_before - remembered.place_lately)
                        < 3 * exp(so_far.error_before)
                    then remembered.place_before
                    when
                        least(so_far.error_before, so_far.error_lately)
                        <= least(so_far.error_half, so_far.error_long)
                    then coalesce(remembered.place_lately, remembered.place_long)
                    when so_far.error_half <= so_far.error_long
                    then coalesce(remembered.place_half, remembered.place_long)
                    else remembered.place_long
                end as own_level
            from remembered
            left join so_far using (series_no, period_no)
            left join efforts using (line_no, time_period)
        )

    select
        * exclude (own_level, place_before, place_lately, place_long),
        -- The less an area has reported, the more it is expected to be as its file is among the
        -- others.
        case
            when own_level is null
            then effort
            when jumps_so_far > 0
            then own_level
            else (periods_before * own_level + 0.1 * effort) / (periods_before + 0.1)
        end as level
    from chosen
{%- endmacro %}
