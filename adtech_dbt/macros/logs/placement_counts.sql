{#- What is counted of the events of a placement: whole numbers, in sums. -#}
{% macro placement_counts() -%}
    {{ return([
        'impressions', 'clicks', 'invalid_impressions', 'invalid_clicks', 'measurable_impressions',
        'viewable_impressions', 'priced_impressions', 'eur_impressions',
    ]) }}
{%- endmacro %}
