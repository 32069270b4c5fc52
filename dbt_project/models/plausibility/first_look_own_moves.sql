{{ plausible_own_moves("first") }}
