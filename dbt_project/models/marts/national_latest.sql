-- The stable view of the country for people, with its names.
{{ labelled("national") }}
