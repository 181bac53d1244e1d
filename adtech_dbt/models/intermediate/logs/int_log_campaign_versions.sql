with

campaign_versions as (

    select * from {{ ref('int_campaign_versions') }}

),

-- Two campaigns may have had the same one: events are counted for one of them, never for both.
ranked as (

    select
        log_campaign_id,
        campaign_id,
        row_number() over (
            partition by log_campaign_id
            order by is_current desc, valid_from desc, campaign_id desc
        ) as place

    from campaign_versions

    where log_campaign_id is not null

),

final as (

    select
        ranked.log_campaign_id,
        ranked.campaign_id,
        campaign_versions.bid,
        campaign_versions.valid_from,
        campaign_versions.valid_until

    from ranked

    inner join campaign_versions
        on ranked.campaign_id = campaign_versions.campaign_id

    where ranked.place = 1

)

select * from final
