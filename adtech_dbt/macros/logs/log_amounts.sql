{#- What logged impressions cost: exact decimals, in sums. -#}
{% macro log_amounts() -%}
    {{ return([
        'media_cost', 'total_cost', 'data_cost', 'brand_safety_cost', 'rich_media_cost',
        'trading_desk_fee', 'total_cost_eur',
    ]) }}
{%- endmacro %}
