"""Buckets for the tests: an S3 of this process on loopback, which ends with it."""

from __future__ import annotations

import itertools
import logging
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from adtech_assets.stores import objects

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()

REGION = "eu-west-1"


class Bucket:
    """An empty bucket, seen past the code under test."""

    def __init__(self, client: Any, *, versions: bool) -> None:
        """Make it."""
        self.name = f"bucket-{next(_numbers)}"
        self.client = client
        client.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        if versions:
            client.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
            )

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def stored(self) -> Any:
        """The bucket in the server's own memory."""
        return get_backend("s3")["123456789012"]["aws"].buckets[self.name]

    def put(self, key: str, content: bytes) -> str | None:
        """Deliver an object; its version, where versions are kept."""
        put = self.client.put_object(Bucket=self.name, Key=key, Body=content)
        version: str | None = put.get("VersionId")
        return version

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def names(self, prefix: str = "") -> set[str]:
        """What a listing shows."""
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix)
        return {found["Key"].removeprefix(prefix) for found in listed.get("Contents", ())}

    def versions(self, key: str) -> list[bytes]:
        """The contents of all versions of an object, the newest first."""
        listed = self.client.list_object_versions(Bucket=self.name, Prefix=key)
        return [
            self.client.get_object(Bucket=self.name, Key=key, VersionId=found["VersionId"])[
                "Body"
            ].read()
            for found in listed.get("Versions", ())
        ]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 that has no buckets."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of it; the environment leads everybody there."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    objects._store.cache_clear()
    yield boto3.client("s3", endpoint_url=s3_server, region_name=REGION)
    objects._store.cache_clear()


@pytest.fixture(params=["versions", "no versions"])
def bucket(request: pytest.FixtureRequest, s3: Any) -> Bucket:
    """An empty bucket, that keeps versions and that does not."""
    return Bucket(s3, versions=request.param == "versions")


@pytest.fixture
def versioned(s3: Any) -> Bucket:
    """An empty bucket that keeps versions."""
    return Bucket(s3, versions=True)


@pytest.fixture
def unversioned(s3: Any) -> Bucket:
    """One that does not."""
    return Bucket(s3, versions=False)
