"""What some log files would be counted as, without counting them: for a new feed file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from adtech_assets.errors import TransientError
from adtech_assets.feed import landing, names, places, raw_tables
from adtech_assets.feed.conformance import Inspector
from adtech_assets.feed.folders import Folder
from adtech_assets.feed.reader import FileToRead, Reader
from adtech_assets.feed.rejections import Rejection
from adtech_assets.partitions import today

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adtech_assets.contract import Kind
    from adtech_assets.feed.ledger import ReadFile
    from adtech_assets.feed.names import LogFileName
    from adtech_assets.feed.place import Place
    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Checked:
    """What would become of a file."""

    path: str
    name: str
    """As below the landing folder."""
    kind: Kind | None
    """None: no pattern of the feed matches, so it would be ignored."""
    parsed: LogFileName | None = None
    """What its name says, if it says anything."""
    read: ReadFile | None = None
    """What would be read of it."""
    rejection: Rejection | None = None
    """Why it would go to quarantine."""

    @property
    def is_counted(self) -> bool:
        """Whether its events would be counted."""
        return self.read is not None


def check(settings: Settings, paths: Iterable[Path]) -> Iterator[Checked]:
    """Judge files, and the log files of folders, as a run would; nothing is moved or noted.

    Of no paths, the landing folder's.

    A file outside the landing folder is taken as if its path, or the end of its path that the feed
    has a pattern for, were below it.

    Raises:
        FileNotFoundError: there is no such file.
    """
    # Copies of a bucket's objects are not those of a run, which may go on meanwhile.
    with TemporaryDirectory() as folder, raw_tables.in_memory(settings.feed) as connection:
        apart = settings.model_copy(update={"data_dir": Path(folder)})
        reader = Reader(connection, settings.feed, settings.zone)
        for number, (place, name) in enumerate(_found(apart, list(paths))):
            yield _judge(settings, reader, place, name, number)
            for table in raw_tables.RAW_TABLES.values():
                connection.execute(f"DELETE FROM {table}")


def _found(settings: Settings, paths: list[Path]) -> Iterator[tuple[Place, str]]:
    """Each file: the place and the name below it that it would have."""
    if not paths:
        landed = places.landing(settings)
        yield from ((landed, file.name) for file in landing.scan(landed, settings.feed))
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            folder = Folder(path)
            yield from ((folder, file.name) for file in landing.scan(folder, settings.feed))
        else:
            path.lstat()
            yield _placed(settings, path)


def _placed(settings: Settings, path: Path) -> tuple[Folder, str]:
    whole, landed = path.absolute(), settings.raw_data_dir
    if isinstance(landed, Path) and whole.is_relative_to(landed):
        return Folder(landed), whole.relative_to(landed).as_posix()
    parts = whole.parts
    for first in range(1, len(parts)):
        name = "/".join(parts[first:])
        if names.kind_of(settings.feed, name):
            return Folder(Path(*parts[:first])), name
    return Folder(whole.parent), whole.name


def _judge(settings: Settings, reader: Reader, place: Place, name: str, number: int) -> Checked:
    feed, path = settings.feed, place.shown(name)
    kind = names.kind_of(feed, name)
    if kind is None:
        return Checked(path, name, None)
    parsed = None
    try:
        parsed = names.parse(feed, name, today(settings.zone))
        file = place.look(name, kind)
        seen = place.fingerprint(file)
        looked = Inspector(feed, kind).look(file.path)
        read = reader.append_one(FileToRead(number, file.path, seen.bytes, parsed, looked))
    except Rejection as rejection:
        return Checked(path, name, kind, parsed, rejection=rejection)
    except TransientError as error:
        return Checked(path, name, kind, parsed, rejection=Rejection("unreadable", str(error)))
    return Checked(path, name, kind, parsed, read)
