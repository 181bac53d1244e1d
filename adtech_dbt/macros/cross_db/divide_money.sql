{#-
    An amount of money divided by a whole number, to the cent, halves up; NULL where the number is 0
    or NULL. For amounts that are not negative. In whole cents, because engines turn a quotient of
    decimals into a double (DuckDB) or cut it off (others), and a cent more or less is a difference.
-#}
{% macro divide_money(amount, number) -%}
    {{ return(adapter.dispatch('divide_money', 'adtech')(amount, number)) }}
{%- endmacro %}
