{{ plausible_spreads("second") }}
