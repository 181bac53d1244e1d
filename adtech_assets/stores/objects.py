"""Buckets, by obstore: what is asked of them, and what their errors mean.

A place in a bucket is `s3://bucket/prefix` (also `gs://`, `az://`); a name is the part of a key
below it. Credentials, region and endpoint are those of the standard variables (`AWS_…`), from the
environment or from `.env`.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import time
import urllib.error
import urllib.request
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import obstore
from dotenv import dotenv_values
from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError, PreconditionError
from obstore.store import S3Store, from_url

from adtech_assets import files
from adtech_assets.errors import TransientError, UserError
from adtech_assets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

RETRY_SECONDS = 60
"""For how long a request is tried again that fails for a reason which may pass."""

READ_SECONDS = 30
"""Without a byte, after which a connection counts as lost. A large object may take long."""

CLOCK_SECONDS = 5
_SIGNED = timedelta(minutes=1)
"""For an address; none is kept."""

_CLIENT: ClientConfig = {
    "allow_http": True,  # where the endpoint says so
    "timeout": "1day",
    "read_timeout": timedelta(seconds=READ_SECONDS),
}
_RETRY: RetryConfig = {
    "max_retries": 8,
    "retry_timeout": timedelta(seconds=RETRY_SECONDS),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=10),
        "base": 2,
    },
}

_NO_VERSION = (None, "null")
"""Of an object in a bucket that keeps no versions, or has ceased to."""

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_ROLE_SERVICES = ("/latest/api/token", "/latest/meta-data", "169.254.", "metadata.google")
"""Who is asked for credentials where no variable has any."""

_NO_BUCKET = "there is no such bucket. Make it, or name another one."
_NO_RIGHT = (
    "access is denied. Give this login the rights to list the bucket, and to read, write and "
    "delete what is below the prefix, versions included."
)
_NOT_KNOWN = (
    "the credentials are not accepted. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
    "AWS_SESSION_TOKEN."
)
_EXPIRED = "the session token has expired. Get new credentials, then run the same again."
_OTHER_REGION = "the bucket is in another region. Set AWS_REGION to it."
_NO_CREDENTIALS = (
    "there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a "
    "role is attached."
)
_SKEWED = "the clock of this machine is too far from the bucket's. Set it."
_REFUSED = "the request is refused. If you use a session token, it may have expired."

_OF_A_PERSON = {
    **dict.fromkeys(("NoSuchBucket", "ContainerNotFound", "404"), _NO_BUCKET),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "403"), _NO_RIGHT),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "401"), _NOT_KNOWN),
    **dict.fromkeys(("ExpiredToken", "InvalidToken", "TokenRefreshRequired"), _EXPIRED),
    **dict.fromkeys(("PermanentRedirect", "AuthorizationHeaderMalformed", "301"), _OTHER_REGION),
    "RequestTimeTooSkewed": _SKEWED,
    "400": _REFUSED,
}
"""What to do, by the code that S3 gives with an error, or else by the status."""

_BUSY = ("SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "429", "503")


class Object(NamedTuple):
    """An object as it was when it was listed, looked at or read."""

    name: str
    bytes: int
    modified_ns: int
    etag: str | None
    version: str | None
    """None in a listing, and where the bucket keeps no versions."""


def listed(place: str, below: str = "", after: str | None = None) -> Iterator[Object]:
    """All objects of a place in the order of their names, 1,000 with each request.

    Args:
        place: of the bucket.
        below: a folder in it, or "".
        after: a name; the listing begins behind it.

    Raises:
        UserError: there is no such bucket, or no right to list it; or it has a key that is no path.
        TransientError: the bucket does not answer.
    """
    with _translated(place):
        for found in obstore.list(_store(place), below.rstrip("/") or None, offset=after):
            for meta in found:
                yield _object(meta)


def folders(place: str, below: str = "") -> set[str]:
    """The names of the folders in a place, by one request for each 1,000."""
    with _translated(place):
        found = obstore.list_with_delimiter(_store(place), below.rstrip("/") or None)
    return {name.rpartition("/")[2] for name in found["common_prefixes"]}


def look(place: str, name: str) -> Object:
    """An object as it is now.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    with _translated(place):
        return _object(obstore.head(_store(place), name))


def download(place: str, file: Object, path: Path) -> Object:
    """Copy one version of an object to a file, which appears whole or not at all.

    Args:
        place: of the bucket.
        file: by its version, if it is known, else by its etag.
        path: of the copy.

    Raises:
        FileNotFoundError: there is no such version.
        TransientError: another one has taken its place, or it did not arrive whole.
    """
    with _translated(place, file.name), files.written_whole(path) as partial:
        found = obstore.get(
            _store(place),
            file.name,
            options={"version": file.version} if file.version else {"if_match": file.etag},
        )
        with partial.open("wb") as copy:
            for part in found.stream():
                copy.write(part)
        if partial.stat().st_size != found.meta["size"]:
            raise TransientError(f"{place}/{file.name} did not arrive whole; try again later.")
        return _object(found.meta)


def upload(place: str, path: Path, name: str) -> None:
    """Copy a file to an object, which appears whole or not at all, and look whether it is there.

    Raises:
        TransientError: it did not arrive whole.
    """
    with _translated(place):
        obstore.put(_store(place), name, path)
    if look(place, name).bytes != path.stat().st_size:
        raise TransientError(f"{place}/{name} did not arrive whole; try again later.")


def write(place: str, name: str, content: bytes) -> None:
    """Make an object of some bytes."""
    with _translated(place):
        obstore.put(_store(place), name, content)


def read(place: str, name: str) -> bytes:
    """All bytes of a small object.

    Raises:
        FileNotFoundError: there is none of this name.
    """
    with _translated(place):
        return bytes(obstore.get(_store(place), name).bytes())


def delete(place: str, name: str) -> None:
    """Delete whatever has a name; where versions are kept, they are."""
    with _translated(place):
        obstore.delete(_store(place), name)


def delete_exactly(place: str, file: Object) -> bool:
    """Delete an object unless another one has taken its place; false if so.

    By its version where it has one. Else by its etag: S3 itself compares it; a store that does not
    may lose what is delivered between the look at the etag and the deletion, some milliseconds.
    """
    store = _store(place)
    if not is_exact(place, file) and look(place, file.name).etag != file.etag:
        return False
    try:
        with _translated(place):
            if isinstance(store, S3Store):
                obstore.delete(_of_one(store, file), "DeleteObject")
            else:
                obstore.delete(store, file.name)
    except PreconditionError:
        return False
    return True


def is_exact(place: str, file: Object) -> bool:
    """Whether this very version can be deleted, whatever is delivered meanwhile."""
    return place.startswith("s3://") and file.version not in _NO_VERSION


def clock(place: str) -> float:
    """The time of the bucket's server, by which its objects are dated, in seconds since 1970.

    The machine's where the server does not tell.
    """
    store = _store(place)
    if not isinstance(store, S3Store):
        return time.time()
    with _translated(place):
        address = obstore.sign(store, "HEAD", "clock", _SIGNED).partition("?")[0]
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - the endpoint's
    try:
        with urllib.request.urlopen(request, timeout=CLOCK_SECONDS) as answer:  # noqa: S310
            date = answer.headers["Date"]
    except urllib.error.HTTPError as refusal:
        date = refusal.headers["Date"]  # of a request without a signature, it has one too
    except OSError:
        date = None
    return email.utils.parsedate_to_datetime(date).timestamp() if date else time.time()


def _of_one(store: S3Store, file: Object) -> S3Store:
    """A store of which every name is one version of an object.

    obstore deletes by name alone. S3 takes the version as part of the query, or else the etag as a
    condition; it ignores what begins with `x-`, where the name goes.
    """
    address = obstore.sign(store, "DELETE", file.name, _SIGNED).partition("?")[0]
    has_version = file.version not in _NO_VERSION
    version = f"versionId={quote(file.version or '', safe='')}&" if has_version else ""
    headers = {} if has_version else {"If-Match": file.etag or "*"}
    return S3Store(
        store.config["bucket"],
        aws_endpoint_url_s3=f"{address}?{version}x-id=",
        virtual_hosted_style_request=True,
        disable_bulk_delete=True,
        client_options={**_CLIENT, "default_headers": headers},
        retry_config=_RETRY,
    )


@lru_cache(maxsize=8)
def _store(place: str) -> ObjectStore:
    """The bucket, with the prefix of the place."""
    env_file = Settings.model_config.get("env_file")
    for name, value in dotenv_values(str(env_file)).items() if env_file else ():
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")) and value:
            os.environ.setdefault(name, value)
    with _translated(place):
        return from_url(place, client_options=_CLIENT, retry_config=_RETRY)


def _object(meta: obstore.ObjectMeta) -> Object:
    modified_ns = int(meta["last_modified"].timestamp()) * 10**9
    return Object(meta["path"], meta["size"], modified_ns, meta["e_tag"], meta["version"])


@contextlib.contextmanager
def _translated(place: str, name: str = "") -> Iterator[None]:
    """Sort obstore's errors into those that may pass and those that need a person.

    By class, code and status. The texts name bucket and key, never a secret.
    """
    try:
        yield
    except PreconditionError as error:
        if not name:
            raise
        raise TransientError(f"{place}/{name} was delivered anew while it was read.") from error
    except FileNotFoundError as error:
        if "<Code>NoSuchBucket</Code>" in str(error):
            raise UserError(f"{place}: {_NO_BUCKET}") from error
        raise
    except InvalidPathError as error:
        raise UserError(
            f"{place}: {_first_line(error)}. Delete or rename that object: nothing can be listed "
            "beside a key that is no path."
        ) from error
    except (BaseError, ValueError) as error:
        raise _of(place, error) from error


def _of(place: str, error: Exception) -> UserError | TransientError:
    text = str(error)
    code, status = _CODE.search(text), _STATUS.search(text)
    reasons = [found.group(1) for found in (code, status) if found]
    if isinstance(error, PermissionDeniedError):
        reasons.append("403")
    if "Received redirect" in text:
        reasons.append("301")
    if any(service in text for service in _ROLE_SERVICES):
        return UserError(f"{place}: {_NO_CREDENTIALS}")
    if any(reason in _BUSY for reason in reasons):
        return TransientError(
            f"{place}: the store asks for fewer requests ({reasons[0]}), after {RETRY_SECONDS} "
            "seconds still. Try again later."
        )
    for reason in reasons:
        if reason in _OF_A_PERSON:
            return UserError(f"{place}: {_OF_A_PERSON[reason]}")
    if "Generic URL error" in text or isinstance(error, ValueError) or "must be specified" in text:
        return UserError(f"{place}: {_first_line(error)}. Write it as s3://bucket/prefix.")
    return TransientError(
        f"{place} does not answer, or not wholly: {_first_line(error)}. If it goes on, check the "
        "network and AWS_ENDPOINT_URL."
    )


def _first_line(error: Exception) -> str:
    """What is said in the first place, without the library's inner view of it."""
    return str(error).split("\n", 1)[0].strip().rstrip(".")[:300]
