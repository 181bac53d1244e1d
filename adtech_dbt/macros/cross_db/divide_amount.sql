{#-
    An amount of twelve places divided by a whole number above 0, to six places; halves are rounded away
    from 0. NULL where the number is 0 or NULL. In whole units of the twelfth place, for the reason of
    divide_money.
-#}
{% macro divide_amount(amount, number) -%}
    {{ return(adapter.dispatch('divide_amount', 'adtech')(amount, number)) }}
{%- endmacro %}
