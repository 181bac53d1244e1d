{#-
    By the offsets of a day before and a day after: clocks change between them once or not at all. What
    is right by the one before is the first of two times; what is by neither is skipped.
-#}
{% macro clickhouse__local_to_utc(local_time, zone) -%}
    {%- set by = [] -%}
    {%- for day in ['-', '+'] -%}
        {%- set then = "toTimeZone(" ~ local_time ~ " " ~ day ~ " interval 1 day, '" ~ zone ~ "')" -%}
        {%- do by.append('(' ~ local_time ~ ' - toIntervalSecond(timeZoneOffset(' ~ then ~ ')))') -%}
    {%- endfor -%}
    case
        when
            {{ utc_to_local(by[0], zone) }} != {{ local_time }}
            and {{ utc_to_local(by[1], zone) }} = {{ local_time }}
            then {{ by[1] }}
        else {{ by[0] }}
    end
{%- endmacro %}
