-- The stable view of provinces for people, with their names.
{{ labelled("province") }}
