with

snapshots as (

    select * from {{ ref('snap_operational__advertisers') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

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
        advertiser_id,
        'unknown advertiser' as advertiser_name,
        false as is_current,
        cast(null as timestamp) as created_at

    from campaigns

    where advertiser_id = {{ unknown_advertiser_id() }}

)

select * from final
