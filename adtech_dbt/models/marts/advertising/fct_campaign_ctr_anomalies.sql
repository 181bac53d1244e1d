with

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

with_prior as (

    select
        campaign_id,
        impressions,
        clicks,
        ctr,
        cast(coalesce(sum(impressions) over prior_days, 0) as bigint) as prior_impressions,
        cast(coalesce(sum(clicks) over prior_days, 0) as bigint) as prior_clicks,
        event_date

    from campaign_days

    window prior_days as (
        partition by campaign_id
        order by event_date
        {{ range_of_days(28, 1) }}
    )

),

rated as (

    select
        campaign_id,
        impressions,
        clicks,
        ctr,
        prior_impressions,
        prior_clicks,
        event_date,
        {{ ctr('prior_clicks', 'prior_impressions') }} as prior_ctr

    from with_prior

),

scored as (

    select
        campaign_id,
        impressions,
        clicks,
        ctr,
        prior_impressions,
        prior_clicks,
        prior_ctr,
        event_date,
        -- Without impressions, or where every or no impression was clicked before, there is no
        -- deviation to measure by.
        case
            when impressions > 0 and prior_ctr > 0 and prior_ctr < 1
                then (ctr - prior_ctr) / sqrt(prior_ctr * (1 - prior_ctr) / impressions)
        end as z_score

    from rated

),

flagged as (

    select
        *,
        coalesce(
            abs(z_score) >= 3 and impressions >= 100 and prior_impressions >= 1000, false
        ) as is_anomaly

    from scored

),

final as (

    select
        campaign_id,
        impressions,
        clicks,
        ctr,
        prior_impressions,
        prior_clicks,
        prior_ctr,
        z_score,
        is_anomaly,
        event_date

    from flagged

)

select * from final
