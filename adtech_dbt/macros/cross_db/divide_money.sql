{#-
    An amount of money divided by a whole number above 0, to the cent; half a cent is rounded away from
    0, above and below it. NULL where the number is 0 or NULL. In whole cents, because engines turn a
    quotient of decimals into a double (DuckDB) or cut it off (others), and a cent more or less is a
    difference.
-#}
{% macro divide_money(amount, number) -%}
    {{ return(adapter.dispatch('divide_money', 'adtech')(amount, number)) }}
{%- endmacro %}
