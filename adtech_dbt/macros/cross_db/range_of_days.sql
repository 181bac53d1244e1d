{#-
    Frame of a window that is ordered by a date: the rows of the days from `first` to `last` before that
    of the current row, both included.
-#}
{% macro range_of_days(first, last) -%}
    {{ return(adapter.dispatch('range_of_days', 'adtech')(first, last)) }}
{%- endmacro %}
