{{ plausible_driver_errors("first") }}
