{%- set dimensions = {
    'campaign': 'cast(campaign_id as ' ~ dbt.type_string() ~ ')',
    'publisher_domain': 'publisher_domain',
    'deal': 'deal',
} %}

with

placements as (

    select
        *,
        cast({{ dbt.date_trunc('week', 'event_date') }} as date) as week_start,
        priced_impressions > 0 and total_cost_eur is null as is_unpriced

    from {{ ref('fct_campaign_placement_daily') }}

),

dates as (

    select
        *,
        cast({{ dbt.date_trunc('week', 'event_date') }} as date) as week_start

    from {{ ref('dim_dates') }}

),

full_weeks as (

    select week_start

    from dates

    group by 1

    having count(case when is_full_in_logs then 1 end) = 7

),

-- A week can be compared if it is full, and the one before is too.
compared_weeks as (

    select full_weeks.week_start

    from full_weeks

    inner join full_weeks as weeks_before
        on full_weeks.week_start = {{ dbt.dateadd('day', 7, 'weeks_before.week_start') }}

),

weekly as (

    {%- for name, member in dimensions.items() %}
        select
            '{{ name }}' as dimension,
            {{ member }} as member,
            week_start,
            sum(impressions) as impressions,
            sum(clicks) as clicks,
            case when count(case when is_unpriced then 1 end) = 0 then sum(total_cost_eur) end
                as total_cost_eur

        from placements

        group by 2, 3
        {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- Each week counts for itself, and as the one before the next.
sides as (

    select
        dimension,
        member,
        impressions,
        0 as impressions_before,
        clicks,
        0 as clicks_before,
        total_cost_eur,
        null as total_cost_eur_before,
        week_start

    from weekly

    union all

    select
        dimension,
        member,
        0 as impressions,
        impressions as impressions_before,
        0 as clicks,
        clicks as clicks_before,
        null as total_cost_eur,
        total_cost_eur as total_cost_eur_before,
        cast({{ dbt.dateadd('day', 7, 'week_start') }} as date) as week_start

    from weekly

),

changes as (

    select
        dimension,
        member,
        week_start,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(impressions_before) as bigint) as impressions_before,
        cast(sum(impressions - impressions_before) as bigint) as impressions_change,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(clicks_before) as bigint) as clicks_before,
        cast(sum(total_cost_eur) as decimal(38, 12)) as total_cost_eur,
        cast(sum(total_cost_eur_before) as decimal(38, 12)) as total_cost_eur_before

    from sides

    where
        member != '(other)'
        and week_start in (select compared_weeks.week_start from compared_weeks)

    group by 1, 2, 3

),

ranked as (

    select
        *,
        row_number() over (
            partition by week_start, dimension
            order by abs(impressions_change) desc, impressions desc, member asc
        ) as place

    from changes

),

final as (

    select
        dimension,
        cast(place as bigint) as place,
        member,
        impressions,
        impressions_before,
        impressions_change,
        {{ safe_divide('impressions_change', 'impressions_before') }} as impressions_change_share,
        clicks,
        clicks_before,
        total_cost_eur,
        total_cost_eur_before,
        week_start

    from ranked

    where place <= {{ most_members() }}

)

select * from final
