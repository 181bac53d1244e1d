{#- Sum of a count of events, of those that a reason makes invalid; of valid ones for `none`. -#}
{% macro sum_of_reason(events, reason) -%}
    cast(sum(case when invalid_reason = '{{ reason }}' then {{ events }} else 0 end) as bigint)
{%- endmacro %}
