{{ plausible_steps("first") }}
