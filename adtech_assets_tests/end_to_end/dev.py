"""A running `adtech dev`, asked as the UI asks it."""

from __future__ import annotations

import json
import socket
import urllib.request
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from adtech_assets.definitions import CODE_LOCATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adtech_assets_tests.end_to_end.conftest import Deployment

PATIENCE_SECONDS = 300


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask again until it is true; what it says otherwise is in the assertion."""
    for attempt in Retrying(
        retry=retry_if_exception_type((AssertionError, OSError)),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.5),
        reraise=True,
    ):
        with attempt:
            assert condition()


class Dev:
    """A running `adtech dev`, asked as the UI asks it."""

    def __init__(self, deployment: Deployment) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.deployment = deployment
        self.process = deployment.start("adtech", "dev", "--port", str(self.port))
        wait_until(lambda: self.ask("{ version }"))

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def backfill(self, assets: Iterable[str], days: Iterable[str]) -> str:
        """Materialize assets for days, as the dialog of the asset graph asks for it; its id."""
        answer = self.ask(
            """
            mutation ($params: LaunchBackfillParams!) {
                launchPartitionBackfill(backfillParams: $params) {
                    ... on LaunchBackfillSuccess { backfillId }
                }
            }
            """,
            params={
                "assetSelection": [{"path": key.split("/")} for key in assets],
                "partitionNames": list(days),
            },
        )
        return str(answer["launchPartitionBackfill"]["backfillId"])

    def backfill_status(self, backfill: str) -> str:
        """Its status, in Dagster's words."""
        query = "query ($id: String!) { partitionBackfillOrError(backfillId: $id) "
        query += "{ ... on PartitionBackfill { status } } }"
        return str(self.ask(query, id=backfill)["partitionBackfillOrError"]["status"])

    def assets(self) -> list[str]:
        """All that can be materialized."""
        nodes = self.ask("{ assetNodes { assetKey { path } isMaterializable } }")["assetNodes"]
        return ["/".join(node["assetKey"]["path"]) for node in nodes if node["isMaterializable"]]

    def runs(self) -> list[str]:
        """Status of every run."""
        data = self.ask("{ runsOrError { ... on Runs { results { status } } } }")
        return [run["status"] for run in data["runsOrError"]["results"]]

    def runs_of(self, job: str) -> list[dict[str, Any]]:
        """Id and tags of the runs that the page of a job lists, newest first."""
        data = self.ask(
            """
            query ($job: PipelineSelector!) { pipelineOrError(params: $job) {
                ... on Pipeline { runs(limit: 20) { id tags { key value } } }
            } }
            """,
            job={
                "pipelineName": job,
                "repositoryName": "__repository__",
                "repositoryLocationName": CODE_LOCATION,
            },
        )
        return [
            {"id": run["id"], "tags": {tag["key"]: tag["value"] for tag in run["tags"]}}
            for run in data["pipelineOrError"]["runs"]
        ]

    def repeat(self, run: str) -> str:
        """Press "Re-execute" on a run; the id of the new one."""
        answer = self.ask(
            """
            mutation ($params: ReexecutionParams!) {
                launchPipelineReexecution(reexecutionParams: $params) {
                    __typename ... on LaunchRunSuccess { run { id } }
                }
            }
            """,
            params={"parentRunId": run, "strategy": "ALL_STEPS"},
        )["launchPipelineReexecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["id"])

    def failures(self) -> list[str]:
        """What failed steps and runs have said."""
        data = self.ask(
            """
            { runsOrError(filter: {statuses: [FAILURE]}) { ... on Runs { results {
                eventConnection { events { ... on ErrorEvent {
                    error { message causes { message } }
                } } }
            } } } }
            """
        )
        return [
            str(event["error"])
            for run in data["runsOrError"]["results"]
            for event in run["eventConnection"]["events"]
            if event.get("error")
        ]

    def all_succeeded(self, at_least: int) -> bool:
        runs = self.runs()
        assert "FAILURE" not in runs, self.failures()
        return len(runs) >= at_least and set(runs) == {"SUCCESS"}
