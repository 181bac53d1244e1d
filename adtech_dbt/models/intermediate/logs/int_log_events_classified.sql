{{ config(tags='daily') }}

with

log_events as (

    select * from {{ ref('int_log_events_hourly') }}

),

user_agents as (

    select * from {{ ref('stg_rollup__user_agents') }}

),

-- The first reason in the order of kpis.md: each event has one, so that shares add up.
final as (

    select
        log_events.user_agent_id,
        log_events.log_campaign_id,
        log_events.currency,
        log_events.banner_size,
        log_events.impressions,
        log_events.clicks,
        {%- for name in log_counts() + log_amounts() %}
            log_events.{{ name }},
        {%- endfor %}
        log_events.is_fraud,
        log_events.event_date,
        log_events.hour_at,
        case
            when log_events.is_fraud then 'fraud_flag'
            else coalesce(user_agents.invalid_reason, 'none')
        end as invalid_reason

    from log_events

    left join user_agents
        on log_events.user_agent_id = user_agents.user_agent_id

)

select * from final
