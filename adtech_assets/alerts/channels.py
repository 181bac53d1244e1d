"""Where alerts go, by apprise: Slack, Teams, mail, webhooks, PagerDuty and a hundred others.

A channel's URL holds its password or token, and often is one. So nothing of it is ever shown but
what kind of channel it is, and apprise's own log goes nowhere.
"""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from adtech_assets.settings import alert_urls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from adtech_assets.alerts.memory import Message
    from adtech_assets.settings import Settings

SEND_SECONDS = 20
"""For all channels together, as they are sent to at once. A tick of a sensor may take 60."""


@dataclass(frozen=True)
class Channel:
    """One place where alerts go."""

    name: str
    """Its number in the setting, and its kind: `1 slack`."""
    url: SecretStr


def channels(settings: Settings) -> list[Channel]:
    """The channels of ADTECH_ALERTS, in their order."""
    return [
        Channel(f"{number} {url.get_secret_value().partition('://')[0]}", url)
        for number, url in enumerate(alert_urls(settings), start=1)
    ]


def send(messages: Mapping[Channel, Message]) -> dict[str, str | None]:
    """Send each channel its message, all at once.

    Returns:
        By name of the channel, what went wrong; None if the message was taken.
    """
    if not messages:
        return {}
    with ThreadPoolExecutor(len(messages)) as pool:
        answers = pool.map(_send, messages.keys(), messages.values())
        return {channel.name: answer for channel, answer in zip(messages, answers, strict=True)}


def _send(channel: Channel, message: Message) -> str | None:
    import apprise  # noqa: PLC0415 - only where somebody is told something

    # Both would log parts of the URL.
    logging.getLogger("apprise").propagate = False
    logging.getLogger("urllib3").setLevel(logging.INFO)
    url = channel.url.get_secret_value()
    try:
        service = apprise.Apprise()
        if not service.add(url):
            return "apprise cannot read such a URL"
        result = service.notify(
            title=message.title,
            body=message.body,
            notify_type=apprise.NotifyType(message.kind),
            body_format=apprise.NotifyFormat.TEXT,
            timeout=SEND_SECONDS,
        )
    except Exception as error:  # noqa: BLE001 - whatever a channel does, it stops no other
        return _masked(f"{type(error).__name__}: {error}", url)
    if result:
        return None
    reasons = [entry.message for entry in result.logs()]
    return _masked("; ".join(reasons) or f"no answer within {SEND_SECONDS} s", url)


def _masked(text: str, url: str) -> str:
    """A text without anything that is in the URL, which may be a part of a secret."""
    parts = re.split(r"[/:@?&=,]+", url.partition("://")[2])
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        if len(part) > 2:  # noqa: PLR2004 - what is shorter is in every text
            text = text.replace(part, "***")
    return " ".join(text.split())
