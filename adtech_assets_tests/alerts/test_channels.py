"""What arrives at a webhook and at a mail server, and what is said of those that are dead."""

from __future__ import annotations

import io
import logging

import pytest
from pydantic import SecretStr

from adtech_assets.alerts.channels import channels, send
from adtech_assets.alerts.memory import Message
from adtech_assets.settings import load_settings, shown
from adtech_assets_tests.alerts.listeners import free_port

MESSAGE = Message("adtech: 1 failed run", "The run for 2022-05-26 failed. <b>_a_b_ *c*", "failure")
SECRET = "t0k3n-X/p%40ss"  # noqa: S105 - that nobody is to see


def told(*urls):
    found = channels(load_settings(alerts=" ".join(urls)))
    return send(dict.fromkeys(found, MESSAGE))


def test_a_webhook_is_sent_title_and_text_as_they_are(webhook):
    assert told(webhook.url()) == {"1 json": None}
    [message] = webhook.taken
    assert (message["title"], message["message"]) == (MESSAGE.title, MESSAGE.body)
    assert message["type"] == "failure"


def test_a_mail_has_title_and_text(mail_server):
    assert told(mail_server.url()) == {"1 mailto": None}
    [mail] = mail_server.taken
    assert (mail["Subject"], mail["To"]) == (MESSAGE.title, "anna@example.com")
    assert MESSAGE.body in mail.get_body().get_content()


def test_a_dead_channel_stops_no_other(webhook, mail_server):
    answers = told(f"json://127.0.0.1:{free_port()}", webhook.url(), mail_server.url())
    assert {name for name, problem in answers.items() if problem} == {"1 json"}
    assert (len(webhook.taken), len(mail_server.taken)) == (1, 1)


def test_a_channel_that_refuses_is_not_told(webhook):
    webhook.status = 403
    assert "403" in told(webhook.url())["1 json"]


@pytest.fixture
def logged():
    """What the process logs, however much of it somebody wants."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize(
    "url",
    [
        "json://user:{secret}@127.0.0.1:{dead}/{secret}?+Authorization={secret}",
        "json://127.0.0.1:{refuses}/{secret}",
        "mailto://user:{secret}@127.0.0.1:{dead}?to=anna@example.com",
        "slack://{secret}",
        "nothing-known://{secret}",
    ],
)
def test_no_secret_is_said_or_logged(url, logged, capfd, webhook):
    webhook.status = 403
    ports = {"dead": free_port(), "refuses": webhook.server_port}
    [problem] = told(url.format(secret=SECRET, **ports)).values()
    assert problem
    said = problem + logged.getvalue() + "".join(capfd.readouterr())
    for part in ("t0k3n-X", "p%40ss", "p@ss"):
        assert part not in said


def test_no_secret_is_shown_of_the_settings():
    settings = load_settings(alerts=f"slack://{SECRET} mailto://user:{SECRET}@example.com")
    assert shown(settings)["ADTECH_ALERTS"] == "slack://*** mailto://***"
    assert SECRET not in repr(settings)
    assert SECRET not in repr(channels(settings))
    assert isinstance(settings.alerts, SecretStr)
