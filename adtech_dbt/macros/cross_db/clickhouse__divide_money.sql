{#-
    divideDecimal() cuts off, so half a unit of the last place is added; of the amount without sign. It
    divides in rows of NULL too, by what is left there.
-#}
{% macro clickhouse__divide_money(amount, number) -%}
    case
        when {{ number }} > 0
            then cast(
                sign({{ amount }}) * divideDecimal(
                    2 * abs({{ amount }}) + cast('0.01' as decimal(38, 2)) * {{ number }},
                    cast(greatest(2 * {{ number }}, 1) as decimal(38, 0)),
                    2
                ) as decimal(38, 2)
            )
    end
{%- endmacro %}
