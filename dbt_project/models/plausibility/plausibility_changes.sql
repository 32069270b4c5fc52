-- Mergers: from time_period on ref_area reports for other_area, too.
select ref_area, time_period, other_area
from {{ source("panel", "changes") }}
where change = 'absorbs'
