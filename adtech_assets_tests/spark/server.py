"""A Spark cluster of this machine: two executors, and a Connect server before them."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING

from adtech_assets.environment import PROJECT_DIR

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = PROJECT_DIR / ".venv/spark-server/bin/python"
"""Of an environment of its own: the server's package and the thin client's have one name."""

CLUSTER = "local-cluster[2,1,1024]"
"""Two executors of one core and 1 GB each, as processes of their own."""

START_SECONDS = 300


class SparkServer:
    """Starts with the first test that needs it, and ends with the tests."""

    def __init__(self, folder: Path, master: str = CLUSTER, memory: str = "1g") -> None:
        """Start it, with so much memory for its driver, and wait until it listens."""
        if not PYTHON.exists():
            raise FileNotFoundError(f"{PYTHON}: install it: make test-spark")
        self.port, self.ui_port = _free_port(), _free_port()
        self.log = folder / "server.log"
        home = subprocess.run(
            [PYTHON, "-c", "import pyspark; print(pyspark.__path__[0])"],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": self.port,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.port": self.ui_port,
            "spark.sql.warehouse.dir": folder / "tables",
            "spark.local.dir": folder / "local",
            "spark.worker.dir": folder / "workers",
            "spark.sql.shuffle.partitions": 2,
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    f"{home}/bin/spark-submit",
                    "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
                    "--master", master,
                    "--driver-memory", memory,
                    *(word for name, to in settings.items() for word in ("--conf", f"{name}={to}")),
                    "spark-internal",
                ],
                cwd=folder,
                env=os.environ | {"SPARK_HOME": home, "SPARK_LOCAL_IP": "127.0.0.1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_the_tests,  # noqa: PLW1509 - before any thread
            )  # fmt: skip
        self._wait()

    @property
    def remote(self) -> str:
        return f"sc://127.0.0.1:{self.port}"

    def tasks_by_executor(self) -> dict[str, int]:
        """How many tasks each executor has done, as the server's own REST API tells."""
        address = f"http://127.0.0.1:{self.ui_port}/api/v1/applications"
        [application] = _json(address)
        executors = _json(f"{address}/{application['id']}/executors")
        return {each["id"]: each["completedTasks"] for each in executors if each["id"] != "driver"}

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if b"Spark Connect server started" in self.log.read_bytes():
                return
            time.sleep(0.2)
        self.stop()
        raise TimeoutError(self.log.read_text(errors="replace")[-2000:])


def _end_with_the_tests() -> None:
    """Let the kernel end the server when the tests are gone, however they went."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _json(address: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(address, timeout=60) as answer:
        found: list[dict[str, object]] = json.load(answer)
        return found
