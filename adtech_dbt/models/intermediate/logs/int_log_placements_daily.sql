{{ config(materialized='incremental', tags='daily') }}

{%- set dimensions = placement_dimensions() -%}

with

-- The day of an event may be the one before or after its file's.
placements as (

    select * from {{ ref('stg_rollup__daily_placements') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

dated as (

    select
        *,
        {{ event_day('occurred_on', 'file_date', 'undated_hour') }} as event_date,
        case when eur_rate is not null then priced_impressions else 0 end as eur_impressions,
        cast(cast(total_cost as decimal(38, 12)) * eur_rate as decimal(38, 12)) as total_cost_eur

    from placements

),

daily as (

    select
        log_campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        currency,
        event_date,
        {{ placement_sums() }}

    from dated

    where {{ in_day_window() }}

    group by {{ range(1, dimensions | length + 4) | join(', ') }}

),

members as (

    {%- for name in dimensions %}
        select
            log_campaign_id,
            event_date,
            '{{ name }}' as dimension,
            {{ name }} as member,
            row_number() over (
                partition by log_campaign_id, event_date
                order by sum(impressions) desc, sum(clicks) desc, {{ name }} asc
            ) as place

        from daily

        group by 1, 2, 4
        {{ 'union all' if not loop.last }}
    {%- endfor %}

),

named_members as (

    select * from members
    where place <= {{ most_members() }}

),

-- In all of a day's placements a member has its name, or in none: so its totals are right.
named as (

    select
        daily.log_campaign_id as log_campaign_id,
        {%- for name in dimensions %}
            coalesce({{ name }}s.member, '(other)') as {{ name }},
        {%- endfor %}
        daily.currency,
        daily.event_date as event_date,
        {%- for name in placement_counts() %}
            daily.{{ name }},
        {%- endfor %}
        daily.total_cost,
        daily.total_cost_eur

    from
        daily

    {%- for name in dimensions %}

        left join named_members as {{ name }}s
            on
                daily.log_campaign_id = {{ name }}s.log_campaign_id
                and daily.event_date = {{ name }}s.event_date
                and daily.{{ name }} = {{ name }}s.member
                and {{ name }}s.dimension = '{{ name }}'
    {%- endfor %}

),

final as (

    select
        log_campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        currency,
        event_date,
        {{ placement_sums() }}

    from named

    group by {{ range(1, dimensions | length + 4) | join(', ') }}

)

select * from final
