"""Waiting for what other processes do, with a bound."""

import time


def wait_until(happened, seconds=20):
    """Whether it happened; tests assert it."""
    for _ in range(int(seconds / 0.02)):
        if happened():
            return True
        time.sleep(0.02)
    return False
