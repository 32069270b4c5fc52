-- Nobody is counted twice: two ancestors of one level never hold for a commune on the same day.
select ones.area_key, ones.ancestor_key, others.ancestor_key as other_key
from {{ ref("int_area_ancestors") }} as ones
inner join
    {{ ref("int_area_ancestors") }} as others
    on ones.area_key = others.area_key
    and ones.ancestor_level = others.ancestor_level
    and ones.ancestor_key < others.ancestor_key
    and ones.valid_from < coalesce(others.valid_to, date '9999-12-31')
    and others.valid_from < coalesce(ones.valid_to, date '9999-12-31')
