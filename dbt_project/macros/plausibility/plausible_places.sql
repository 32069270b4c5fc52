{#
  How far each figure lies from its peers, and how far from what drives it: what is remembered of it in later periods.
#}
{% macro plausible_places(look) -%}
    with

        {%- if look == "second" %}
            -- What was called a mistake at the first look is no history for what came later.
            doubted as (
                select ref_area, series_no, time_period
                from {{ ref("first_look_flags") }}
                where score >= 0.7 and suspected_cause <> 'unexplained_outlier'
                group by ref_area, series_no, time_period
            ),
        {%- endif %}

        peers as (
            select
                series_no,
                period_no,
                zeros_apart,
                case when worse_so_far < 0 then 1 else 0 end as size_weight,
                case when worse_so_far < 0 then middle_per_size else middle end as middle
            from
                (
                    select
                        *,
                        sum(of_counts := worse_per_size) over (
                            partition by series_no order by period_no
                        ) as worse_so_far
                    from {{ ref("plausibility_peers") }}
                ) as compared
        ),

        placed as (
            select
                figures.line_no,
                figures.series_no,
                figures.period_no,
                figures.time_period,
                figures.ref_area,
                figures.driver_no,
                figures.is_judged,
                figures.district_no,
                peers.middle + peers.size_weight * figures.log_size as peers_expect,
                peers.zeros_apart,
                case
                    when figures.amount > 0 or (figures.amount = 0 and not peers.zeros_apart)
                    then figures.log_amount - peers.size_weight * figures.log_size - peers.middle
                end as place,
                case
                    when figures.driver_amount > 0 and figures.amount > 0
                    then figures.log_amount - figures.driver_log
                end as ratio,
                {% if look == "second" %} doubted.ref_area is not null
                {% else %} false
                {% endif %} as is_doubted
            from {{ ref("plausibility_context") }} as figures
            inner join peers using (series_no, period_no)
            {%- if look == "second" %}
                left join doubted using (ref_area, series_no, time_period)
            {%- endif %}
        )

    select
        placed.* exclude (ref_area, driver_no),
        case when not placed.is_doubted then placed.place end as known_place,
    {%- if look == "second" %}
            case
                when not placed.is_doubted and doubted_drivers.ref_area is null then placed.ratio
            end as known_ratio
        from placed
        left join
            doubted as doubted_drivers
            on placed.ref_area = doubted_drivers.ref_area
            and placed.time_period = doubted_drivers.time_period
            and placed.driver_no = doubted_drivers.series_no
    {%- else %} placed.ratio as known_ratio from placed
    {%- endif %}
{%- endmacro %}
