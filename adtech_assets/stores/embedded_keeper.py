"""Stops the embedded Postgres once nobody uses it; runs as a process of its own.

    python embedded_keeper.py USERS_LOCK SYSTEM_USER STOP_COMMAND ...

Every user of the server holds USERS_LOCK shared. This process gets it exclusively once the last
of them is gone, killed ones included, and keeps it until the server is down: whoever comes in the
meantime waits, then starts the server again. Standard library only, to be small while it waits.
"""

import fcntl
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    users_lock, system_user, *stop_command = sys.argv[1:]
    with Path(users_lock).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        subprocess.run(
            stop_command,
            user=system_user or None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
