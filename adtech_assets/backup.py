"""A copy of the data folder, and the data folder from a copy.

A copy is of one moment: it is taken while the warehouse is reserved, without which no step of a run
writes anything. It may lie between two steps; then it is like what a killed run leaves, and the
next run converges. Restoring ends with the old folder or with the copy, or with a word.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from filelock import FileLock, Timeout

from adtech_assets import files
from adtech_assets.errors import UserError
from adtech_assets.settings import RESTORING, masked_url
from adtech_assets.stores import embedded_postgres, erasures
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from adtech_assets.settings import Settings

CONTENTS = "backup.json"
"""In a copy: what belongs to it. It is written last, so that a copy without it is none."""

FORMATS = (1, 2)
"""That can be restored; the last is written."""

IN_USE_SECONDS = 5
"""For whoever uses the data folder to be gone, before it is replaced."""

_NEW, _OLD = ".restored", ".replaced"
"""In the data folder while it is being replaced: what comes, and what goes."""

_ON_THE_WAY = ".backup"
"""In the data folder: a copy on its way to a bucket, or from one."""

AT_ONCE = 16
"""Files on the way."""

# Locks stay with the folder. What dbt leaves is made again.
_NOT_COPIED = {"dbt", "spool", "warehouse.duckdb", "warehouse.duckdb.tmp", "postgres"}
_NOT_COPIED_SUFFIXES = (".lock", ".wal", ".db-wal", ".db-shm", ".db-journal", files.PARTIAL_SUFFIX)

_CLUSTER = Path("postgres", "cluster")


@dataclass(frozen=True)
class Copy:
    """A copy of a data folder."""

    sizes: Mapping[str, int]
    """Bytes of each file, by its name in the folder."""
    empty_folders: Sequence[str]
    """Postgres wants them."""
    not_in_it: Sequence[str]
    """Stores of which it has nothing: servers of your own, by their URLs without passwords, and an
    archive that is not in the data folder."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of each file; none in a copy of format 1."""
    forgotten_since: Sequence[tuple[date, date]] = ()
    """Once restored: first and last days that were erased after the copy had been taken."""


def back_up(settings: Settings, folder: Path, tell: Callable[[str], object]) -> Copy:
    """Copy the data folder, while runs wait.

    Args:
        settings: name the stores.
        folder: of the copy; it is made, or empty.
        tell: is told what is being copied.

    Raises:
        TransientError: the warehouse was in use for too long.
        UserError: the folder is not empty, or part of the data folder; or there is nothing to copy.
    """
    _refuse_nothing(settings)
    _refuse_overlap(settings.data_dir, folder)
    return _back_up(settings, folder, tell)


def back_up_to_bucket(settings: Settings, place: str, tell: Callable[[str], object]) -> Copy:
    """The same to a place in a bucket: whole, or without `backup.json`, which makes it none.

    Args:
        settings: name the stores; the data folder needs room for the copy meanwhile.
        place: `s3://bucket/prefix`, empty.
        tell: is told what is being copied.

    Raises:
        TransientError: the warehouse was in use for too long, or the bucket does not answer.
        UserError: there is something already, or nothing to copy; or the bucket cannot be used.
    """
    from adtech_assets.stores import objects  # noqa: PLC0415 - obstore takes 0.1 s

    _refuse_nothing(settings)
    if next(objects.listed(place), None) is not None:
        raise UserError(f"{place} is not empty. Name a new place for each backup.")
    with _on_the_way(settings) as folder:
        copy = _back_up(settings, folder, tell)
        tell(f"{len(copy.sizes):,} files on their way to {place}")
        with ThreadPoolExecutor(AT_ONCE, "backup") as pool:
            list(
                pool.map(lambda name: objects.upload(place, folder / name, _key(name)), copy.sizes)
            )
        objects.upload(place, folder / CONTENTS, CONTENTS)
    return copy


@contextmanager
def from_bucket(settings: Settings, place: str, tell: Callable[[str], object]) -> Iterator[Path]:
    """A folder with the copy that a bucket has, to be restored.

    Raises:
        TransientError: the bucket does not answer.
        UserError: there is no copy, or the bucket cannot be used.
    """
    from adtech_assets.stores import objects  # noqa: PLC0415 - obstore takes 0.1 s

    def fetch(name: str, key: str) -> None:
        try:
            objects.download(place, objects.look(place, key), folder / name)
        except FileNotFoundError:
            raise UserError(
                f"{place} is no backup, or one that was not finished: there is no {key} in it."
            ) from None

    with _on_the_way(settings) as folder:
        fetch(CONTENTS, CONTENTS)
        names = _names(folder)
        tell(f"{len(names):,} files on their way from {place}")
        with ThreadPoolExecutor(AT_ONCE, "restore") as pool:
            for fetched in [pool.submit(fetch, name, _key(name)) for name in names]:
                fetched.result()
        yield folder


@contextmanager
def _on_the_way(settings: Settings) -> Iterator[Path]:
    """A folder in the data folder, which goes afterwards."""
    folder = settings.data_dir / _ON_THE_WAY
    shutil.rmtree(folder, ignore_errors=True)  # by one that was killed
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _names(folder: Path) -> list[str]:
    """The files of a copy of which there is nothing yet but what belongs to it."""
    try:
        return list(json.loads((folder / CONTENTS).read_bytes())["sizes"])
    except (ValueError, KeyError, TypeError):
        return []


def _key(name: str) -> str:
    """What a file is called in a bucket: names of log files may be any bytes."""
    return quote(os.fsencode(name))


def _refuse_nothing(settings: Settings) -> None:
    if not settings.data_dir.is_dir():
        raise UserError(f"There is nothing to back up: there is no {settings.data_dir}.")


def _back_up(settings: Settings, folder: Path, tell: Callable[[str], object]) -> Copy:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty. Name a new folder for each backup.")
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = Warehouse.of(settings)
    with ExitStack() as stack:
        stack.enter_context(warehouse.reserved())
        if warehouse.path.exists():
            tell("warehouse")
            # Open, so that nobody else opens it meanwhile; of an earlier version, it stays so.
            connection = stack.enter_context(warehouse.as_it_is())
            connection.execute("CHECKPOINT")
            _copy(warehouse.path, folder / warehouse.path.name)
        if (settings.data_dir / _CLUSTER / "PG_VERSION").exists():
            tell("embedded Postgres")
            embedded_postgres.copy_to(settings.data_dir / "postgres", folder / _CLUSTER)
        for number, path in enumerate(_others(settings.data_dir)):
            if number % 100 == 0:
                tell(f"{number:,} other files")
            with suppress(FileNotFoundError):  # the log of a run whose time is over
                _copy_live(path, folder / path.relative_to(settings.data_dir))
    paths = sorted(folder.rglob("*"))
    empty = [path for path in paths if path.is_dir() and not any(path.iterdir())]
    copy = Copy(
        {str(path.relative_to(folder)): path.stat().st_size for path in paths if path.is_file()},
        [str(path.relative_to(folder)) for path in empty],
        _elsewhere(settings),
        {str(path.relative_to(folder)): files.sha256(path) for path in paths if path.is_file()},
    )
    os.sync()
    with files.written_whole(folder / CONTENTS) as partial:
        content = {"format": FORMATS[-1], **dataclasses.asdict(copy)}
        del content["forgotten_since"]
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return copy


def read(folder: Path) -> Copy:
    """Look whether a copy is whole.

    Raises:
        UserError: it is not, or it is none.
    """
    try:
        content = json.loads((folder / CONTENTS).read_bytes())
        version = content.pop("format")
        copy = Copy(**content)
    except FileNotFoundError:
        raise UserError(
            f"{folder} is no backup, or one that was not finished: there is no {CONTENTS} in it."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"{folder / CONTENTS} is damaged, or written by another version of adtech-assets."
        ) from None
    if version not in FORMATS:
        raise UserError(f"{folder} was made by another version of adtech-assets.")
    for name, size in copy.sizes.items():
        path = folder / name
        is_whole = path.is_file() and path.stat().st_size == size
        if not is_whole or copy.checksums.get(name) not in (None, files.sha256(path)):
            raise UserError(f"{folder} is damaged: {name} is not there as it was backed up.")
    return copy


def restore(settings: Settings, folder: Path, tell: Callable[[str], object]) -> Copy:
    """Replace the data folder by a copy, which stays.

    A kill leaves the old folder as it was; or, in the moment in which one takes the place of the
    other, a folder that every command refuses until this one has been run again.

    Args:
        settings: name the data folder.
        folder: of the copy.
        tell: is told what is being done.

    Raises:
        UserError: there is no whole copy, or somebody uses the data folder.
    """
    if folder != settings.data_dir / _ON_THE_WAY:
        _refuse_overlap(settings.data_dir, folder)
    copy = read(folder)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    new, old = settings.data_dir / _NEW, settings.data_dir / _OLD
    with ExitStack() as stack:
        _enter_dev_lock(settings, stack)
        stack.enter_context(
            Warehouse(settings.warehouse_path, wait_seconds=IN_USE_SECONDS).reserved()
        )
        stack.enter_context(
            embedded_postgres.unused(settings.data_dir / "postgres", wait_seconds=IN_USE_SECONDS)
        )
        for left in (new, old):  # by a restore that was killed
            shutil.rmtree(left, ignore_errors=True)
        for number, name in enumerate(copy.sizes):
            if number % 100 == 0:
                tell(f"{number:,} of {len(copy.sizes):,} files")
            _copy(folder / name, new / name)
        for name in copy.empty_folders:
            (new / name).mkdir(parents=True)
        os.sync()
        forgotten = erasures.carry_over(settings.data_dir, new)
        tell("exchanging the folders")
        (settings.data_dir / RESTORING).touch()
        for part in _parts(settings.data_dir):
            _move(settings.data_dir / part, old / part)
        for part in _parts(new):
            _move(new / part, settings.data_dir / part)
        os.sync()
        (settings.data_dir / RESTORING).unlink()
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return dataclasses.replace(
        copy, forgotten_since=tuple((each.first, each.last) for each in forgotten)
    )


def _elsewhere(settings: Settings) -> list[str]:
    urls = {"source": settings.source_database_url, "target": settings.target_database_url}
    servers = [f"{role} {masked_url(url)}" for role, url in urls.items() if url is not None]
    archive = settings.archive_dir
    if isinstance(archive, Path) and archive.is_relative_to(settings.data_dir):
        return servers
    return [*servers, f"archive {archive}"]


def _refuse_overlap(data_dir: Path, folder: Path) -> None:
    resolved = folder.resolve()
    if resolved.is_relative_to(data_dir) or data_dir.is_relative_to(resolved):
        raise UserError(f"{folder} and the data folder {data_dir} must not lie in each other.")


def _enter_dev_lock(settings: Settings, stack: ExitStack) -> None:
    lock = FileLock(settings.data_dir / "dev.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError("adtech dev is running. Stop it first, then try again.") from None
    stack.callback(lock.release)


def _others(data_dir: Path) -> Iterator[Path]:
    """The files that are copied as they are."""
    for top in sorted(data_dir.iterdir()):
        if top.name in {*_NOT_COPIED, RESTORING, _NEW, _OLD, _ON_THE_WAY}:
            continue
        for path in [top, *sorted(top.rglob("*"))]:
            if path.is_file() and not path.name.endswith(_NOT_COPIED_SUFFIXES):
                yield path


def _copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _copy_live(path: Path, target: Path) -> None:
    if path.suffix != ".db":
        _copy(path, target)
        return
    # Dagster writes to its databases all the time.
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copied:
        source.backup(copied)


def _parts(folder: Path) -> list[Path]:
    """What is moved at once. Locks are held, and stay."""
    parts = [Path(path.name) for path in sorted(folder.iterdir()) if path.suffix != ".lock"]
    kept = {Path("postgres"), Path(RESTORING), Path(_NEW), Path(_OLD), Path(_ON_THE_WAY)}
    cluster = [_CLUSTER] if (folder / _CLUSTER).exists() else []
    return [part for part in parts if part not in kept] + cluster


def _move(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
