{#- The columns of log_counts and log_amounts, added up; NULL where nothing is known. -#}
{% macro log_sums() -%}
    {%- for name in log_counts() %}
        cast(sum({{ name }}) as bigint) as {{ name }},
    {%- endfor %}
    {%- for name in log_amounts() %}
        cast(sum({{ name }}) as decimal(38, 12)) as {{ name }},
    {%- endfor %}
{%- endmacro %}
