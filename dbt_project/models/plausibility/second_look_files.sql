-- One row per cell of a file that as a whole looks like a mistake: a copy of an earlier file of
-- the area, the file of
-- another area, or a file that nobody counted. How likely that is follows from all cells of the
-- file together.
{{ plausible_files("second") }}
