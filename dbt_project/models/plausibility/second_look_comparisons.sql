{{ plausible_comparisons("second") }}
