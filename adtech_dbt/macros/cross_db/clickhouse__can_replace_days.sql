{#- They ask no strategy of ours: rows of a day that is built again would be there twice. -#}
{% macro clickhouse__can_replace_days() -%}
    {{ return(false) }}
{%- endmacro %}
