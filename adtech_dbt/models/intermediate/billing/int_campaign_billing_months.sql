{{ config(materialized='table') }}

with

billing_days as (

    select * from {{ ref('int_campaign_billing_days') }}

),

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

-- Nobody knows whose a campaign was on a day that has not been extracted.
owned_days as (

    select
        billing_days.*,
        coalesce(campaign_days.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id,
        cast({{ dbt.date_trunc('month', 'billing_days.event_date') }} as date) as billing_month,
        case
            when billing_days.priced_impressions > 0 then coalesce(billing_days.currency, '')
        end as priced_in

    from billing_days

    left join campaign_days
        on
            billing_days.campaign_id = campaign_days.campaign_id
            and billing_days.event_date = campaign_days.event_date

),

-- A day that has priced impressions and no cost has two currencies, or a rate that is not known.
monthly as (

    select
        campaign_id,
        advertiser_id,
        billing_month,
        nullif(min(priced_in), '') as currency,
        coalesce(min(priced_in) = max(priced_in), true)
        and count(priced_in) = count(case when priced_in is not null then total_cost end)
            as has_one_currency,
        count(priced_in) = count(case when priced_in is not null then total_cost_eur end)
            as has_every_rate,
        count(*) as days,
        count(case when is_full_day then 1 end) as full_days,
        sum(gross_impressions) as gross_impressions,
        sum(gross_clicks) as gross_clicks,
        sum(valid_impressions) as valid_impressions,
        sum(valid_clicks) as valid_clicks,
        sum(db_impressions) as db_impressions,
        sum(db_clicks) as db_clicks,
        sum(priced_impressions) as priced_impressions,
        sum(estimated_spend) as estimated_spend,
        sum(estimated_spend_capped) as estimated_spend_capped,
        sum(net_spend) as net_spend,
        sum(media_cost) as media_cost,
        sum(total_cost) as total_cost,
        sum(total_cost_eur) as total_cost_eur

    from owned_days

    group by 1, 2, 3

),

final as (

    select
        campaign_id,
        advertiser_id,
        case when has_one_currency then currency end as currency,
        cast(days as bigint) as days,
        cast(full_days as bigint) as full_days,
        cast(gross_impressions as bigint) as gross_impressions,
        cast(gross_clicks as bigint) as gross_clicks,
        cast(valid_impressions as bigint) as valid_impressions,
        cast(valid_clicks as bigint) as valid_clicks,
        cast(db_impressions as bigint) as db_impressions,
        cast(db_clicks as bigint) as db_clicks,
        cast(priced_impressions as bigint) as priced_impressions,
        {{ log_db_discrepancy('gross_impressions', 'db_impressions') }} as impressions_discrepancy,
        {{ log_db_discrepancy('gross_clicks', 'db_clicks') }} as clicks_discrepancy,
        cast(estimated_spend as decimal(38, 2)) as estimated_spend,
        cast(estimated_spend_capped as decimal(38, 2)) as estimated_spend_capped,
        cast(net_spend as decimal(38, 2)) as net_spend,
        cast(case when has_one_currency then media_cost end as decimal(38, 12)) as media_cost,
        cast(case when has_one_currency then total_cost end as decimal(38, 12)) as total_cost,
        cast(case when has_every_rate then total_cost_eur end as decimal(38, 12)) as total_cost_eur,
        cast(
            case when has_one_currency then total_cost - estimated_spend end as decimal(38, 12)
        ) as cost_over_estimate,
        billing_month

    from monthly

)

select * from final
