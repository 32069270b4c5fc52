-- For every figure what was to be expected, with its spread: the own level and what everybody,
-- the district or the file
-- does in this period, or what its driver or whole lets expect, whichever told the indicator's
-- figures better so far.
{{ plausible_expectations("second") }}
