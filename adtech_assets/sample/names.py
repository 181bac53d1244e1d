"""Names of sample log files, as a feed has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from adtech_assets.contract import SAMPLE_FEED
from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from adtech_assets.contract import Feed, Kind

FORMS = (
    *(
        "%Y-%m-%dT%H",
        "%Y%m%dT%H",
        "%Y-%m-%d-%H",
        "%Y-%m-%d_%H",
        "%Y%m%d%H",
        "_%Y%m%d%H",
        "%Y%m%d-%H",
    ),
    *("%Y%m%d_%H", "%Y/%m/%d/%H", "%Y-%m-%d/%H", "%Y%m%d/%H"),
    *("year=%Y/month=%m/day=%d/hour=%H", "date=%Y-%m-%d/hour=%H", "dt=%Y-%m-%d/hr=%H"),
)
"""How the hour may be written that a feed looks for; with slashes, in folders."""

OFFSETS = (
    "_{first}-{last}_{partition}",
    "-{first}_{last}_{partition}",
    "-{first}_{last}",
    "_{first}-{last}",
)


class Offsets(NamedTuple):
    """Which events of the feed a file holds."""

    first: int
    rows: int
    partition: int

    @property
    def last(self) -> int:
        """The position of its last event."""
        return self.first + self.rows - 1


def file_name(feed: Feed, kind: Kind, at: datetime, offsets: Offsets) -> str:
    """Path below the landing folder of a file that is delivered at a local time.

    Raises:
        UserError: none of the usual forms is what the feed looks for.
    """
    if feed.file == SAMPLE_FEED:
        stamp = f"{at:%Y%m%d%H%M%S}{at.microsecond // 1000:03}"
        part = f"{offsets.first}-{offsets.last}_{offsets.partition}"
        return f"{kind}_processed_dk_{stamp}_{part}.parquet"
    for name in _candidates(feed.kinds[kind].files, at, offsets):
        if _says(feed, kind, name, at, offsets):
            return name
    raise UserError(
        f"No name can be made up that the feed file {feed} takes for {kind}: its patterns have no "
        "usual form. Use files of your own."
    )


def _candidates(pattern: str, at: datetime, offsets: Offsets) -> Iterator[str]:
    """The pattern with a time, offsets and something of its own in the place of wildcards."""
    own = f"{at:%M%S}{at.microsecond // 1000:03}-{offsets.partition}"
    endings = [form.format(last=offsets.last, **offsets._asdict()) for form in OFFSETS]
    for form in FORMS:
        stamp = at.strftime(form)
        for ending in (*endings, ""):
            if "/" in stamp:
                *folders, name = pattern.split("/")
                yield "/".join([stamp, name.replace("*", f"{own}{ending}", 1).replace("*", "")])
                wild = iter(stamp.split("/"))
                filled = [next(wild, "x") if part == "*" else part for part in folders]
                yield "/".join([*filled, name.replace("*", f"{own}{ending}", 1).replace("*", "")])
            else:
                flat = pattern.replace("**/", "")
                yield flat.replace("*", f"{stamp}-{own}{ending}", 1).replace("*", "")


def _says(feed: Feed, kind: Kind, name: str, at: datetime, offsets: Offsets) -> bool:
    """Whether the feed reads the name as it is meant."""
    is_kind = feed.kind_pattern.fullmatch(name)
    hour = feed.hour_pattern.search(name)
    if not is_kind or is_kind.lastgroup != kind or not hour:
        return False
    parts = [int(part) for part in hour.group("year", "month", "day", "hour")]
    if parts != [at.year, at.month, at.day, at.hour]:
        return False
    found = feed.offsets_pattern and feed.offsets_pattern.search(name)
    return not found or (int(found["first"]), int(found["last"])) == (offsets.first, offsets.last)
