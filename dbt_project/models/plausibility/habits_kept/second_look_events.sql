{{ plausible_events("second") }}
