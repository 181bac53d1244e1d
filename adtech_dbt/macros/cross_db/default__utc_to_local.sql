{% macro default__utc_to_local(at, zone) -%}
    timezone('{{ zone }}', timezone('UTC', {{ at }}))
{%- endmacro %}
