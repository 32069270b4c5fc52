{{ plausible_places("second") }}
