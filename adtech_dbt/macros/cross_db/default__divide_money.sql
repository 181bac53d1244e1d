{% macro default__divide_money(amount, number) -%}
    cast(
        cast(
            (2 * cast({{ amount }} * 100 as hugeint) + {{ number }})
            // nullif(2 * {{ number }}, 0) as decimal(38, 0)
        ) * 0.01 as decimal(38, 2)
    )
{%- endmacro %}
