-- The figure cells of every report that was loaded or waits: of several cells for one figure the
-- one that stands.
select report_number, sheet, cell, indicator, measure, obs_value as sent_value, status
from {{ source("raw", "cells") }}
where stands
