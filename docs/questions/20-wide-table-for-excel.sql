-- Bảng ngang cho Excel, tiêu đề tiếng Việt.
-- A wide table with Vietnamese headings, for Excel.
pivot (
    select area_name_vi, indicator_vi, obs_value
    from district_latest
    where time_period = '2021' and province_area = '38'
) on indicator_vi using first(obs_value);
