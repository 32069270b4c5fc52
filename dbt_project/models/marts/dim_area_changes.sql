-- What became of each commune version that ended, and how much of it. A version that ended without
-- a line in seeds/area_changes.csv, but whose code went on the same day, goes on under that code:
-- a new name or type.
{{ config(materialized="table") }}
with

    communes as (select * from {{ ref("stg_areas") }} where area_level = 'commune'),

    changes as (select * from {{ ref("area_changes") }} where share > 0),

    told as (
        select
            changes.from_key,
            changes.to_key,
            changes.event_date,
            changes.relation,
            changes.share,
            changes.share < 1 or changes.share_basis like '%estimate' as is_estimated,
            changes.share_basis,
            changes.source
        from changes
        inner join communes as befores on changes.from_key = befores.area_key
        inner join communes as afters on changes.to_key = afters.area_key
    ),

    continued as (
        select
            befores.area_key as from_key,
            afters.area_key as to_key,
            afters.valid_from as event_date,
            'continued' as relation,
            1 as share,
            false as is_estimated,
            'same_code' as share_basis,
            afters.source
        from communes as befores
        inner join
            communes as afters
            on befores.ref_area = afters.ref_area
            and befores.valid_to = afters.valid_from
        left join told on befores.area_key = told.from_key
        where told.from_key is null
    ),

    all_changes as (
        select *
        from told
        union all
        select *
        from continued
    )

select
    from_key,
    to_key,
    event_date,
    relation,
    cast(share as decimal(9, 6)) as share,
    is_estimated,
    share_basis,
    source
from all_changes
