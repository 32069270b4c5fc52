{#
  The build refuses a sum or an average that does not say what it runs over (macros/typed_sums.sql), or whose groups mix
  what must not be mixed. Every model passes here before it is built (pre-hook in dbt_project.yml). What is looked at is
  the statement as DuckDB parses it, so aliases, windows, filters, pivots and the case of letters hide nothing. One that
  passed is not looked at again until it, or a rule, is another one (typed_sums_passed.sql).
#}
{% macro figures_keep_their_types() -%}
    {%- if execute and might_add(model.compiled_code) and not has_passed(model.compiled_code) -%}
        {%- set broken = run_query(broken_rules(model.compiled_code)) -%}
        {%- if broken.rows | length -%}
            {%- set messages = [] -%}
            {%- for row in broken.rows -%} {%- do messages.append(told_rule(row)) -%} {%- endfor -%}
            {{ exceptions.raise_compiler_error(messages | join("\n")) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  What the catalogue forbids is known only when groups are formed, and those of a view when somebody reads it: one with
  a guard of sum_over_areas or sum_over_time is read once, when it is built (post-hook in dbt_project.yml).
#}
{% macro guarded_view_is_read() -%}
    {%- if execute and model.config.materialized == "view" and "is_never_averaged: " in model.compiled_code -%}
        {%- do run_query("select count(columns(*)) from " ~ this) -%}
    {%- endif -%}
{%- endmacro %}

{#
  Whether it is worth a closer look: 30 ms for each model. A plus is about figures only where one is named, and days
  and positions are added everywhere.
#}
{% macro might_add(statement) -%}
    {{
        return(
            modules.re.search(
                "(?i)(sum|avg|mean|median|mad|quantile|percentile|prod(uct)?|reduce|aggr(egate)?|wavg|sem|ness|kurtosis"
                ~ "|std|stddev|var|variance|entropy|corr|covar|regr)\\w*\\s*\\(|pivot",
                statement,
            )
            is not none
            or (
                modules.re.search("(?i)[+]|\\badd\\b", statement) is not none
                and modules.re.search("(?i)" ~ names_of_figures() | replace(" ", "|"), statement)
                is not none
            )
        )
    }}
{%- endmacro %}

{# Columns that hold a figure of an indicator, under their first names. #}
{% macro names_of_figures() -%}
    obs_value sent_value new_value restated_value estimated_value stated_value communes_value sum_of_values numerator denominator lower_bound upper_bound
{%- endmacro %}

{# The name of the rule, where it is broken, and what to write instead. #}
{% macro told_rule(broken) -%}
    {%- set statement = model.compiled_code.encode("utf-8") -%}
    {%- set here = (
        statement[broken["location"] | int :]
        .decode("utf-8", "ignore")
        .split("\n")[0][:80]
        | trim
    ) -%}
    {%- if here in model.raw_code -%}
        {%- set line = model.raw_code.split(here)[0].count("\n") + 1 -%}
    {%- else -%}
        {%- set before = statement[: broken["location"] | int].decode("utf-8", "ignore") -%}
        {%- set line = (before.count("\n") + 1) ~ " as compiled" -%}
    {%- endif -%}
    {%- set what = "`" ~ broken["detail"] ~ "`" -%}
    {%- set instead = {
        "unread": "only a select can be looked at (" ~ broken["detail"] ~ ").",
        "untyped": what
        ~ " does not say what it runs over. Figures: sum_over_areas, sum_over_time or another of"
        ~ " macros/typed_sums.sql. What is no figure: sum(of_counts := ...).",
        "averaged": what
        ~ " averages. A ratio of several areas is sum(parts_over_areas := numerator) divided by"
        ~ " sum(parts_over_areas := denominator). What is no figure: median(of_logs := ...).",
        "mixed": "the group by does not keep every "
        ~ broken["detail"]
        ~ " of the added rows apart. Group by it"
        ~ {
            "time_period": ", or use sum_over_time for what is counted anew in each period.",
            "indicator": "; persons (người) and attendances (lượt người) have no sum.",
            "calendar": "; a month of one calendar is not that month of the other.",
            "channel": "; what two channels report may be the same persons.",
        }.get(broken["detail"], "."),
        "made_anew": what
        ~ " is made anew here, so that a group of it could hold several. Give it another name, and"
        ~ " group by the "
        ~ broken["detail"]
        ~ " of the figures.",
        "not_asked": "nothing here asks the catalogue whether the indicator may be added. Use sum_over_areas or"
        ~ " sum_over_time, or a filter on rollup_areas or rollup_time.",
        "not_its_type": what
        ~ " is a figure, which this type of sum is not for. Use sum_over_areas, sum_over_time or"
        ~ " another of macros/typed_sums.sql.",
        "bound_as_value": "a sum of distinct kinds is only the most that there can be, so it is no "
        ~ what
        ~ ". Call it upper_bound.",
        "plus": "figures of two indicators are added; persons (người) and attendances (lượt người) have no sum. Keep"
        ~ " them apart, or use stock_after where the catalogue has an inflow and an outflow.",
    }[broken["reason"]] -%}
    {{
        return(
            broken["rule"]
            ~ ": "
            ~ model.original_file_path
            ~ ", line "
            ~ line
            ~ ", `"
            ~ here
            ~ "`: "
            ~ instead
        )
    }}
{%- endmacro %}

{# One row per broken rule: its name, why, what of, and where in the statement (bytes from its start). #}
{% macro broken_rules(statement) %}
    with recursive

        -- One row per leaf of the statement as DuckDB parses it; a place is a path such as
        -- $.statements[0].node.
        leaves as materialized(
            select path, key, atom ->> '$' as word
            from
                json_tree(
                    json_serialize_sql(
                        {{ dbt.string_literal(dbt.escape_single_quotes(statement)) }}
                    )
                )
            where atom is not null
        ),

        selects as materialized(
            select path as place from leaves where key = 'type' and word = 'SELECT_NODE'
        ),

        refs as materialized(
            select
                left(path, len(path) - len('.column_names')) as place,
                lower(arg_max(word, cast(key as integer))) as name,
                lower(
                    array_to_string(list(word order by cast(key as integer))[:-2], '.')
                ) as qualifier
            from leaves
            where ends_with(path, '.column_names')
            group by path
        ),

        calls as materialized(
            select
                named.path as place,
                lower(named.word) as function_name,
                coalesce(lower(types.word), '') as sum_type,
                classes.word = 'WINDOW' as is_window,
                cast(locations.word as ubigint) as location
            from leaves as named
            left join
                leaves as types on named.path || '.children[0]' = types.path and types.key = 'alias'
            left join leaves as classes on named.path = classes.path and classes.key = 'class'
            left join
                leaves as locations
                on named.path = locations.path
                and locations.key = 'query_location'
            where named.key = 'function_name'
        ),

        -- Expressions that get a name: in a list of columns, by replacing a column, or in a list
        -- of names.
        items as materialized(
            select path as place, lower(word) as alias
            from leaves
            where key = 'alias' and word <> '' and regexp_matches(path, '\.select_list\[\d+\]$')
            union all
            select path || '.value' as place, lower(word) as alias
            from leaves
            where key = 'key' and regexp_matches(path, '\.replace_list(\.map)?\[\d+\]$')
            union all
            select path as place, lower(word) as alias
            from leaves
            where regexp_matches(path, '\.(aliases|column_name_alias)$')
        ),

        -- Calls through which a figure comes as it is, or as a sum, a difference or a multiple of
        -- itself.
        passing as (
            select
                unnest(
                    [
                        'sum',
                        'min',
                        'max',
                        'any_value',
                        'first',
                        'last',
                        'arg_max',
                        'arg_min',
                        'max_by',
                        'min_by',
                        'coalesce',
                        'round',
                        'floor',
                        'ceil',
                        'abs',
                        'add',
                        '+',
                        '-',
                        '*',
                        '/',
                        'greatest',
                        'least',
                        'nullif'
                    ]
                ) as function_name
        ),

        roots as (
            select place
            from items
            union
            select place || '.children[0]'
            from calls
            union
            select place || '.children[1]'
            from calls
            where function_name in ('+', 'add')
        ),

        -- What the value of an expression is made of: not the conditions, filters and counts in it.
        made_of as materialized(
            select roots.place, refs.name, refs.qualifier
            from roots
            inner join
                refs on refs.place = roots.place or starts_with(refs.place, roots.place || '.')
            where
                not regexp_matches(
                    substr(refs.place, len(roots.place) + 1),
                    '\.(when_expr|filter|filter_expr|partitions|orders|left|right|subquery)\b'
                )
                and not exists (
                    select 1
                    from calls
                    where
                        starts_with(calls.place || '.', roots.place || '.')
                        and starts_with(refs.place, calls.place || '.')
                        and calls.function_name not in (select function_name from passing)
                )
        ),

        figures as (
            select unnest(string_split('{{ names_of_figures() }}', ' ')) as name
            union
            select items.alias
            from figures
            inner join made_of on figures.name = made_of.name
            inner join items on made_of.place = items.place
        ),

        rules as (
            select unnest(['rollup_areas', 'rollup_time']) as name
            union
            select items.alias
            from rules
            inner join refs on rules.name = refs.name
            inner join items on starts_with(refs.place || '.', items.place || '.')
            where items.alias not in (select name from figures)
        ),

        -- What else a column of this model is called that holds a coordinate.
        coordinates as (
            select
                unnest(['time_period', 'indicator', 'calendar']) as coordinate,
                unnest(['time_period', 'indicator', 'calendar']) as name
            union
            select coordinates.coordinate, items.alias
            from coordinates
            inner join refs on coordinates.name = refs.name
            inner join items on refs.place = items.place
            where items.alias not in ('time_period', 'indicator', 'calendar')
        ),

        -- Numbers that stand for coordinates of the rows that carry them.
        standing_for as (
            select *
            from
                (
                    values
                        ('part_key', 'time_period'),
                        ('part_key', 'calendar'),
                        ('report_number', 'time_period'),
                        ('report_number', 'calendar'),
                        ('form', 'calendar'),
                        ('indicator_number', 'indicator')
                ) as numbers(name, coordinate)
            union all
            select name, coordinate
            from coordinates
            union all
            select 'channel' as name, 'channel' as coordinate
        ),

        sums as materialized(
            select
                calls.place,
                calls.function_name,
                calls.sum_type,
                calls.is_window,
                calls.location,
                arg_max(selects.place, len(selects.place)) as select_place,
                regexp_matches(
                    calls.function_name,
                    '^((list_|array_)?(avg|favg|mean|median|mad|mode_of|geomean|geometric_mean|sem|skewness|kurtosis(_pop)?'
                    || '|stddev(_pop|_samp)?|var_(pop|samp)|variance|entropy)'
                    || '|(approx_|reservoir_)?quantile(_cont|_disc)?|wavg|weighted_avg|corr|covar_(pop|samp)|regr_.*)$'
                ) as is_average,
                regexp_matches(
                    calls.function_name,
                    '^((list_|array_)?(sum|product)|sum_no_overflow|sumkahan|kahan_sum|fsum'
                    || '|(list_|array_)?(aggr|aggregate|reduce)|(list_|array_)(negative_)?(dot|inner)_product)$'
                ) as is_sum,
                calls.function_name in ('+', 'add') as is_plus
            from calls
            inner join selects on starts_with(calls.place, selects.place || '.')
            where is_average or is_sum or is_plus
            group by all
        ),

        held as (
            select sums.place, refs.name, refs.qualifier
            from sums
            inner join refs on starts_with(refs.place, sums.select_place || '.')
            where
                case
                    when sums.is_window
                    then
                        starts_with(refs.place, sums.place || '.partitions[')
                        and regexp_matches(
                            substr(refs.place, len(sums.place) + 1), '^\.partitions\[\d+\]$'
                        )
                    else
                        not exists (
                            select 1
                            from leaves
                            where starts_with(leaves.path, sums.select_place || '.group_sets[1]')
                        )
                        and (
                            regexp_matches(
                                substr(refs.place, len(sums.select_place) + 1),
                                '^\.group_expressions\[\d+\]$'
                            )
                            or (
                                regexp_matches(
                                    substr(refs.place, len(sums.select_place) + 1),
                                    '^\.select_list\[\d+\]$'
                                )
                                and exists (
                                    select 1
                                    from leaves
                                    where
                                        leaves.path = sums.select_place
                                        and leaves.key = 'aggregate_handling'
                                        and leaves.word = 'FORCE_AGGREGATES'
                                        or leaves.key = 'value'
                                        and regexp_matches(
                                            leaves.path, '\.group_expressions\[\d+\]\.value$'
                                        )
                                        and starts_with(
                                            leaves.path, sums.select_place || '.group_expressions['
                                        )
                                        and refs.place
                                        = sums.select_place
                                        || '.select_list['
                                        || (try_cast(leaves.word as integer) - 1)
                                        || ']'
                                )
                            )
                        )
                end
        ),

        -- Each type of sum, and what its groups keep apart. A channel only statements have.
        types as (
            select *
            from
                (
                    values
                        ('over_areas', ['time_period', 'indicator', 'calendar', 'channel']),
                        ('parts_over_areas', ['time_period', 'indicator', 'calendar']),
                        ('upper_bound_over_areas', ['time_period', 'indicator', 'calendar']),
                        ('sizes_over_areas', ['time_period', 'calendar']),
                        ('over_time', ['indicator', 'calendar', 'channel']),
                        ('parts_over_time', ['indicator', 'calendar']),
                        ('of_counts', []),
                        ('of_shares', [])
                ) as types(sum_type, keeps_apart)
        ),

        needed as (
            select sums.*, needs.coordinate, needs.rule
            from sums
            inner join types on sums.sum_type = types.sum_type and sums.is_sum
            inner join
                (
                    values
                        ('time_period', 'a_stock_is_never_summed_over_time'),
                        ('indicator', 'units_are_never_mixed'),
                        ('calendar', 'calendars_are_never_mixed'),
                        ('channel', 'channels_are_never_added')
                ) as needs(coordinate, rule)
                on list_contains(types.keeps_apart, needs.coordinate)
            where
                needs.coordinate <> 'channel'
                or exists (select 1 from refs where refs.name = 'stated_value')
        ),

        broken as (
            select
                'figures_are_added_by_their_type' as rule,
                'unread' as reason,
                word as detail,
                '$' as place,
                cast(0 as ubigint) as location
            from leaves
            where path = '$' and key = 'error_message'
            union all
            select
                case
                    when is_average
                    then 'a_ratio_is_never_averaged'
                    else 'figures_are_added_by_their_type'
                end as rule,
                case when is_average then 'averaged' else 'untyped' end as reason,
                function_name as detail,
                place,
                location
            from sums
            where
                (is_sum and sum_type not in (select sum_type from types))
                or (
                    is_average
                    and not (function_name = 'median' and sum_type in ('of_logs', 'of_counts'))
                )
            union all
            select
                needed.rule,
                'mixed' as reason,
                needed.coordinate as detail,
                needed.place,
                needed.location
            from needed
            where
                not exists (
                    select 1
                    from held
                    inner join standing_for on held.name = standing_for.name
                    where
                        held.place = needed.place
                        and standing_for.coordinate = needed.coordinate
                        and (
                            needed.coordinate <> 'time_period'
                            or held.qualifier = ''
                            or not exists (
                                select 1
                                from made_of
                                where
                                    made_of.place = needed.place || '.children[0]'
                                    and made_of.qualifier <> ''
                            )
                            or exists (
                                select 1
                                from made_of
                                where
                                    made_of.place = needed.place || '.children[0]'
                                    and made_of.qualifier = held.qualifier
                            )
                        )
                )
            union all
            select 'figures_are_added_by_their_type', 'not_asked', '', place, location
            from sums
            where
                sum_type in ('over_areas', 'over_time', 'parts_over_time')
                and not exists (
                    select 1
                    from refs
                    inner join rules on refs.name = rules.name
                    where
                        starts_with(refs.place, sums.select_place || '.where_clause')
                        or starts_with(refs.place, sums.select_place || '.from_table')
                        or starts_with(refs.place, sums.place || '.filter')
                        or exists (
                            select 1
                            from leaves
                            where
                                leaves.key = 'class'
                                and leaves.word = 'CASE'
                                and starts_with(leaves.path, sums.select_place || '.')
                                and starts_with(sums.place, leaves.path || '.')
                                and starts_with(refs.place, leaves.path || '.')
                        )
                )
            union all
            select distinct
                'figures_are_added_by_their_type',
                'not_its_type',
                made_of.name,
                sums.place,
                sums.location
            from sums
            inner join made_of on made_of.place = sums.place || '.children[0]'
            inner join figures on made_of.name = figures.name
            where
                sums.sum_type in ('of_counts', 'of_shares', 'of_logs', 'sizes_over_areas')
                or (
                    sums.sum_type in ('parts_over_areas', 'parts_over_time')
                    and made_of.name not in ('numerator', 'denominator')
                )
            union all
            select
                'distinct_kinds_are_never_added',
                'bound_as_value',
                items.alias,
                sums.place,
                sums.location
            from sums
            inner join items on starts_with(sums.place || '.', items.place || '.')
            where
                sums.sum_type = 'upper_bound_over_areas'
                and items.alias in ('obs_value', 'restated_value', 'communes_value')
            union all
            select 'units_are_never_mixed', 'plus', '', sums.place, sums.location
            from sums
            where
                sums.is_plus
                and sums.sum_type <> 'stock_before'
                and not exists (
                    select 1
                    from calls
                    where
                        starts_with(sums.place, calls.place || '.')
                        and calls.function_name = 'count'
                )
                and (
                    select list_sort(list(distinct made_of.qualifier || '.' || made_of.name))
                    from made_of
                    inner join figures on made_of.name = figures.name
                    where made_of.place = sums.place || '.children[0]'
                ) <> (
                    select list_sort(list(distinct made_of.qualifier || '.' || made_of.name))
                    from made_of
                    inner join figures on made_of.name = figures.name
                    where made_of.place = sums.place || '.children[1]'
                )
            union all
            select
                needs.rule,
                'made_anew',
                items.alias,
                items.place,
                (
                    select cast(word as ubigint)
                    from leaves
                    where leaves.path = items.place and leaves.key = 'query_location'
                )
            from items
            inner join
                (select distinct coordinate, rule from needed) as needs
                on items.alias = needs.coordinate
            where
                exists (select 1 from sums where ends_with(sums.sum_type, 'over_areas'))
                and (
                    not exists (select 1 from made_of where made_of.place = items.place)
                    or exists (
                        select 1
                        from made_of
                        where
                            made_of.place = items.place
                            and made_of.name
                            not in (select name from coordinates where coordinate = items.alias)
                    )
                )
                and not exists (
                    select 1
                    from sums
                    where
                        ends_with(sums.sum_type, 'over_time')
                        and starts_with(items.place, sums.select_place || '.select_list[')
                )
        )

    select distinct rule, reason, detail, coalesce(location, 0) as location
    from broken
    order by location, rule
{% endmacro %}
