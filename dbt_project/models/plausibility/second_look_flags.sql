-- One row per figure that deserves a second look, with the probability that it is wrong, the
-- likeliest mistake and what
-- the figure may have been meant to be. A flag is a row with a score of at least one half.
{{ plausible_flags("second") }}
