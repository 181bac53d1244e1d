with

measures as (

    select * from {{ ref('int_log_campaign_measures_identified') }}

),

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

-- One stream of amounts: of the log, and the estimate of each campaign and day.
amounts as (

    select
        campaign_id,
        case when priced_impressions > 0 then currency end as currency,
        impressions,
        clicks,
        priced_impressions,
        eur_impressions,
        media_cost,
        total_cost,
        data_cost,
        brand_safety_cost,
        rich_media_cost,
        trading_desk_fee,
        case when invalid_reason != 'none' then total_cost end as invalid_cost,
        total_cost_eur,
        null as estimated_spend,
        event_date

    from measures

    union all

    select
        campaign_id,
        null as currency,
        0 as impressions,
        0 as clicks,
        null as priced_impressions,
        null as eur_impressions,
        null as media_cost,
        null as total_cost,
        null as data_cost,
        null as brand_safety_cost,
        null as rich_media_cost,
        null as trading_desk_fee,
        null as invalid_cost,
        null as total_cost_eur,
        estimated_spend,
        event_date

    from campaign_days

),

-- Amounts of two currencies have no sum but in euros.
daily as (

    select
        campaign_id,
        event_date,
        case when min(currency) = max(currency) then nullif(min(currency), '') end as currency,
        coalesce(min(currency) = max(currency), true) as has_one_currency,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        coalesce(sum(priced_impressions), 0) as priced_impressions,
        coalesce(sum(eur_impressions), 0) as eur_impressions,
        sum(media_cost) as media_cost,
        sum(total_cost) as total_cost,
        sum(data_cost) as data_cost,
        sum(brand_safety_cost) as brand_safety_cost,
        sum(rich_media_cost) as rich_media_cost,
        sum(trading_desk_fee) as trading_desk_fee,
        case when sum(total_cost) is not null then coalesce(sum(invalid_cost), 0) end
            as invalid_cost,
        sum(total_cost_eur) as total_cost_eur,
        coalesce(sum(estimated_spend), 0) as estimated_spend

    from amounts

    group by 1, 2

),

in_one_currency as (

    select
        campaign_id,
        currency,
        impressions,
        clicks,
        priced_impressions,
        estimated_spend,
        event_date,
        case when has_one_currency then media_cost end as media_cost,
        case when has_one_currency then total_cost end as total_cost,
        case when has_one_currency then data_cost end as data_cost,
        case when has_one_currency then brand_safety_cost end as brand_safety_cost,
        case when has_one_currency then rich_media_cost end as rich_media_cost,
        case when has_one_currency then trading_desk_fee end as trading_desk_fee,
        case when has_one_currency then invalid_cost end as invalid_cost,
        case when eur_impressions = priced_impressions then total_cost_eur end as total_cost_eur

    from daily

),

final as (

    select
        campaign_id,
        currency,
        cast(impressions as bigint) as impressions,
        cast(clicks as bigint) as clicks,
        cast(priced_impressions as bigint) as priced_impressions,
        {{ safe_divide('(total_cost - media_cost)', 'total_cost') }} as fee_share,
        cast(media_cost as decimal(38, 12)) as media_cost,
        cast(total_cost as decimal(38, 12)) as total_cost,
        cast(data_cost as decimal(38, 12)) as data_cost,
        cast(brand_safety_cost as decimal(38, 12)) as brand_safety_cost,
        cast(rich_media_cost as decimal(38, 12)) as rich_media_cost,
        cast(trading_desk_fee as decimal(38, 12)) as trading_desk_fee,
        cast(invalid_cost as decimal(38, 12)) as invalid_cost,
        cast(total_cost_eur as decimal(38, 12)) as total_cost_eur,
        cast(estimated_spend as decimal(38, 2)) as estimated_spend,
        cast(total_cost - estimated_spend as decimal(38, 12)) as cost_over_estimate,
        {{ divide_amount('cast(1000 * total_cost as decimal(38, 12))', 'priced_impressions') }}
            as true_ecpm,
        {{ divide_amount('cast(total_cost as decimal(38, 12))', 'clicks') }} as true_cpc,
        event_date

    from in_one_currency

)

select * from final
