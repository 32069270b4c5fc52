-- Communes that go on under their code through changes of name or type. Whoever counts misses in
-- a row follows the commune, not the version of its name; a commune that took over another, or a
-- part of one, is a new one and begins anew.
with

    versions as (
        select
            area_number,
            area_key,
            ref_area,
            valid_from,
            lag(area_key) over (partition by ref_area order by valid_from) as former_key,
            lag(valid_to) over (partition by ref_area order by valid_from) as former_end
        from {{ ref("int_areas") }}
        where area_level = 'commune'
    ),

    origins as (
        select to_key, count(*) as origins, min(from_key) as from_key, min(share) as share
        from {{ ref("area_changes") }}
        group by to_key
    ),

    continued as (
        select
            versions.area_number,
            versions.area_key,
            versions.ref_area,
            versions.valid_from,
            coalesce(
                versions.former_end = versions.valid_from
                and (
                    origins.to_key is null
                    or (
                        origins.origins = 1
                        and origins.from_key = versions.former_key
                        and origins.share = 1
                    )
                ),
                false
            ) as is_continuation
        from versions
        left join origins on versions.area_key = origins.to_key
    ),

    numbered as (
        select
            area_number,
            area_key,
            ref_area,
            valid_from,
            count(*) filter (not is_continuation) over (
                partition by ref_area order by valid_from
            ) as number
        from continued
    )

select
    area_number,
    area_key,
    first_value(area_number) over (
        partition by ref_area, number order by valid_from
    ) as territory_number,
    first_value(area_key) over (partition by ref_area, number order by valid_from) as territory_key,
    row_number() over (partition by ref_area, number order by valid_from desc) = 1 as is_newest
from numbered
