-- What deserves a second look (models/plausibility) of the periods that this build asks about,
-- whatever they were compared together with, and how many figures each of these periods has.
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_compared(this, 'is_to_judge') }}",
        post_hook=[
            "{{ note_compared(ref('plausibility_lines'), 'is_new', 'is_new') }}",
            "{{ note_compared(ref('judged_periods'), 'is_fresh', 'is_in_hand') }}",
            "{{ take_in_hand(ref('judged_periods')) }}",
        ],
    )
}}
with

    sizes as (
        select time_period, count(*) as figures_of_period
        from {{ ref("plausibility_cells") }}
        group by time_period
    )

select flags.*, sizes.figures_of_period
from {{ ref("plausibility_flags") }} as flags
inner join sizes using (time_period)
where flags.time_period in (select time_period from {{ ref("judged_periods") }} where is_to_judge)
