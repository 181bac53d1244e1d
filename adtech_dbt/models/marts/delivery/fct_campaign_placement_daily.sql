{%- set dimensions = placement_dimensions() %}

with

placements as (

    select * from {{ ref('int_log_placements_daily') }}

),

-- Each campaign of the log is one of the database, whatever its versions.
campaigns as (

    select distinct
        log_campaign_id,
        campaign_id

    from {{ ref('int_log_campaign_versions') }}

),

identified as (

    select
        coalesce(campaigns.campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        {%- for name in dimensions + placement_counts() %}
            placements.{{ name }},
        {%- endfor %}
        placements.total_cost,
        placements.total_cost_eur,
        placements.event_date,
        case when placements.priced_impressions > 0 then placements.currency end as currency

    from placements

    left join campaigns
        on placements.log_campaign_id = campaigns.log_campaign_id

),

weighed as (

    select
        *,
        sum(impressions) over (
            partition by campaign_id, event_date, {{ dimensions | join(', ') }}
        ) as impressions_there

    from identified

),

ranked as (

    select
        *,
        dense_rank() over (
            partition by campaign_id, event_date
            order by impressions_there desc, {{ dimensions | join(', ') }}
        ) as place

    from weighed

),

-- Twenty members of each of nine dimensions are still more placements than anybody reads.
bounded as (

    select
        campaign_id,
        {%- for name in dimensions %}
            case when place <= {{ most_placements() }} then {{ name }} else '(other)' end
                as {{ name }},
        {%- endfor %}
        {%- for name in placement_counts() %}
            {{ name }},
        {%- endfor %}
        total_cost,
        total_cost_eur,
        currency,
        event_date

    from ranked

),

daily as (

    select
        campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        event_date,
        {%- for name in placement_counts() %}
            cast(sum({{ name }}) as bigint) as {{ name }},
        {%- endfor %}
        case when min(currency) = max(currency) then nullif(min(currency), '') end as currency,
        coalesce(min(currency) = max(currency), true) as has_one_currency,
        sum(total_cost) as total_cost,
        sum(total_cost_eur) as total_cost_eur

    from bounded

    group by {{ range(1, dimensions | length + 3) | join(', ') }}

),

final as (

    select
        campaign_id,
        {%- for name in dimensions %}
            {{ name }},
        {%- endfor %}
        impressions,
        clicks,
        invalid_impressions,
        invalid_clicks,
        nullif(measurable_impressions, 0) as measurable_impressions,
        case when measurable_impressions > 0 then viewable_impressions end as viewable_impressions,
        priced_impressions,
        {{ safe_divide('viewable_impressions', 'measurable_impressions') }} as viewable_rate,
        {{ safe_divide('(invalid_impressions + invalid_clicks)', '(impressions + clicks)') }}
            as ivt_rate,
        currency,
        case when has_one_currency then cast(total_cost as decimal(38, 12)) end as total_cost,
        case
            when eur_impressions = priced_impressions
                then cast(total_cost_eur as decimal(38, 12))
        end as total_cost_eur,
        event_date

    from daily

)

select * from final
