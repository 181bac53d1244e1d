"""The assets, one module a group, in data order: landing, raw, rollup, load, models, serving."""
