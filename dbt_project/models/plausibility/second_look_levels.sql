-- How far each figure lies from its peers, and where the area usually lies: the level that told
-- an indicator's figures
-- best so far is the one that is used.
{{ plausible_levels("second") }}
