"""Channels that listen."""

import pytest

from adtech_assets_tests.alerts.listeners import MailServer, Webhook, listening


@pytest.fixture
def webhook():
    with listening(Webhook()) as server:
        yield server


@pytest.fixture
def mail_server():
    with listening(MailServer()) as server:
        yield server
