-- One row per suspect figure and explanation: the value that it may have been meant to be, and
-- the weight of that
-- explanation (prior × density on the log scale), to be compared with that of a right figure.
{{ plausible_explanations("second") }}
