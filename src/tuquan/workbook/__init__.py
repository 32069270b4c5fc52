"""Excel and CSV: writes the blank form, reads a filled one, and keeps what was written beside what was read."""
