"""Published marts as tests compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.publish import exports

if TYPE_CHECKING:
    import polars as pl

    from adtech_assets.stores.postgres import Postgres


def read(target: Postgres, name: str) -> pl.DataFrame:
    """All rows of a published mart, or of the mart of an export, by its key."""
    (page,) = exports.read_pages(target, [name])
    return page.frame
