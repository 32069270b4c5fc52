{{ plausible_events("first") }}
