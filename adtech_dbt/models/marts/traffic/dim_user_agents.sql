with

user_agents as (

    select * from {{ ref('stg_rollup__user_agents') }}

),

final as (

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
        is_crawler

    from user_agents

)

select * from final
