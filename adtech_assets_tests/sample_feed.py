"""The feed of the sample, as the packaged feed file says, and the dbt project for it."""

from adtech_assets.contract import SAMPLE_FEED, load
from adtech_assets.defs.dbt_project import dbt_project

SAMPLE = load(SAMPLE_FEED)
PROJECT = dbt_project(SAMPLE)
