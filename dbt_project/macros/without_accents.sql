{# For searching: small letters without tone or accent, so that Xã Cẩm Liên is found as cam lien. Never decides a match. #}
{% macro without_accents(text) -%}
    replace(lower(strip_accents({{ text }})), 'đ', 'd')
{%- endmacro %}
