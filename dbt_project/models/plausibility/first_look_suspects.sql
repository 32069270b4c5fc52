-- Figures that need an explanation, with the other values that a right figure might have been
-- expected at: where the
-- rest of its file, its family on the form or its own last period moved to. What moves with its
-- neighbours is an event.
{{ plausible_suspects("first") }}
