{% macro default__can_replace_days() -%}
    {{ return(true) }}
{%- endmacro %}
