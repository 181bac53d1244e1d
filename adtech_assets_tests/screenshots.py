"""Pictures of all pages that a person sees after the demo, to be looked at: `make screenshots`.

Chromium draws them, without a window, asked over its debugging protocol.
"""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from websockets.sync.client import connect

from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests.end_to_end.conftest import Deployment
from adtech_assets_tests.end_to_end.dev import Dev, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from websockets.sync.client import ClientConnection

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
WIDTH, HEIGHT = 1440, 900
IN_DOCUMENTS = ("mart", "report")
"""Pages that `docs/images` has, in a format that takes a third: copy them there."""
QUALITY = 75
HEIGHTS = {"mart": 1100, "raw": 1500, "report": 1640}
PATIENCE_SECONDS = 60
SETTLED_SECONDS = 3
"""What is still to move once a page has what is waited for."""

JOB = "/locations/adtech_assets/jobs/daily_pipeline"
PAGES = {
    "overview": ("/overview", "daily_pipeline"),
    "jobs": ("/jobs", "daily_pipeline"),
    "job": (JOB, "Latest run"),
    "job_runs": (f"{JOB}/runs", "Success"),
    "runs": ("/runs", "Success"),
    "run": ("/runs/{run}", "RUN_SUCCESS"),
    "graph": ("/asset-groups", "Materialize"),
    "group": ("/locations/adtech_assets/asset-groups/serving/lineage", "Materialize"),
    "catalogue": ("/assets", "csv_data_task"),
    "raw": ("/assets/raw/impression_logs", "Columns"),
    "raw_partitions": ("/assets/raw/impression_logs?view=partitions", "Materialized"),
    "rollup": ("/assets/hourly_user_agent_rollup", "Columns"),
    "load": ("/assets/csv_data_task", "Columns"),
    "mart": ("/assets/marts/mart_campaign_kpis", "Columns"),
    "checks": ("/assets/marts/mart_campaign_kpis?view=checks", "unique"),
    "published": ("/assets/published/fct_daily_summary", "Columns"),
    "report_asset": ("/assets/kpi_report", "Definition"),
    "automation": ("/automation", "daily_pipeline_schedule"),
    "report": ("/report", "Campaigns"),
}
"""Path in the UI, and a text that is there when the page is."""

DOCS = {
    "docs": ("#!/overview", "mart_campaign_kpis"),
    "docs_mart": ("#!/model/model.adtech.mart_campaign_kpis", "Columns"),
    "docs_exposure": ("#!/exposure/exposure.adtech.kpi_report", "KPI report"),
}


class Browser:
    """A Chromium without a window."""

    def __init__(self, profile: Path) -> None:
        """Start it, with a new profile in a folder."""
        self._process = subprocess.Popen(
            [
                *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu"),
                *("--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={profile}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port_file = profile / "DevToolsActivePort"
        wait_until(port_file.exists)
        self._address = f"http://127.0.0.1:{port_file.read_text().splitlines()[0]}/json/new"

    def pictures(self, url: str, text: str, height: int, formats: Iterable[str]) -> list[bytes]:
        """A page in some formats, once it shows a text; each in a tab of its own."""
        request = urllib.request.Request(f"{self._address}?{quote(url, safe='')}", method="PUT")
        with urllib.request.urlopen(request) as response:
            address = json.load(response)["webSocketDebuggerUrl"]
        with connect(address, max_size=None) as tab:
            size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
            _ask(tab, "Emulation.setDeviceMetricsOverride", **size)
            wait_until(lambda: text in _text(tab), seconds=PATIENCE_SECONDS)
            time.sleep(SETTLED_SECONDS)
            taken = [
                _ask(tab, "Page.captureScreenshot", format=each, quality=QUALITY)["data"]
                for each in formats
            ]
            _ask(tab, "Page.close")
        return list(map(base64.b64decode, taken))

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def _text(tab: ClientConnection) -> str:
    expression = "document.body ? document.body.innerText : ''"
    return str(_ask(tab, "Runtime.evaluate", expression=expression)["result"].get("value"))


def _ask(tab: ClientConnection, method: str, **params: Any) -> dict[str, Any]:
    tab.send(json.dumps({"id": 1, "method": method, "params": params}))
    while "id" not in (answer := json.loads(tab.recv(timeout=PATIENCE_SECONDS))):
        pass  # an event of the page
    assert "error" not in answer, answer
    result: dict[str, Any] = answer["result"]
    return result


def draw(urls: Mapping[str, tuple[str, str]], folder: Path) -> None:
    """Write a picture of each page into a folder; the text that it waits for stands beside it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(Path(profile))
        try:
            for name, (url, text) in urls.items():
                height = HEIGHTS.get(name, HEIGHT)
                formats = ("png", "webp") if name in IN_DOCUMENTS else ("png",)
                pictures = browser.pictures(url, text, height, formats)
                for suffix, picture in zip(formats, pictures, strict=True):
                    (folder / f"{name}.{suffix}").write_bytes(picture)
        finally:
            browser.stop()


def main(folder: Path) -> None:
    """Run the demo, and write a picture of each page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        deployment = Deployment(Path(place))
        deployment.adtech("demo")
        target = Path(place, "dbt_docs")
        deployment.adtech("dbt", "docs", "generate", "--static", f"--target-path={target}")
        dev = Dev(deployment)
        try:
            (run,) = dev.runs_of("daily_pipeline")
            draw(pages(f"http://127.0.0.1:{dev.port}", run["id"], target), folder)
        finally:
            dev.process.send_signal(signal.SIGTERM)
            dev.process.communicate()


def pages(ui: str, run: str, docs: Path) -> dict[str, tuple[str, str]]:
    """Address of each page, and the text that is there when it is."""
    static = (docs / "static_index.html").as_uri()
    return {
        **{name: (ui + path.format(run=run), text) for name, (path, text) in PAGES.items()},
        **{name: (static + path, text) for name, (path, text) in DOCS.items()},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else PROJECT_DIR / "data" / "screenshots")
