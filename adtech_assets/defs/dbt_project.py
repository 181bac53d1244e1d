"""The dbt project's graph, as new as its files: parsed again only if they have changed."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.files import opened_as
from adtech_assets.models import project
from adtech_assets.models.project import Project, load

DBT_DIR = PROJECT_DIR / "adtech_dbt"
"""The dbt project, and its profiles."""

# Not where dbt by hand leaves its manifest: that may be of a partial parse.
PARSED = Path("target", "dagster")
"""In the project: what has been parsed of it."""

GRAPH = PARSED / "graph.json"
MANIFEST = PARSED / "partial_parse.msgpack"
"""As dbt's own objects."""

PARSER = Path(__file__).with_name("dbt_parsing.py")


@cache
def dbt_project() -> Project:
    """The project of this package, as its files are when it is first asked for.

    Raises:
        UserError: it cannot be parsed.
    """
    return read(DBT_DIR)


def read(project_dir: Path) -> Project:
    """A project as its files are now; it is parsed if they have changed.

    Raises:
        UserError: it cannot be parsed.
    """
    # Looked at before the lock too: an image's project folder may be read-only, and is fresh.
    found = fresh(project_dir)
    if found is not None:
        return found
    # They take 2 s to import, and a project that nobody works on needs them once.
    from filelock import FileLock  # noqa: PLC0415

    from adtech_assets.defs.dbt_parsing import parse  # noqa: PLC0415

    # The project is everybody's who may read it: an image is built by root, and run by another.
    with opened_as(project_dir), FileLock(project_dir / "target.lock"):
        if (found := fresh(project_dir)) is None:
            parse(project_dir)
            found = load(project_dir / GRAPH)
    return found


def fresh(project_dir: Path) -> Project | None:
    """A project as it was parsed; None if its files or dbt have changed since, or it was never."""
    if not all((project_dir / path).exists() for path in (GRAPH, MANIFEST)):
        return None
    found = load(project_dir / GRAPH)
    is_it = (found.dbt_version, found.digest) == (version("dbt-core"), digest_of(project_dir))
    return found if is_it else None


def digest_of(project_dir: Path) -> str:
    """Of the files of a project, and of the code that decides what its graph has: 5 ms.

    Not the time of the last change: a file may be deleted, or an older one come back in its place.
    """
    parts = ("models", "macros", "tests", "snapshots", "seeds")
    watched = chain(
        (project_dir / "dbt_project.yml", PARSER, Path(project.__file__)),
        *(sorted((project_dir / part).rglob("*")) for part in parts),
    )
    digest = hashlib.blake2b(digest_size=16)
    for path in watched:
        if path.is_file():
            name = path.relative_to(project_dir) if path.is_relative_to(project_dir) else path.name
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
