{#- Ratios follow from these. -#}
{%- set counts = [
    'days', 'gross_impressions', 'gross_clicks', 'valid_impressions', 'valid_clicks',
    'db_impressions', 'db_clicks', 'priced_impressions'
] -%}
{%- set amounts = ['estimated_spend', 'estimated_spend_capped', 'net_spend', 'total_cost_eur'] -%}
{%- set amounts_in_currency = ['media_cost', 'total_cost', 'cost_over_estimate'] -%}

with

closed_campaign_months as (

    select * from {{ ref('stg_billing__closed_campaign_months') }}

),

current_months as (

    select * from {{ ref('int_campaign_billing_months') }}

),

closed_months as (

    select distinct billing_month from closed_campaign_months

),

-- What was closed, and what has appeared in the month since.
campaign_months as (

    select
        campaign_id,
        advertiser_id,
        billing_month

    from closed_campaign_months

    union distinct

    select
        current_months.campaign_id,
        current_months.advertiser_id,
        current_months.billing_month

    from current_months

    inner join closed_months
        on current_months.billing_month = closed_months.billing_month

),

paired as (

    select
        campaign_months.campaign_id as campaign_id,
        campaign_months.advertiser_id as advertiser_id,
        campaign_months.billing_month as billing_month,
        {%- for measure in counts + amounts + amounts_in_currency %}
            closed_campaign_months.{{ measure }} as closed_{{ measure }},
            current_months.{{ measure }} as current_{{ measure }},
        {%- endfor %}
        closed_campaign_months.campaign_id is not null as was_closed,
        current_months.campaign_id is not null as is_there,
        closed_campaign_months.campaign_id is not null
        and current_months.campaign_id is not null
        and coalesce(closed_campaign_months.currency, '') != coalesce(current_months.currency, '')
            as has_other_currency

    from campaign_months

    left join closed_campaign_months
        on
            campaign_months.billing_month = closed_campaign_months.billing_month
            and campaign_months.campaign_id = closed_campaign_months.campaign_id
            and campaign_months.advertiser_id = closed_campaign_months.advertiser_id

    left join current_months
        on
            campaign_months.billing_month = current_months.billing_month
            and campaign_months.campaign_id = current_months.campaign_id
            and campaign_months.advertiser_id = current_months.advertiser_id

),

measured as (
    {% for measure in counts + amounts + amounts_in_currency %}
        select
            campaign_id,
            advertiser_id,
            '{{ measure }}' as measure,
            was_closed,
            is_there,
            {{ 'has_other_currency' if measure in amounts_in_currency else 'false' }}
                as is_in_other_currency,
            billing_month,
            cast(closed_{{ measure }} as decimal(38, 12)) as closed_value,
            cast(current_{{ measure }} as decimal(38, 12)) as current_value

        from paired
        {% if not loop.last %}
            union all
        {% endif %}
    {%- endfor %}
),

-- A row that has vanished, or was not there, has no value; to the difference that is 0.
differing as (

    select
        campaign_id,
        advertiser_id,
        measure,
        closed_value,
        current_value,
        billing_month,
        case
            when is_in_other_currency then null
            when was_closed and is_there then current_value - closed_value
            when was_closed then -closed_value
            else current_value
        end as difference

    from measured

    where
        closed_value != current_value
        or (closed_value is null) != (current_value is null)
        or (is_in_other_currency and closed_value is not null)

),

final as (

    select
        campaign_id,
        advertiser_id,
        measure,
        closed_value,
        current_value,
        cast(difference as decimal(38, 12)) as difference,
        billing_month

    from differing

)

select * from final
