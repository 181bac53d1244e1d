{#- What tells placements apart: where, by which way and in which slot a banner was shown. -#}
{% macro placement_dimensions() -%}
    {{ return([
        'publisher_domain', 'publisher_id', 'site_id', 'deal', 'inventory_source_id',
        'slot_position_id', 'banner_size', 'device_type_id', 'country_id',
    ]) }}
{%- endmacro %}
