"""The dbt project's graph, as new as its files: parsed again only if they have changed."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from adtech_assets.contract import SAMPLE_FEED, Feed
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.files import opened_as
from adtech_assets.models import project
from adtech_assets.models.project import Project, from_json, load

DBT_DIR = PROJECT_DIR / "adtech_dbt"
"""The dbt project, and its profiles."""

GRAPH = "graph.json"
MANIFEST = "partial_parse.msgpack"
"""As dbt's own objects."""

PARSER = Path(__file__).with_name("dbt_parsing.py")


def dbt_project(feed: Feed) -> Project:
    """The project of this package, as its files are now.

    Raises:
        UserError: it cannot be parsed.
    """
    return read(DBT_DIR, feed)


def parsed(project_dir: Path, feed: Feed) -> Path:
    """Folder of what has been parsed of a project; a feed with other columns has its own."""
    # Not where dbt by hand leaves its manifest: that may be of a partial parse.
    return project_dir / "target" / f"dagster{_suffix(feed)}"


def sources(feed: Feed) -> Path:
    """Folder of the YAML that describes the raw log tables to dbt, in a project."""
    return Path("target", f"sources{_suffix(feed)}")


def _suffix(feed: Feed) -> str:
    return "" if feed.file == SAMPLE_FEED else f"-{feed.digest}"


def read(project_dir: Path, feed: Feed) -> Project:
    """A project as its files are now; it is parsed if they have changed.

    Raises:
        UserError: it cannot be parsed.
    """
    # Looked at before the lock too: an image's project folder may be read-only, and is fresh.
    found = fresh(project_dir, feed)
    if found is not None:
        return found
    # They take 2 s to import, and a project that nobody works on needs them once.
    from filelock import FileLock  # noqa: PLC0415

    from adtech_assets.defs.dbt_parsing import parse  # noqa: PLC0415

    # The project is everybody's who may read it: an image is built by root, and run by another.
    with opened_as(project_dir), FileLock(project_dir / "target.lock"):
        if (found := fresh(project_dir, feed)) is None:
            parse(project_dir, feed)
            found = load(parsed(project_dir, feed) / GRAPH)
    return found


def fresh(project_dir: Path, feed: Feed) -> Project | None:
    """A project as it was parsed; None if its files or dbt have changed since, or it was never."""
    folder = parsed(project_dir, feed)
    if not all((folder / name).exists() for name in (GRAPH, MANIFEST)):
        return None
    found = json.loads((folder / GRAPH).read_bytes())
    # First of all: what an older version of this code has written may have other fields.
    if (found["dbt_version"], found.get("digest")) != (
        version("dbt-core"),
        digest_of(project_dir, feed),
    ):
        return None
    return from_json(found)


def digest_of(project_dir: Path, feed: Feed) -> str:
    """Of the files of a project and its feed, and of the code that decides what its graph has.

    Not the time of the last change: a file may be deleted, or an older one come back in its place.
    It takes 11 ms.
    """
    parts = ("models", "macros", "tests", "snapshots", "seeds")
    watched = chain(
        (project_dir / "dbt_project.yml", feed.file, PARSER, Path(project.__file__)),
        *(sorted((project_dir / part).rglob("*")) for part in parts),
    )
    digest = hashlib.blake2b(digest_size=16)
    for path in watched:
        if path.is_file():
            name = path.relative_to(project_dir) if path.is_relative_to(project_dir) else path.name
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
