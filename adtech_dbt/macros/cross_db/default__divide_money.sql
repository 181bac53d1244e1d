{#- Whole division cuts off towards 0 or downwards, as the engine likes: so of the amount without sign. -#}
{% macro default__divide_money(amount, number) -%}
    cast(
        sign({{ amount }}) * cast(
            (2 * cast(abs({{ amount }}) * 100 as hugeint) + {{ number }})
            // nullif(2 * {{ number }}, 0) as decimal(38, 0)
        ) * 0.01 as decimal(38, 2)
    )
{%- endmacro %}
