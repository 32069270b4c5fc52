-- The stable view of communes for people: what each sent, after review, with its names.
{{ labelled("commune") }}
