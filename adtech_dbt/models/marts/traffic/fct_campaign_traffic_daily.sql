with

log_events as (

    select * from {{ ref('int_log_campaign_events_hourly') }}

),

db_events as (

    select * from {{ ref('int_campaign_events_attributed') }}
    where event_date is not null

),

campaign_days as (

    select * from {{ ref('int_campaign_terms_daily') }}

),

campaign_versions as (

    select * from {{ ref('int_log_campaign_versions') }}

),

-- At the bid in force when the hour began: within an hour the counts do not say when.
priced as (

    select
        coalesce(campaign_versions.campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        log_events.impressions,
        log_events.clicks,
        log_events.event_date,
        log_events.invalid_reason,
        case
            when log_events.invalid_reason = 'none'
                then log_events.clicks * coalesce(campaign_versions.bid, 0)
            else 0
        end as net_spend

    from log_events

    left join campaign_versions
        on
            log_events.log_campaign_id = campaign_versions.log_campaign_id
            and log_events.hour_at >= campaign_versions.valid_from
            and (
                log_events.hour_at < campaign_versions.valid_until
                or campaign_versions.valid_until is null
            )

),

-- One stream of counts: of both sides, and 0 for each campaign on each day.
counts as (

    select
        campaign_id,
        impressions,
        clicks,
        0 as db_impressions,
        0 as db_clicks,
        net_spend,
        event_date,
        invalid_reason

    from priced

    union all

    select
        campaign_id,
        0 as impressions,
        0 as clicks,
        impressions as db_impressions,
        clicks as db_clicks,
        0 as net_spend,
        event_date,
        'none' as invalid_reason

    from db_events

    union all

    select
        campaign_id,
        0 as impressions,
        0 as clicks,
        0 as db_impressions,
        0 as db_clicks,
        0 as net_spend,
        event_date,
        'none' as invalid_reason

    from campaign_days

),

daily as (

    select
        campaign_id,
        cast(sum(impressions) as bigint) as gross_impressions,
        cast(sum(clicks) as bigint) as gross_clicks,
        {{ sum_of_reason('impressions', 'none') }} as valid_impressions,
        {{ sum_of_reason('clicks', 'none') }} as valid_clicks,
        {{ sum_of_reason('impressions', 'fraud_flag') }} as fraud_flag_impressions,
        {{ sum_of_reason('clicks', 'fraud_flag') }} as fraud_flag_clicks,
        {{ sum_of_reason('impressions', 'crawler') }} as crawler_impressions,
        {{ sum_of_reason('clicks', 'crawler') }} as crawler_clicks,
        {{ sum_of_reason('impressions', 'missing_user_agent') }} as missing_user_agent_impressions,
        {{ sum_of_reason('clicks', 'missing_user_agent') }} as missing_user_agent_clicks,
        {{ sum_of_reason('impressions', 'non_browser') }} as non_browser_impressions,
        {{ sum_of_reason('clicks', 'non_browser') }} as non_browser_clicks,
        cast(sum(db_impressions) as bigint) as db_impressions,
        cast(sum(db_clicks) as bigint) as db_clicks,
        cast(sum(net_spend) as decimal(38, 2)) as net_spend,
        event_date

    from counts

    group by 1, 17

),

final as (

    select
        campaign_id,
        {{ log_db_status('gross_impressions', 'db_impressions') }} as impressions_status,
        {{ log_db_status('gross_clicks', 'db_clicks') }} as clicks_status,
        gross_impressions,
        gross_clicks,
        valid_impressions,
        valid_clicks,
        fraud_flag_impressions,
        fraud_flag_clicks,
        crawler_impressions,
        crawler_clicks,
        missing_user_agent_impressions,
        missing_user_agent_clicks,
        non_browser_impressions,
        non_browser_clicks,
        db_impressions,
        db_clicks,
        {{ ctr('valid_clicks', 'valid_impressions') }} as net_ctr,
        {{ safe_divide(
            '(gross_impressions + gross_clicks - valid_impressions - valid_clicks)',
            '(gross_impressions + gross_clicks)'
        ) }} as ivt_rate,
        {{ log_db_discrepancy('gross_impressions', 'db_impressions') }} as impressions_discrepancy,
        {{ log_db_discrepancy('gross_clicks', 'db_clicks') }} as clicks_discrepancy,
        net_spend,
        event_date

    from daily

)

select * from final
