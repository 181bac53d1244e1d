{#-
    Fails for each campaign whose bid is not known or below 0, or whose budget is below 0: its spend, or
    the cap of it, is not what anybody has meant. docs/kpis.md says what they count as.
-#}
{% test bids_and_budgets_make_sense(model) %}

select
    campaign_id,
    bid,
    budget

from {{ model }}

where
    campaign_id != {{ unknown_campaign_id() }}
    and (bid is null or bid < 0 or budget < 0)

{% endtest %}
