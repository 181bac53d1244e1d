"""Files in the folders that a person has named for results."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
