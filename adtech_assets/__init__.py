"""Ad logs and an operational Postgres to hourly counts, an audited load table and KPI marts."""

import gc
import os

# What a process of ours makes is for its user alone: log files, database, report, locks. What is
# for others is made as open as its folder is (see `files.opened_as`).
os.umask(0o077)

# Python looks for unreachable objects after every 700 new ones, now and then among all that there
# are. What loading modules makes stays, so this found nothing for 0.3 of the 3.5 s (of processor
# time) of the definitions, and for 20 of the 500 ms of `adtech status`.
gc.set_threshold(10_000)
