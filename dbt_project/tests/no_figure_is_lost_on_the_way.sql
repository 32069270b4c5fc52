-- Every figure of a current report is in the grid of communes; none vanished in a join.
select sent.submission_id, sent.indicator, sent.obs_value
from {{ ref("stg_observations") }} as sent
inner join {{ ref("stg_indicators") }} as indicators on sent.indicator = indicators.indicator
left join
    {{ ref("int_commune_figures") }} as figures
    on sent.submission_id = figures.submission_id
    and sent.indicator = figures.indicator
where
    sent.sent_value is not null
    and indicators.rollup_areas not in ('recompute', 'register')
    and figures.sent_value is distinct from sent.sent_value
