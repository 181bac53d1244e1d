{#-
    Id of a user agent: MD5 of its exact bytes, 32 zeros for NULL. The same as in
    adtech_assets/rollup/user_agents.py.
-#}
{% macro user_agent_id(user_agent) -%}
    coalesce({{ md5_text(user_agent) }}, repeat('0', 32))
{%- endmacro %}
