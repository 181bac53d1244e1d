with

landing_pages as (

    select * from {{ ref('int_log_landing_pages_daily') }}

),

-- Each campaign of the log is one of the database, whatever its versions.
campaigns as (

    select distinct
        log_campaign_id,
        campaign_id

    from {{ ref('int_log_campaign_versions') }}

),

identified as (

    select
        landing_pages.landing_page,
        landing_pages.event_date,
        coalesce(campaigns.campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        sum(landing_pages.clicks) as clicks,
        sum(landing_pages.timed_clicks) as timed_clicks,
        sum(landing_pages.fast_clicks) as fast_clicks

    from landing_pages

    left join campaigns
        on landing_pages.log_campaign_id = campaigns.log_campaign_id

    group by 1, 2, 3

),

ranked as (

    select
        *,
        row_number() over (
            partition by campaign_id, event_date
            order by clicks desc, landing_page asc
        ) as place

    from identified

),

-- The long tail is one row: a page for each visitor would be as many rows as clicks.
bounded as (

    select
        campaign_id,
        event_date,
        clicks,
        timed_clicks,
        fast_clicks,
        case when place <= {{ most_members() }} then landing_page else '(other)' end as landing_page

    from ranked

),

daily as (

    select
        campaign_id,
        landing_page,
        event_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(timed_clicks) as bigint) as timed_clicks,
        cast(sum(fast_clicks) as bigint) as fast_clicks

    from bounded

    group by 1, 2, 3

),

final as (

    select
        campaign_id,
        landing_page,
        clicks,
        timed_clicks,
        fast_clicks,
        {{ safe_divide('fast_clicks', 'timed_clicks') }} as fast_click_share,
        event_date

    from daily

)

select * from final
