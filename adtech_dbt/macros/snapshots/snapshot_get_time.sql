{#-
    The time at which a snapshot sees that a row is gone: when the source was extracted. dbt would
    take the clock's, and the same warehouse would give another history when dbt runs later. Where
    the extraction found no row at all, the days that were extracted with it have its time.
-#}
{% macro snapshot_get_time() -%}
    {%- set days = graph.sources.values() | selectattr('name', 'equalto', 'extracted_days') | first -%}
    coalesce(
        (select max(extracted_at) from ({{ model['compiled_code'] }}) as extraction),
        (select max(extracted_at) from {{ days.relation_name }})
    )
{%- endmacro %}
