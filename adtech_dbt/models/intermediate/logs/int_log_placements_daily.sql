{{ config(materialized='incremental', tags='daily') }}

{%- set dimensions = placement_dimensions() -%}
{%- set texts = {
    'publisher_domain': lower_case("rtrim(" ~ key_text('publisher_domain', 253) ~ ", '.')"),
    'deal': key_text('deal', 255),
} %}

with

-- The hour of an event may be on the day before or after its file's.
log_events as (

    select * from {{ ref('int_log_events_placed') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

-- Counted before texts are made: there are far fewer of these than of events. By the rate too, so
-- that an amount is changed into euros once.
counts as (

    select
        campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        currency,
        eur_rate,
        cast({{ event_hour_at('occurred_at', 'file_date', 'file_hour') }} as date) as event_date,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(case when is_invalid then impressions else 0 end) as invalid_impressions,
        sum(case when is_invalid then clicks else 0 end) as invalid_clicks,
        count(case when not is_invalid then is_viewable_by_mrc end) as measurable_impressions,
        count(case when not is_invalid and is_viewable_by_mrc then 1 end) as viewable_impressions,
        count(total_cost) as priced_impressions,
        case when eur_rate is not null then count(total_cost) else 0 end as eur_impressions,
        cast(sum(total_cost) as decimal(38, 12)) as total_cost,
        cast(cast(sum(total_cost) as decimal(38, 12)) * eur_rate as decimal(38, 12))
            as total_cost_eur

    from log_events

    group by {{ range(1, dimensions | length + 5) | join(', ') }}

),

daily as (

    select
        coalesce(cast(campaign_id as {{ dbt.type_string() }}), '') as log_campaign_id,
        {%- for name in dimensions %}
            {{ texts.get(name, "coalesce(cast(" ~ name ~ " as varchar), '')") }} as {{ name }},
        {%- endfor %}
        currency,
        event_date,
        {{ placement_sums() }}

    from counts

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
