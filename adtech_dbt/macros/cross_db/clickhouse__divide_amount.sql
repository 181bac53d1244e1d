{#-
    divideDecimal() cuts off, so half a unit of the last place is added; of the amount without sign. It
    divides in rows of NULL too, by what is left there.
-#}
{% macro clickhouse__divide_amount(amount, number) -%}
    case
        when {{ number }} > 0
            then cast(
                sign({{ amount }}) * divideDecimal(
                    2 * abs({{ amount }}) + cast('0.000001' as decimal(38, 6)) * {{ number }},
                    cast(greatest(2 * {{ number }}, 1) as decimal(38, 0)),
                    6
                ) as decimal(38, 6)
            )
    end
{%- endmacro %}
