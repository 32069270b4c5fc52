-- Mỗi tổ tự quản có bao nhiêu thành viên?
-- Members per team, from the wide table: one column per indicator.
select area_name_vi, round(self_mgmt_team_members / nullif(self_mgmt_teams, 0), 1) as members_per_team
from district_wide
where time_period = '2019';
