{#-
    SQL that takes the rows of the day window out of `target` and puts all rows of `source` in.
    An engine without transactions overrides it with its own way to replace days at once.
-#}
{% macro replace_days(target, source, columns) -%}
    {{ return(adapter.dispatch('replace_days', 'adtech')(target, source, columns)) }}
{%- endmacro %}
