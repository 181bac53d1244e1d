"""What is asked of a bucket, and what its errors tell a person."""

import http.server
import re
import threading
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from adtech_assets.errors import TransientError, UserError
from adtech_assets.settings import Settings
from adtech_assets.stores import objects
from adtech_assets_tests.buckets import REGION

KEY = "a folder/b=1/ü+%2F'&.parquet"


# ---- objects -----------------------------------------------------------------------------------


def test_a_place_ends_where_a_folder_ends(bucket):
    for key in ("a/b/1", "a/b/c/2", "a/bc/3", "a/4"):
        bucket.put(key, b"x")

    assert [found.name for found in objects.listed(f"{bucket.url}/a/b")] == ["1", "c/2"]
    assert [found.name for found in objects.listed(bucket.url, "a/b/", "a/b/1")] == ["a/b/c/2"]
    assert objects.folders(f"{bucket.url}/a") == {"b", "bc"}


def test_a_copy_is_of_the_version_that_was_listed(bucket, tmp_path):
    bucket.put(KEY, b"first")
    [listed] = objects.listed(bucket.url)
    first = objects.look(bucket.url, KEY)
    bucket.put(KEY, b"second")

    with pytest.raises(TransientError, match="delivered anew while it was read"):
        objects.download(bucket.url, listed, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []

    if first.version:
        assert objects.download(bucket.url, first, tmp_path / "copy") == first
        assert (tmp_path / "copy").read_bytes() == b"first"


def test_what_is_written_is_read_and_deleted(bucket, tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 6_000_000)  # in parts

    objects.upload(f"{bucket.url}/a", tmp_path / "file", KEY)
    objects.write(f"{bucket.url}/a", "note", b"text")

    assert bucket.get(f"a/{KEY}") == (tmp_path / "file").read_bytes()
    assert objects.read(f"{bucket.url}/a", "note") == b"text"
    objects.delete(f"{bucket.url}/a", "note")
    assert bucket.names() == {f"a/{KEY}"}


def test_an_object_is_deleted_for_good(bucket):
    bucket.put(KEY, b"x")

    assert objects.delete_exactly(bucket.url, objects.look(bucket.url, KEY))

    assert bucket.versions(KEY) == []


def test_another_object_of_its_name_is_left_alone(bucket):
    bucket.put(KEY, b"first")
    first = objects.look(bucket.url, KEY)
    bucket.put(KEY, b"second")

    objects.delete_exactly(bucket.url, first)

    assert bucket.get(KEY) == b"second"
    assert bucket.versions(KEY) == [b"second"]


def test_versions_that_are_no_longer_kept_are_none(versioned):
    versioned.client.put_bucket_versioning(
        Bucket=versioned.name, VersioningConfiguration={"Status": "Suspended"}
    )
    versioned.put(KEY, b"x")

    assert not objects.is_exact(versioned.url, objects.look(versioned.url, KEY))


def test_what_is_not_there_is_no_fault_of_the_bucket(bucket):
    for ask in (objects.look, objects.read):
        with pytest.raises(FileNotFoundError):
            ask(bucket.url, KEY)


def test_credentials_may_stand_in_the_file_of_settings(bucket, tmp_path, monkeypatch):
    bucket.put(KEY, b"x")
    file = tmp_path / ".env"
    file.write_text("AWS_ACCESS_KEY_ID=somebody\nAWS_SECRET_ACCESS_KEY=s3cr3t\nADTECH_X=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    # Set, then deleted: the end of the test takes back what the file has brought.
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)

    assert objects.look(bucket.url, KEY).bytes == 1


# ---- a server that does as it is told ----------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    """Answers every request alike, and remembers them."""

    daemon_threads = True
    answer = (200, b"")
    asked = ()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.server.asked = (*self.server.asked, (self.command, self.path, dict(self.headers)))
        status, body = self.server.answer
        if status == "silence":
            time.sleep(2)
        half = status == "half"
        self.send_response(status if isinstance(status, int) else 200)
        self.send_header("ETag", '"etag"')
        self.send_header("Last-Modified", "Thu, 26 May 2022 09:00:00 GMT")
        self.send_header("Content-Length", str(len(body) * (1 + half)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - their names

    def date_time_string(self, *_):
        return "Thu, 26 May 2022 11:00:00 GMT"

    def log_message(self, *_):
        pass


@pytest.fixture
def server(s3, monkeypatch):
    """A server in the place of S3; what may pass is tried twice, shortly."""
    assert s3
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setitem(objects._RETRY, "max_retries", 1)
        monkeypatch.setitem(objects._CLIENT, "read_timeout", timedelta(seconds=0.5))
        yield server
        server.shutdown()


def refusal(code):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()


PLACE = "s3://bucket/feed"

ASKED = {
    "list": lambda _: list(objects.listed(PLACE)),
    "read": lambda folder: objects.download(
        PLACE, objects.Object("name", 9, 0, '"etag"', None), folder / "copy"
    ),
}


@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.parametrize(
    ("status", "code", "kind", "advice"),
    [
        (404, "NoSuchBucket", UserError, "no such bucket. Make it, or name another one."),
        (403, "AccessDenied", UserError, "access is denied. Give this login the rights to list"),
        (403, "InvalidAccessKeyId", UserError, "Check AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", UserError, "Check AWS_ACCESS_KEY_ID"),
        (400, "ExpiredToken", UserError, "has expired. Get new credentials"),
        (403, "RequestTimeTooSkewed", UserError, "clock of this machine"),
        (301, "PermanentRedirect", UserError, "in another region. Set AWS_REGION"),
        (503, "SlowDown", TransientError, "asks for fewer requests (SlowDown)"),
        (429, "", TransientError, "asks for fewer requests (429)"),
        (500, "InternalError", TransientError, "does not answer, or not wholly"),
        ("half", "", TransientError, "does not answer, or not wholly"),
        ("silence", "", TransientError, "does not answer, or not wholly"),
    ],
)
def test_an_error_tells_what_to_do_in_one_line(  # noqa: PLR0913, PLR0917
    server, tmp_path, ask, status, code, kind, advice
):
    server.answer = (status, refusal(code) if code else b"x")

    with pytest.raises(kind) as raised:
        ASKED[ask](tmp_path)

    assert str(raised.value).startswith(PLACE)
    assert advice in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "s3cr3t" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_without_credentials_it_says_which_to_set(server, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    # Who would be asked for those of a role.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    server.answer = (403, b"")

    with pytest.raises(UserError, match="there are no credentials. Set AWS_ACCESS_KEY_ID"):
        list(objects.listed(PLACE))


def test_where_nobody_listens_it_names_the_endpoint(server):
    server.shutdown()
    server.server_close()

    with pytest.raises(TransientError, match="check the network and AWS_ENDPOINT_URL"):
        list(objects.listed(PLACE))


def test_the_clock_is_that_of_the_server(server):
    for status in (200, 403):
        server.answer = (status, b"")
        assert time.strftime("%F %T", time.gmtime(objects.clock(PLACE))) == "2022-05-26 11:00:00"


@pytest.mark.parametrize("endpoint", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_a_deletion_of_one_version_is_signed_as_s3_asks_for(server, monkeypatch, endpoint):
    monkeypatch.setenv(endpoint, f"http://127.0.0.1:{server.server_port}")
    file = objects.Object(KEY, 9, 0, '"etag"', "a+b/c=")

    assert objects.delete_exactly(PLACE, file)

    [(method, path, headers)] = server.asked
    address = urlsplit(path)
    assert method == "DELETE"
    assert address.path == "/bucket/feed/a%20folder/b%3D1/%C3%BC%2B%252F%27%26.parquet"
    assert address.query.startswith("versionId=a%2Bb%2Fc%3D&x-")
    headers = {name.lower(): value for name, value in headers.items()}
    names, given = re.search(
        "SignedHeaders=(.*), ?Signature=(.*)", headers["authorization"]
    ).groups()
    request = AWSRequest(
        method,
        # As S3 writes a query anew before it signs it.
        f"http://{headers['host']}{path}".replace("x-id=/", "x-id=%2F"),
        headers={name: headers[name] for name in names.split(";")},
    )
    request.context["timestamp"] = headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials("somebody", "s3cr3t"), "s3", REGION)
    assert given == auth.signature(
        auth.string_to_sign(request, auth.canonical_request(request)), request
    )


def test_without_versions_the_store_compares_the_etag(server):
    server.answer = (200, b"")
    assert objects.delete_exactly(PLACE, objects.Object(KEY, 9, 0, '"etag"', None))

    [_, (method, path, headers)] = server.asked
    assert method == "DELETE"
    assert "versionId" not in path
    assert {name.lower(): value for name, value in headers.items()}["if-match"] == '"etag"'
