{#-
    Text of an event as it can be part of a key in Postgres, empty where there is none: an index has no
    room for much more, and text no zero byte.
-#}
{% macro key_text(value, letters) -%}
    {{ return(adapter.dispatch('key_text', 'adtech')(value, letters)) }}
{%- endmacro %}
