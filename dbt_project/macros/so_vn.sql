{# A number as Vietnamese readers expect it: 1288 is 1.288 and 0.125 is 0,125. #}
{% macro so_vn(number) -%}
    case when {{ number }} < 0 then '-' else '' end
    || replace(format('{:,}', cast(floor(abs({{ number }})) as bigint)), ',', '.')
    || case
        when {{ number }} <> floor({{ number }})
        then
            ',' || rtrim(
                lpad(
                    cast(
                        cast(
                            round((abs({{ number }}) - floor(abs({{ number }}))) * 10000) as integer
                        ) as varchar
                    ),
                    4,
                    '0'
                ),
                '0'
            )
        else ''
    end
{%- endmacro %}

{# The same with a fixed number of decimals: 93.46 with one is 93,5, and 5 with one is 5,0. #}
{% macro so_vn_rounded(number, decimals) -%}
    case when round({{ number }}, {{ decimals }}) < 0 then '-' else '' end || replace(
        format('{:,}', cast(floor(abs(round({{ number }}, {{ decimals }}))) as bigint)), ',', '.'
    )
    || case
        when {{ decimals }} > 0
        then
            ',' || lpad(
                cast(
                    cast(
                        abs(round({{ number }}, {{ decimals }})) * power(10, {{ decimals }})
                        - floor(abs(round({{ number }}, {{ decimals }})))
                        * power(10, {{ decimals }}) as bigint
                    ) as varchar
                ),
                {{ decimals }},
                '0'
            )
        else ''
    end
{%- endmacro %}

{# A day as 14/12/2021. #}
{% macro ngay_vn(day) -%} strftime({{ day }}, '%d/%m/%Y') {%- endmacro %}

{# How many times as large one of two numbers is as the other, as a whole number. #}
{% macro times_vn(one, other) -%}
    {{
        so_vn(
            "round(greatest("
            ~ one
            ~ " / greatest("
            ~ other
            ~ ", 1), "
            ~ other
            ~ " / greatest("
            ~ one
            ~ ", 1)))"
        )
    }}
{%- endmacro %}
