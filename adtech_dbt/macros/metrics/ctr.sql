{#-
    Click-through rate, clicks / impressions, unrounded. More clicks than impressions (a lost
    impression, or one just before the first day) count as 1; NULL where nothing happened.
-#}
{% macro ctr(clicks, impressions) -%}
    case
        when {{ clicks }} > {{ impressions }} then 1
        else {{ safe_divide(clicks, impressions) }}
    end
{%- endmacro %}
