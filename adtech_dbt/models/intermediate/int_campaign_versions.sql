with

snapshots as (

    select * from {{ ref('snap_operational__campaigns') }}

),

-- A campaign that was deleted and entered again has a gap in its snapshot: the version before the
-- gap stays in force. So does the last version of a deleted campaign.
numbered as (

    select
        campaign_id,
        advertiser_id,
        log_campaign_id,
        campaign_name,
        bid,
        budget,
        start_date,
        end_date,
        created_at,
        dbt_valid_from as valid_from,
        dbt_valid_to is null as is_current,
        case
            when end_date >= start_date then {{ inclusive_days('start_date', 'end_date') }}
        end as flight_days,
        row_number() over (
            partition by campaign_id
            order by dbt_valid_from
        ) = 1 as is_first,
        min(dbt_valid_from) over next_version is null as is_latest,
        min(dbt_valid_from) over next_version as valid_until

    from snapshots

    -- lead() is no NULL after the last row where an engine has columns that cannot be.
    window next_version as (
        partition by campaign_id
        order by dbt_valid_from rows between 1 following and 1 following
    )

),

-- Nobody knows what was in force before the first extraction: the first version stands for it.
final as (

    select
        campaign_id,
        advertiser_id,
        log_campaign_id,
        campaign_name,
        bid,
        budget,
        flight_days,
        is_first,
        is_latest,
        is_current,
        start_date,
        end_date,
        created_at,
        valid_until,
        case
            when is_first then {{ first_moment() }}
            else valid_from
        end as valid_from

    from numbered

)

select * from final
