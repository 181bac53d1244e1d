"""The feed of the sample, as the packaged feed file says."""

from adtech_assets.contract import SAMPLE_FEED, load

SAMPLE = load(SAMPLE_FEED)
