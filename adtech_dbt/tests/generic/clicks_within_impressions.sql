{#-
    Fails for each row with more clicks than impressions: either impressions were lost, or they were
    counted on an earlier day. The ctr of such a row is cut off at 1, so the row has to be told
    apart from one whose every impression was clicked. With `by_day`, only the days that this
    test is for are looked at (day_window): the others have been told of when they were built.
-#}
{% test clicks_within_impressions(model, by_day=false) %}

select
    impressions,
    clicks

from {{ model }}

where
    clicks > impressions
    {%- if by_day %}
    and {{ in_day_window() }}
    {%- endif %}

{% endtest %}
