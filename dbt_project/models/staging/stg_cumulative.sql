-- Figures from the start of the year ("lũy kế") in current reports, after decisions. Never rolled
-- up: they only check the figures of the periods.
select * exclude (measure) from {{ ref("stg_cells") }} where measure = 'year_to_date'
