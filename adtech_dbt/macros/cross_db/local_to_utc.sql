{#-
    The UTC time of a local time, both naive. Of an hour that clocks show twice in autumn, the first;
    of one that they skip in spring, the hour after it.
-#}
{% macro local_to_utc(local_time, zone) -%}
    {{ return(adapter.dispatch('local_to_utc', 'adtech')(local_time, zone)) }}
{%- endmacro %}
