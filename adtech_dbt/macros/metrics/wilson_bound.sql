{#-
    One end of the 95 % Wilson score interval of clicks / impressions; `sign` - is the lower one,
    + the upper one. NULL without impressions. More clicks than impressions count as as many, as in
    ctr(). Wilson, "Probable inference, the law of succession, and statistical inference",
    J. Am. Stat. Assoc. 22 (1927). It stays within 0 and 1 and says something for few impressions,
    which the normal approximation does not; z is the 97.5 % quantile of the normal distribution.
-#}
{% macro wilson_bound(clicks, impressions, sign) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set n = 'cast(' ~ impressions ~ ' as double)' -%}
    {%- set p = 'least(' ~ clicks ~ ', ' ~ impressions ~ ') / ' ~ n -%}
    case
        when {{ impressions }} > 0
            then least(1, greatest(0, (
                {{ p }} + {{ z * z / 2 }} / {{ n }}
                {{ sign }} {{ z }} * sqrt(
                    ({{ p }} * (1 - {{ p }}) + {{ z * z / 4 }} / {{ n }}) / {{ n }}
                )
            ) / (1 + {{ z * z }} / {{ n }})))
    end
{%- endmacro %}
