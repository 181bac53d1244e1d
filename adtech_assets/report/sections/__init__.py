"""What stands on the page: sentences, tables and charts, made from what is published.

No markup here but that of the charts; the template has none of the numbers' rules.
"""
