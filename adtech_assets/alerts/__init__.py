"""Alerts: what needs a person, told once on each channel, and once more when it is gone."""
