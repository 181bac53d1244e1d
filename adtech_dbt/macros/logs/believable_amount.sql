{#- An amount of one event as the log has it. A million or more is none that anybody has paid: NULL. -#}
{% macro believable_amount(amount) -%}
    case when abs({{ amount }}) < 1000000 then {{ amount }} end
{%- endmacro %}
