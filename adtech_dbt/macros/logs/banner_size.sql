{#- Width x height in pixels, empty where there is no such size. -#}
{% macro banner_size(width, height) -%}
    case
        when {{ width }} between 1 and 32767 and {{ height }} between 1 and 32767
            then {{ width }} || 'x' || {{ height }}
        else ''
    end
{%- endmacro %}
