{{ plausible_steps("second") }}
