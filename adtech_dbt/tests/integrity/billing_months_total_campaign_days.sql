with

traffic as (

    select * from {{ ref('fct_campaign_traffic_daily') }}

),

costs as (

    select * from {{ ref('fct_campaign_cost_daily') }}

),

paced_days as (

    select * from {{ ref('fct_campaign_pacing_daily') }}

),

billing as (

    select * from {{ ref('fct_campaign_billing_monthly') }}

),

closed_months as (

    select distinct billing_month from billing
    where is_closed

),

-- The capped spend at the end of each month, and so what the month has added to it.
month_ends as (

    select
        campaign_id,
        event_date,
        estimated_spend_capped,
        row_number() over (
            partition by campaign_id, {{ dbt.date_trunc('month', 'event_date') }}
            order by event_date desc
        ) as days_to_the_end

    from paced_days

),

added as (

    select
        campaign_id,
        event_date,
        estimated_spend_capped - coalesce(
            lag(estimated_spend_capped) over (
                partition by campaign_id
                order by event_date
            ),
            0
        ) as estimated_spend_capped

    from month_ends

    where days_to_the_end = 1

),

-- What should be there counts up, what is there counts down: anything but zeros is a difference.
balance as (

    select
        campaign_id,
        event_date,
        gross_impressions + gross_clicks as log_events,
        valid_impressions + valid_clicks as valid_events,
        db_impressions + db_clicks as db_events,
        0 as priced_impressions,
        0 as estimated_spend,
        0 as estimated_spend_capped,
        net_spend

    from traffic

    union all

    select
        campaign_id,
        event_date,
        0 as log_events,
        0 as valid_events,
        0 as db_events,
        priced_impressions,
        estimated_spend,
        0 as estimated_spend_capped,
        0 as net_spend

    from costs

    union all

    select
        campaign_id,
        event_date,
        0 as log_events,
        0 as valid_events,
        0 as db_events,
        0 as priced_impressions,
        0 as estimated_spend,
        estimated_spend_capped,
        0 as net_spend

    from added

    union all

    select
        campaign_id,
        billing_month as event_date,
        -gross_impressions - gross_clicks as log_events,
        -valid_impressions - valid_clicks as valid_events,
        -db_impressions - db_clicks as db_events,
        -priced_impressions as priced_impressions,
        -estimated_spend as estimated_spend,
        -estimated_spend_capped as estimated_spend_capped,
        -net_spend as net_spend

    from billing

),

by_month as (

    select
        campaign_id,
        cast({{ dbt.date_trunc('month', 'event_date') }} as date) as billing_month,
        sum(log_events) as missing_log_events,
        sum(valid_events) as missing_valid_events,
        sum(db_events) as missing_db_events,
        sum(priced_impressions) as missing_priced_impressions,
        sum(estimated_spend) as missing_estimated_spend,
        sum(estimated_spend_capped) as missing_capped_spend,
        sum(net_spend) as missing_net_spend

    from balance

    group by 1, 2

)

select by_month.*

from by_month

left join closed_months
    on by_month.billing_month = closed_months.billing_month

where
    closed_months.billing_month is null
    and (
        by_month.missing_log_events != 0
        or by_month.missing_valid_events != 0
        or by_month.missing_db_events != 0
        or by_month.missing_priced_impressions != 0
        or by_month.missing_estimated_spend != 0
        or by_month.missing_capped_spend != 0
        or by_month.missing_net_spend != 0
    )
