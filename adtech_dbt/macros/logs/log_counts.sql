{#- What is counted of logged impressions and clicks beside their number: whole numbers, in sums. -#}
{% macro log_counts() -%}
    {{ return([
        'priced_impressions', 'eur_impressions', 'eligible_impressions', 'measurable_impressions',
        'viewable_impressions', 'feed_viewable_impressions', 'visible_ms', 'flagged_impressions',
        'campaign_unique_impressions', 'campaign_day_unique_impressions', 'timed_clicks',
        'clicks_before_impression', 'clicks_under_1s', 'clicks_1_to_10s', 'clicks_10_to_60s',
        'clicks_over_60s',
    ]) }}
{%- endmacro %}
