{#- Upper end of the 95 % Wilson interval of a click-through rate. -#}
{% macro wilson_high(clicks, impressions) -%}
    {{ wilson_bound(clicks, impressions, '+') }}
{%- endmacro %}
