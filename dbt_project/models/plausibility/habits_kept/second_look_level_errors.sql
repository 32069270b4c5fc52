{{ plausible_level_errors("second") }}
