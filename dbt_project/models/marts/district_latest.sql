-- The stable view of districts (since July 2025 of former ones) for people, with their names.
{{ labelled("district") }}
