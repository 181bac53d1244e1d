"""What has been told on which channel, so that it is told once, and once that it is gone.

The memory survives restarts as the cursor of the sensor. A channel that is out of order is told
later what the others know already.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from adtech_assets.audit.conditions import Condition, What, told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

FORGOTTEN_SECONDS = 30 * 86400.0
"""A condition that nobody has seen to for so long is forgotten without a word when it goes."""

MOST_LINES = 10
"""Conditions that a message names."""

MOST_CHARACTERS = 500
"""Of a line that is told, and remembered."""


@dataclass(frozen=True)
class Alert:
    """A condition that needs a person, if it stands for some time."""

    condition: Condition
    name: str
    """By which it is known again, whatever words tell it."""
    patience: float = 0.0
    """Seconds for which it may pass by itself before anybody is told."""
    link: str = ""

    @property
    def key(self) -> str:
        """What it is, and which one."""
        return f"{self.condition.what}: {self.name}"

    @property
    def line(self) -> str:
        """How it is told."""
        line = str(self.condition)
        if len(line) > MOST_CHARACTERS:
            line = f"{line[: MOST_CHARACTERS - 2]} …"
        return f"{line} {self.link}".strip()


@dataclass(frozen=True)
class Message:
    """What a channel is sent."""

    title: str
    body: str
    kind: Literal["failure", "warning", "success", "info"]
    new: dict[str, str] = field(default_factory=dict)
    """Line by key, of what it tells for the first time."""
    gone: tuple[str, ...] = ()
    """Keys of what it says is resolved."""


@dataclass
class Memory:
    """What the alerts know between two looks."""

    since: dict[str, float] = field(default_factory=dict)
    """When a condition was first seen, in seconds since 1970, by key."""
    told: dict[str, dict[str, str]] = field(default_factory=dict)
    """What stands, as far as each channel knows: by its name, line by key."""
    digests: dict[str, str] = field(default_factory=dict)
    """Day of the last digest, by channel."""

    def __post_init__(self) -> None:
        """Nothing has been looked at yet."""
        self._due: list[Alert] = []
        """What stands, and has for long enough."""
        self._standing: set[str] = set()

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Memory:
        """Restore the memory."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def to_cursor(self) -> str:
        """Keep the memory; it grows with what stands and the channels."""
        return json.dumps(asdict(self))

    def names(self, what: What) -> set[str]:
        """Names of what stood at the last look, or as far as some channel knows."""
        keys = {*self.since, *(key for lines in self.told.values() for key in lines)}
        return {key.removeprefix(f"{what}: ") for key in keys if key.startswith(f"{what}: ")}

    def look(
        self,
        standing: Iterable[Alert],
        channels: Collection[str],
        now: float,
        unknown: Collection[What] = (),
    ) -> None:
        """Take in what stands.

        Args:
            standing: now.
            channels: names of those that are told.
            now: in seconds since 1970.
            unknown: of which it cannot be said what stands; it is taken to be as before.
        """
        found = {alert.key: alert for alert in standing}
        self.told = {name: self.told.get(name, {}) for name in channels}
        self.digests = {name: day for name, day in self.digests.items() if name in channels}
        for lines in self.told.values():
            for key in lines.keys() - found.keys():
                if now - self.since.get(key, now) > FORGOTTEN_SECONDS:
                    del lines[key]
        known = {key for lines in self.told.values() for key in lines}
        self.since = {
            key: min(since, now)  # the clock may have gone back
            for key, since in self.since.items()
            if key in found or key in known or _what(key) in unknown
        }
        for key in found:
            self.since.setdefault(key, now)
        self._due = [
            alert for key, alert in found.items() if now - self.since[key] >= alert.patience
        ]
        self._standing = {*found, *(key for key in self.since if _what(key) in unknown)}

    def message(self, channel: str) -> Message | None:
        """What this channel has not been told of the last look; None if it knows all."""
        lines = self.told[channel]
        new = [alert for alert in self._due if alert.key not in lines]
        gone = [key for key in lines if key not in self._standing]
        if not new and not gone:
            return None
        conditions = [alert.condition for alert in new]
        resolved = [Condition(_what(key), lines[key]) for key in gone]
        titles = [told(conditions)] if new else []
        titles += [f"resolved: {told(resolved)}"] if gone else []
        told_lines = [alert.line for alert in new]
        told_lines += [f"resolved: {lines[key]}" for key in gone]
        is_bad = any(condition.look == "bad" for condition in conditions)
        return Message(
            title=f"adtech: {'; '.join(titles)}",
            body=body(told_lines),
            kind="failure" if is_bad else "warning" if new else "success",
            new={alert.key: alert.line for alert in new},
            gone=tuple(gone),
        )

    def delivered(self, channel: str, message: Message) -> None:
        """Remember that a channel has been told."""
        lines = self.told[channel]
        lines.update(message.new)
        for key in message.gone:
            del lines[key]


def body(lines: Sequence[str]) -> str:
    """Lines of a message, a paragraph each, not too many."""
    more = len(lines) - MOST_LINES
    shown = list(lines[:MOST_LINES])
    if more > 0:
        shown.append(f"and {more:,} more: adtech status")
    return "\n\n".join(shown)


def _what(key: str) -> What:
    """Which kind of condition it is; a kind that there is no more is not known."""
    kinds: tuple[What, ...] = get_args(What)
    return next((kind for kind in kinds if key.startswith(f"{kind}: ")), "not known")
