{#-
    Query of all days, as column date_day, from the one in column `first` of the one-row `relation`
    to the one in its column `last`, both included. No rows where these are NULL.
-#}
{% macro days_between(relation, first, last) -%}
    {{ return(adapter.dispatch('days_between', 'adtech')(relation, first, last)) }}
{%- endmacro %}
