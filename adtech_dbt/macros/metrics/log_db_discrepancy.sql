{#- How far the log is above the database, as a share of the database; NULL where that has 0. -#}
{% macro log_db_discrepancy(log_events, db_events) -%}
    {{ safe_divide('(' ~ log_events ~ ' - ' ~ db_events ~ ')', db_events) }}
{%- endmacro %}
