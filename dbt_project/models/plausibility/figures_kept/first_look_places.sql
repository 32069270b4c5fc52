{{ plausible_places("first") }}
