{#-
    Spend, but no more than the budget. NULL: none is known, nothing is capped. 0 or less: nothing may
    be spent.
-#}
{% macro capped_spend(spend, budget) -%}
    cast(
        case
            when {{ budget }} is null then {{ spend }}
            else least({{ spend }}, greatest({{ budget }}, 0))
        end as decimal(38, 2)
    )
{%- endmacro %}
