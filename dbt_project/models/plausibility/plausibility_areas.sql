-- Who reports: in which district, and how many households live there.
select ref_area, district, area_type, households from {{ source("panel", "areas") }}
