{#-
    ok up to 1 % between log and database, warn up to 10 %, breach above; log_missing or db_missing
    where one side has nothing. In whole numbers, so that a bound belongs to the milder status.
-#}
{% macro log_db_status(log_events, db_events) -%}
    case
        when {{ log_events }} = {{ db_events }} then 'ok'
        when {{ db_events }} = 0 then 'db_missing'
        when {{ log_events }} = 0 then 'log_missing'
        when abs({{ log_events }} - {{ db_events }}) * 100 <= {{ db_events }} then 'ok'
        when abs({{ log_events }} - {{ db_events }}) * 10 <= {{ db_events }} then 'warn'
        else 'breach'
    end
{%- endmacro %}
