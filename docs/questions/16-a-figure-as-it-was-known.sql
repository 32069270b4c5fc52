-- Ở lần công bố thứ nhất, số này là bao nhiêu?
-- A figure as it stood in an older revision (as_of takes a day as well).
select area_name_vi, obs_value, areas_included, areas_expected
from as_of('2021', 1)
where level = 'district' and indicator = 'social_security_teams';
