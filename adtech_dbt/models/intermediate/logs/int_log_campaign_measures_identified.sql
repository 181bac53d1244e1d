{{ config(materialized='table') }}

with

measures as (

    select * from {{ ref('int_log_campaign_measures_daily') }}

),

-- Each campaign of the log is one of the database, whatever its versions.
campaigns as (

    select distinct
        log_campaign_id,
        campaign_id

    from {{ ref('int_log_campaign_versions') }}

),

final as (

    select
        coalesce(campaigns.campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        measures.currency,
        measures.banner_size,
        measures.invalid_reason,
        measures.impressions,
        measures.clicks,
        {%- for name in log_counts() + log_amounts() %}
            measures.{{ name }},
        {%- endfor %}
        measures.event_date

    from measures

    left join campaigns
        on measures.log_campaign_id = campaigns.log_campaign_id

)

select * from final
