{#- Lower end of the 95 % Wilson interval of a click-through rate. -#}
{% macro wilson_low(clicks, impressions) -%}
    {{ wilson_bound(clicks, impressions, '-') }}
{%- endmacro %}
