-- How far each figure has moved from the level of its area, and how much of that everybody, the
-- district or the whole
-- file has done as well.
{{ plausible_moves("second") }}
