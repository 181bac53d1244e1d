{#-
    numerator / denominator as double, NULL where the denominator is 0 or NULL. Left to itself,
    DuckDB answers x/0 with infinity and 0/0 with NaN, other engines raise an error.
-#}
{% macro safe_divide(numerator, denominator) -%}
    {{ return(adapter.dispatch('safe_divide', 'adtech')(numerator, denominator)) }}
{%- endmacro %}
