with

source as (

    select * from {{ source('logs', 'click_logs') }}

),

renamed as (

    select
        file_id,
        campaign_id,
        user_agent,
        file_hour,
        cast(
            round(1000 * (extract(epoch from event_at) - extract(epoch from shown_at))) as bigint
        ) as latency_ms,
        cast(coalesce(is_fraud, false) as boolean) as is_fraud,
        file_date,
        event_at as occurred_at,
        -- As it can be a key in Postgres: an index has no room for more, and text no zero byte.
        coalesce(
            left(
                replace(
                    rtrim(regexp_replace(landing_url, '^[A-Za-z]+://|[?#].*$', '', 'g'), '/'),
                    chr(0),
                    chr(65533)
                ),
                500
            ),
            ''
        ) as landing_page

    from source

)

select * from renamed
