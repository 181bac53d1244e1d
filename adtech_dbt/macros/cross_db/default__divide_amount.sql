{#- Whole division cuts off towards 0 or downwards, as the engine likes: so of the amount without sign. -#}
{% macro default__divide_amount(amount, number) -%}
    cast(
        sign({{ amount }}) * cast(
            (2 * cast(abs({{ amount }}) * 1000000000000 as hugeint) + 1000000 * {{ number }})
            // nullif(2000000 * {{ number }}, 0) as decimal(38, 0)
        ) * 0.000001 as decimal(38, 6)
    )
{%- endmacro %}
