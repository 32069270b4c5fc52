{{ plausible_level_errors("first") }}
