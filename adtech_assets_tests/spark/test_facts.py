"""The facts of `rollup/test_facts.py`, counted by Spark: the same text, the same answers."""

from adtech_assets_tests.rollup.test_facts import *  # noqa: F403
