{{ plausible_strays("second") }}
