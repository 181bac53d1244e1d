{#-
    dbt's own, and: an incremental model of which all days are built is made anew. So it gets the
    columns that it has now; by days it keeps those that it was made with.
-#}
{% macro should_full_refresh() -%}
    {{ return(
        dbt.should_full_refresh()
        or (
            config.get('materialized') == 'incremental'
            and config.get('full_refresh') is none
            and day_window() is none
        )
    ) }}
{%- endmacro %}
