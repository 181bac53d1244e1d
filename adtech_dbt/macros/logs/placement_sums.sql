{#- The columns of placement_counts and the costs, added up; NULL where nothing is known. -#}
{% macro placement_sums() -%}
    {%- for name in placement_counts() %}
        cast(sum({{ name }}) as bigint) as {{ name }},
    {%- endfor %}
    cast(sum(total_cost) as decimal(38, 12)) as total_cost,
    cast(sum(total_cost_eur) as decimal(38, 12)) as total_cost_eur
{%- endmacro %}
