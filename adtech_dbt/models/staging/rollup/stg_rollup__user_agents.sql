with

source as (

    select * from {{ source('rollup', 'user_agents') }}

),

renamed as (

    select
        user_agent_id,
        user_agent,
        browser_family,
        os_family,
        device_family,
        device_class,
        invalid_reason,
        crawler_pattern,
        classifier_version,
        cast(coalesce(invalid_reason = 'crawler', false) as boolean) as is_crawler,
        classified_at

    from source

)

select * from renamed
