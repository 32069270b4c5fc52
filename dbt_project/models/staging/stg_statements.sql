-- Published figures that count something of the catalogue. A statement keeps its qualifier, unit
-- and channel and never enters a series; it is only laid beside the sum of the communes.
select
    statement,
    source_file,
    place_as_named,
    ref_area,
    period_as_stated,
    period_start,
    period_end,
    time_period,
    indicator,
    value_as_printed,
    obs_value as stated_value,
    qualifier,
    unit_measure,
    statistical_kind,
    channel,
    breakdown_of,
    remarks
from {{ ref("published_statements") }}
where is_indicator and indicator is not null
