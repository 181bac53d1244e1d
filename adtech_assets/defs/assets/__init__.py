"""The assets in data order: landing, raw, rollup, load, models, publish, report."""
