{{ plausible_spreads("first") }}
