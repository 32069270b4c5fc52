-- What all areas reported for an indicator in a period: the middle, and whether it goes with the
-- number of households.
-- What everybody does in a month (season, campaign, new definition) is in the middle and
-- surprises nobody.
{{ plausible_peers("second") }}
