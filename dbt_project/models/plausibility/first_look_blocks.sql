-- Runs of consecutive cells of a form that fit the line above or below better than their own.
{{ plausible_blocks("first") }}
