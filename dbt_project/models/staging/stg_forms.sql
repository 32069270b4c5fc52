-- The forms, whatever their version: a new version asks other rows, never for other periods.
with forms as (select * from {{ ref("forms") }}) select distinct form, calendar from forms
