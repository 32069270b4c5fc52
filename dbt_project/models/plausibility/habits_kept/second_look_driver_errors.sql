{{ plausible_driver_errors("second") }}
