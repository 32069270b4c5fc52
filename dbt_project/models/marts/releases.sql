-- The releases, and from when to when each was the newest. The working warehouse knows none, so it
-- is empty here: it gives the shape, and releases fill it (src/tuquan/vintages.py).
select
    cast(null as varchar) as time_period,
    cast(null as integer) as release_revision,
    cast(null as integer) as parent_revision,
    cast(null as timestamp) as released_at,
    cast(null as date) as released_on,
    cast(null as timestamp) as superseded_at,
    cast(null as date) as superseded_on,
    cast(null as boolean) as is_latest,
    cast(null as varchar) as approver,
    cast(null as varchar) as digest,
    cast(null as varchar) as content_digest,
    cast(null as varchar) as code_version
where false
