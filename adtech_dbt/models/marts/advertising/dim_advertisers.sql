with

snapshots as (

    select * from {{ ref('snap_operational__advertisers') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

campaign_versions as (

    select * from {{ ref('int_campaign_versions') }}

),

versions as (

    select
        advertiser_id,
        advertiser_name,
        created_at,
        dbt_valid_to is null as is_current,
        row_number() over (
            partition by advertiser_id
            order by dbt_valid_from desc
        ) as version_age

    from snapshots

),

-- Of whom campaigns are, or once were, or that the unknown campaign is of.
owners as (

    select advertiser_id from campaigns

    union distinct

    select advertiser_id from campaign_versions

),

nobody_known as (

    select owners.advertiser_id

    from owners

    left join snapshots
        on owners.advertiser_id = snapshots.advertiser_id

    where snapshots.advertiser_id is null

),

final as (

    select
        advertiser_id,
        advertiser_name,
        is_current,
        created_at

    from versions

    where version_age = 1

    union all

    select distinct
        {{ unknown_advertiser_id() }} as advertiser_id,
        'unknown advertiser' as advertiser_name,
        false as is_current,
        cast(null as timestamp) as created_at

    from nobody_known

)

select * from final
