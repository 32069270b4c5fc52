{{ plausible_own_moves("second") }}
