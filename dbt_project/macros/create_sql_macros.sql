{#
  What analysts can call in SQL; a release carries all macros of the schema marts. Two with one name differ in how many
  arguments they take; a default value would not reach a release.
#}
{% macro create_sql_macros() %}
create schema if not exists marts;
    {# A partial build of a fresh warehouse has nothing to restate yet. #}
    {% if execute and adapter.get_relation(
        target.database, "marts", "commune_observations"
    ) is not none %}
        {{ create_restatement_macros() }}
    {% endif %}
create or replace macro marts.so_vn(number) as {{ so_vn("number") }}, (number, d) as {{ so_vn_rounded("number", "d") }};
{% endmacro %}
