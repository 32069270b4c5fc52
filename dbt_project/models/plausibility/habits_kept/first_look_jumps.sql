{{ plausible_jumps("first") }}
