{{ plausible_jumps("second") }}
