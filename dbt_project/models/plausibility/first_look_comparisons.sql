{{ plausible_comparisons("first") }}
