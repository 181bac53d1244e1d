"""What a person does with refused files: give them another try, or let one replace another."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from adtech_assets import files
from adtech_assets.errors import UserError
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.reader import RAW_TABLES
from adtech_assets.stores.warehouse import Warehouse, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from adtech_assets.settings import Settings

REASON_FILE = "reason.json"


def quarantined_files(settings: Settings) -> list[Path]:
    """Every file in quarantine, in the order in which they came."""
    return sorted(_files(settings), key=lambda path: path.parent.name)


def _files(settings: Settings) -> Iterator[Path]:
    for folder in settings.quarantine_dir.glob("[0-9]*"):
        yield from (path for path in folder.iterdir() if path.name != REASON_FILE)


def retry(settings: Settings, name: str | None = None) -> list[str]:
    """Put refused files (one, or all) back into the landing folder for the next run to judge.

    Raises:
        UserError: no such file is in quarantine, or the landing folder has one of that name.
    """
    found = [path for path in quarantined_files(settings) if name in (None, path.name)]
    if name is not None and not found:
        raise UserError(f"{name} is not in quarantine. See what is: adtech status")
    for path in found:
        _put_back(settings, path)
    return [path.name for path in found]


def replace(settings: Settings, name: str) -> date:
    """Let a refused file take the place of the loaded file of the same name.

    The old file's rows leave the warehouse, the file itself goes to `archive/replaced`. The new
    one goes back to the landing folder: load its day again to count it.

    Returns:
        The day to load.

    Raises:
        UserError: no file of that name is in quarantine, or none is loaded.
    """
    found = [path for path in quarantined_files(settings) if path.name == name]
    if not found:
        raise UserError(f"{name} is not in quarantine. See what is: adtech status")
    with Warehouse.of(settings).connect() as connection:
        Ledger.create(connection)
        old = connection.execute(
            "SELECT file_id, kind, file_date FROM raw.log_files "
            "WHERE file_name = ? AND status = 'loaded'",
            [name],
        ).fetchone()
        if old is None:
            raise UserError(
                f"No loaded file is called {name}. Try it again: adtech logs retry {name}"
            )
        file_id, kind, day = old
        archived = settings.archive_dir / kind / day.isoformat() / name
        with transaction(connection):
            connection.execute(f"DELETE FROM {RAW_TABLES[kind]} WHERE file_id = ?", [file_id])
            connection.execute(
                "UPDATE raw.log_files SET status = 'replaced' WHERE file_id = ?", [file_id]
            )
            # Before the commit: were the old file still in the archive without being in the
            # ledger, the next run would read it again.
            if archived.exists():
                files.move(archived, settings.archive_dir / "replaced" / f"{file_id:08d}" / name)
            (settings.raw_data_dir / name).unlink(missing_ok=True)
            _put_back(settings, found[-1])
    loaded_day: date = day
    return loaded_day


def _put_back(settings: Settings, path: Path) -> None:
    target = settings.raw_data_dir / path.name
    if target.exists():
        raise UserError(f"{target} exists already. Move it away first.")
    files.move(path, target)
    shutil.rmtree(path.parent)
