"""Files in the folders that a person has named for results, and whether they can be written."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.files import sha256, written_whole
from adtech_assets.versions import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from adtech_assets.settings import Settings
    from adtech_assets.versions import Notes

REPORT_NAME = "kpi_report.html"


def unchanged_since(
    notes: Notes, part: str, version: str, paths: Sequence[Path]
) -> datetime | None:
    """When files were made of this version (naive UTC); None if not, or if they are not as then."""
    if not all(path.is_file() for path in paths):
        return None
    if notes.of(part).get(None) != _version_of_files(version, paths):
        return None
    return notes.noted_at(part, [None])[None]


def note(notes: Notes, part: str, version: str, paths: Sequence[Path], run_id: str) -> None:
    """Note that files have been made of this version."""
    notes.note(part, {None: _version_of_files(version, paths)}, run_id)


def _version_of_files(version: str, paths: Sequence[Path]) -> str:
    return digest(version, *map(sha256, paths))


@contextlib.contextmanager
def written_output(path: Path) -> Iterator[Path]:
    """As `written_whole`; whoever may look into the folder may read the file.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    try:
        with written_whole(path) as partial:
            yield partial
            partial.chmod(path.parent.stat().st_mode & 0o666)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error


def put_into_bucket(settings: Settings, paths: Sequence[Path]) -> None:
    """Copy files to where the settings want them too; each appears there whole or not at all."""
    if settings.exports_bucket:
        from adtech_assets.stores import objects  # noqa: PLC0415 - obstore takes 0.1 s

        for path in paths:
            objects.upload(settings.exports_bucket, path, path.name)


def check_folders(settings: Settings) -> None:
    """Refuse folders that cannot be written to, and make those that are missing.

    Before each step, so that a run fails before anything has changed: a file that has been read
    could not be served or archived. It takes 0.1 ms a folder.

    Raises:
        UserError: a folder cannot be written to.
    """
    _check_folder(settings.output_dir, "ADTECH_OUTPUT_DIR")
    if isinstance(settings.archive_dir, Path):
        _check_folder(settings.archive_dir, "ADTECH_ARCHIVE_DIR")
    for folder in (
        settings.data_dir,
        settings.quarantine_dir,
        settings.exports_dir,
    ):
        _check_folder(folder, "ADTECH_DATA_DIR")


def _check_folder(folder: Path, setting: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Asked by doing: root passes every permission, but not a read-only file system.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "it is not a folder" if folder.is_file() else error.strerror
        raise UserError(
            f"{folder} cannot be written to: {reason}. Nothing has been changed. Give access to it "
            f"or set {setting}."
        ) from error
