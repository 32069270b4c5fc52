{{ plausible_strays("first") }}
