{{ config(tags='daily') }}

{%- set dimensions = placement_dimensions() %}

with

impressions as (

    select * from {{ ref('stg_logs__impressions') }}

),

clicks as (

    select * from {{ ref('stg_logs__clicks') }}

),

user_agents as (

    select * from {{ ref('stg_rollup__user_agents') }}

),

events as (

    select
        campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        user_agent,
        currency,
        1 as impressions,
        0 as clicks,
        file_hour,
        total_cost,
        eur_rate,
        is_fraud,
        is_viewable_by_mrc,
        file_date,
        occurred_at

    from impressions

    union all

    select
        campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        user_agent,
        '' as currency,
        0 as impressions,
        1 as clicks,
        file_hour,
        null as total_cost,
        null as eur_rate,
        is_fraud,
        null as is_viewable_by_mrc,
        file_date,
        occurred_at

    from clicks

),

final as (

    select
        events.campaign_id,
        {%- for name in dimensions %}
            events.{{ name }},
        {%- endfor %}
        events.currency,
        events.impressions,
        events.clicks,
        events.file_hour,
        events.total_cost,
        events.eur_rate,
        events.is_fraud or user_agents.invalid_reason is not null as is_invalid,
        events.is_viewable_by_mrc,
        events.file_date,
        events.occurred_at

    from events

    left join user_agents
        on events.user_agent is not distinct from user_agents.user_agent

)

select * from final
