-- Figures of the period ("kỳ này") in current reports, after decisions.
select * exclude (measure) from {{ ref("stg_cells") }} where measure = 'period'
