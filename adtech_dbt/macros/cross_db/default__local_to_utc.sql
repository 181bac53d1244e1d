{#- By timezone(), which takes the second of two: if an hour earlier is the same, that is the first. -#}
{% macro default__local_to_utc(local_time, zone) -%}
    case
        when
            timezone('{{ zone }}', timezone('{{ zone }}', {{ local_time }}) - interval '1 hour')
            = {{ local_time }}
            then timezone('UTC', timezone('{{ zone }}', {{ local_time }}) - interval '1 hour')
        else timezone('UTC', timezone('{{ zone }}', {{ local_time }}))
    end
{%- endmacro %}
